"""LightGBM: histogram gradient boosting that grows the leaf with the greatest gain.

Its trees are read from its own text form, whose numbers have 17 digits, so that they come back to the bit. The start
value is in the leaves of the first trees.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from families.base import Arrays, Family, Meta, Parameter, Sample, Task
from families.node_tables import Tree, flatten
from families.objectives import quantile_of
from families.rounds import OUTPUTS, ROOM, Fitted, Watcher, along, library, watched_metric
from sluice.model.links import linked

OBJECTIVES = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}
LOSSES = {"binary": "binary_logloss", "multiclass": "multi_logloss", "regression": "l2"}
# The contract's metrics that LightGBM watches itself, with its names; more is better. Accuracy and F1 are not among
# them: on some hundred rows they move in steps, and the best step is chance.
METRICS = {"roc_auc": "auc", "pr_auc": "average_precision"}
_DEFAULT_LEFT, _MISSING_NAN, _CATEGORICAL = 2, 8, 1
_LEAST_COLUMNS = 5
_ZERO = float(np.float32(1e-35))


class LightGBM(Family):
    name = library = "lightgbm"
    seeded = True
    rounds = "num-iterations"
    encoding = "ordinal"
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "num-iterations": Parameter(200, 1, 10_000),
        "learning-rate": Parameter(0.05, 1e-4, 1.0),
        "num-leaves": Parameter(31, 2, 1000),
        "min-data-in-leaf": Parameter(20, 1, 10_000),
        "feature-fraction": Parameter(0.8, 0.01, 1.0),
        "bagging-fraction": Parameter(0.9, 0.05, 1.0),
        "lambda-l1": Parameter(0.0, 0.0, 1e6),
        "lambda-l2": Parameter(1.0, 0.0, 1e6),
        "extra-trees": Parameter("false", choices=("false", "true")),
    }

    def fit(self, hyperparameters: Mapping[str, Any], task: Task, sample: Sample, watch: Sample | None = None) -> Any:
        lightgbm = library("lightgbm", self.name)
        parameters: dict[str, Any] = {name.replace("-", "_"): value for name, value in hyperparameters.items()}
        rounds = parameters.pop("num_iterations")
        # a tree that sees one of two columns cannot learn what they do together
        share = min(1.0, _LEAST_COLUMNS / max(1, sample.matrix.shape[1]))
        parameters["feature_fraction"] = max(parameters["feature_fraction"], share)
        objective, loss = OBJECTIVES[task.problem], LOSSES[task.problem]
        if (quantile := quantile_of(task.problem, task.metric)) is not None:
            objective = loss = "quantile"
            parameters["alpha"] = quantile
        metric = watched_metric(task, watch, METRICS, loss)
        parameters |= {
            "objective": objective,
            "metric": metric,
            "bagging_freq": int(parameters["bagging_fraction"] < 1.0),
            "seed": task.seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": task.threads,
            "verbosity": -1,
        }
        if task.problem == "multiclass":
            parameters["num_class"] = task.classes
        rows = lightgbm.Dataset(sample.matrix, sample.y, weight=sample.weight, params=parameters)
        watched = []
        if watch is not None:
            watched = [lightgbm.Dataset(watch.matrix, watch.y, weight=watch.weight, reference=rows, params=parameters)]
        watcher = Watcher(task.deadline, parameters["learning_rate"], greater_is_better=metric in METRICS.values())

        def look(env: Any) -> None:
            value = env.evaluation_result_list[0][2] if env.evaluation_result_list else None
            if watch is not None:
                task.progress.after(env.iteration + 1, lambda: _answer(env.model, None, task, watch))
            if watcher.stop(env.iteration + 1, value):
                raise lightgbm.callback.EarlyStopException(watcher.best - 1, env.evaluation_result_list or [])

        booster = lightgbm.train(
            parameters, rows, rounds if watch is None else ROOM, valid_sets=watched, callbacks=[look]
        )
        # fewer where no leaf could be split any more
        rounds = max(1, min(watcher.best, booster.current_iteration()))
        return Fitted(booster, rounds, task.classes if task.classes > 2 else 1, OUTPUTS[task.problem])

    def settled(self, fitted: Fitted, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**hyperparameters, "num-iterations": fitted.rounds}

    def path(self, fitted: Fitted, task: Task, watch: Sample) -> dict[int, np.ndarray]:
        found, done, raw = {}, 0, np.zeros((len(watch.y), fitted.outputs))
        for rounds in along(fitted.booster.current_iteration()):
            # only the trees that are new: from the beginning each time, they would take as long as the fit
            more = fitted.booster.predict(
                watch.matrix, start_iteration=done, num_iteration=rounds - done, raw_score=True
            )
            raw, done = raw + more.reshape(raw.shape), rounds
            found[rounds] = linked(raw, fitted.output)
        return found

    def answer(self, fitted: Fitted, task: Task, sample: Sample) -> np.ndarray:
        return _answer(fitted.booster, fitted.rounds, task, sample)

    def export(self, fitted: Fitted) -> tuple[Arrays, Meta]:
        trees = read_trees(fitted.booster.model_to_string(num_iteration=fitted.rounds))
        arrays, depth = flatten(trees)
        arrays["start"] = np.zeros(fitted.outputs)
        meta = {
            "scorer": "boosting",
            "output": fitted.output,
            "width": int(fitted.booster.num_feature()),
            "depth": depth,
        }
        return arrays, meta


def _answer(booster: Any, rounds: int | None, task: Task, sample: Sample) -> np.ndarray:
    """The answer of the first `rounds`; None: of all rounds."""
    answer: np.ndarray = booster.predict(sample.matrix, num_iteration=rounds)
    return np.column_stack([1.0 - answer, answer]) if task.problem == "binary" else answer


def read_trees(text: str) -> list[Tree]:
    """The trees of a model in LightGBM's text form. Raises NotImplementedError for categorical splits."""
    trees = []
    for block in text[: text.index("\nend of trees")].split("\nTree=")[1:]:
        fields = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        leaves = int(fields["num_leaves"])
        inner = leaves - 1

        def numbers(name: str, kind: type, fields: dict[str, str] = fields, inner: int = inner) -> np.ndarray:
            return np.array(fields[name].split() if inner else [], dtype=kind)

        kinds, threshold = numbers("decision_type", int), numbers("threshold", float)
        if (kinds & _CATEGORICAL).any():
            raise NotImplementedError("categorical splits are not exported; the encoder makes numbers of categories")
        # Numbers as near to 0 as this are 0 for LightGBM, so that this threshold itself is above "below zero".
        threshold[threshold == -_ZERO] = np.nextafter(-_ZERO, -np.inf)
        # A missing value is 0 for LightGBM at a node whose column had none in training.
        missing_left = np.where(kinds & _MISSING_NAN, kinds & _DEFAULT_LEFT, threshold >= 0.0) != 0
        itself = np.arange(inner, inner + leaves)
        nothing = np.zeros(leaves)
        # inner nodes come first; a negative child is a leaf: -1 the first
        left, right = (
            np.concatenate([np.where(child < 0, inner - 1 - child, child), itself])
            for child in (numbers("left_child", int), numbers("right_child", int))
        )
        trees.append(
            Tree(
                np.concatenate([numbers("split_feature", int), nothing]),
                np.concatenate([threshold, nothing]),
                left,
                right,
                np.concatenate([missing_left, nothing]),
                np.concatenate([np.zeros(inner), np.array(fields["leaf_value"].split(), dtype=float)]),
            )
        )
    return trees
