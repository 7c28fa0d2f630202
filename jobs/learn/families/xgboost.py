"""XGBoost: gradient boosting on histograms, here growing the leaf with the greatest gain.

XGBoost rounds numbers to 32 bits, goes left if they are below the threshold, and adds up leaves in 32 bits. The
exported thresholds have the rounding in them (`float32`). The exported leaves have 32 bits, in which the scorer adds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from families import float32
from families.base import Arrays, Family, Meta, Parameter, Sample, Task
from families.node_tables import Tree, flatten
from families.objectives import quantile_of
from families.rounds import OUTPUTS, ROOM, Fitted, Watcher, along, library, watched_metric

OBJECTIVES = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}
LOSSES = {"binary": "logloss", "multiclass": "mlogloss", "regression": "rmse"}
# The contract's metrics that XGBoost watches itself; see `families.lightgbm` for those that it does not.
METRICS = {"roc_auc": "auc", "pr_auc": "aucpr"}
_LARGEST = float(np.finfo(np.float32).max)


class XGBoost(Family):
    name = library = "xgboost"
    seeded = True
    rounds = "num-round"
    encoding = "ordinal"
    # Values are equal. XGBoost's link computes in 32 bits, whose last one is 6e-8 just below 1; ours in 64.
    tolerance = 3e-7
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "num-round": Parameter(200, 1, 10_000),
        "learning-rate": Parameter(0.05, 1e-4, 1.0),
        "max-leaves": Parameter(31, 2, 1000),
        "min-child-weight": Parameter(5.0, 0.0, 1e6),
        "subsample": Parameter(0.9, 0.05, 1.0),
        "colsample-bynode": Parameter(0.8, 0.01, 1.0),
        "lambda": Parameter(1.0, 0.0, 1e6),
        "alpha": Parameter(0.0, 0.0, 1e6),
    }

    def fit(self, hyperparameters: Mapping[str, Any], task: Task, sample: Sample, watch: Sample | None = None) -> Any:
        xgboost = library("xgboost", self.name)
        parameters: dict[str, Any] = {name.replace("-", "_"): value for name, value in hyperparameters.items()}
        rounds = parameters.pop("num_round")
        objective, loss = OBJECTIVES[task.problem], LOSSES[task.problem]
        if (quantile := quantile_of(task.problem, task.metric)) is not None:
            objective, loss = "reg:quantileerror", "quantile"
            parameters["quantile_alpha"] = quantile
        metric = watched_metric(task, watch, METRICS, loss)
        parameters |= {
            "objective": objective,
            "eval_metric": metric,
            "tree_method": "hist",
            "grow_policy": "lossguide",
            "max_depth": 0,
            "seed": task.seed,
            "nthread": task.threads,
            "verbosity": 0,
        }
        if task.problem == "multiclass":
            parameters["num_class"] = task.classes
        family = self
        watcher = Watcher(task.deadline, parameters["learning_rate"], greater_is_better=metric in METRICS.values())
        outputs, output = task.classes if task.classes > 2 else 1, OUTPUTS[task.problem]

        class Look(xgboost.callback.TrainingCallback):  # type: ignore[name-defined, misc]  # known when it runs
            def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Any]) -> bool:
                if watch is not None:
                    sofar = Fitted(model, epoch + 1, outputs, output)
                    task.progress.after(sofar.rounds, lambda: family.answer(sofar, task, watch))
                value = evals_log["watch"][metric][-1] if evals_log else None
                return watcher.stop(epoch + 1, value)

        booster = xgboost.train(
            parameters,
            _rows(xgboost, sample, task.threads),
            rounds if watch is None else ROOM,
            evals=[] if watch is None else [(_rows(xgboost, watch, task.threads), "watch")],
            callbacks=[Look()],
            verbose_eval=False,
        )
        return Fitted(booster, watcher.best, outputs, output)

    def settled(self, fitted: Fitted, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**hyperparameters, "num-round": fitted.rounds}

    def path(self, fitted: Fitted, task: Task, watch: Sample) -> dict[int, np.ndarray]:
        last = fitted.booster.num_boosted_rounds()
        return {n: self.answer(fitted._replace(rounds=n), task, watch) for n in along(last)}

    def answer(self, fitted: Fitted, task: Task, sample: Sample) -> np.ndarray:
        rows = _rows(library("xgboost", self.name), Sample(sample.matrix, np.zeros(len(sample.matrix))), task.threads)
        answer: np.ndarray = fitted.booster.predict(rows, iteration_range=(0, fitted.rounds)).astype(np.float64)
        return np.column_stack([1.0 - answer, answer]) if task.problem == "binary" else answer

    def export(self, fitted: Fitted) -> tuple[Arrays, Meta]:
        learner = json.loads(fitted.booster[: fitted.rounds].save_raw("json"))["learner"]
        arrays, depth = flatten([_tree(tree) for tree in learner["gradient_booster"]["model"]["trees"]])
        arrays["value"] = arrays["value"].astype(np.float32)
        arrays["start"] = _start(learner, fitted.outputs, fitted.output)
        width = int(fitted.booster.num_features())
        return arrays, {"scorer": "boosting", "output": fitted.output, "width": width, "depth": depth}


def _rows(xgboost: Any, sample: Sample, threads: int) -> Any:
    # XGBoost refuses infinity, which larger numbers become in 32 bits; both are above every threshold
    matrix = np.clip(sample.matrix, -_LARGEST, _LARGEST)
    return xgboost.DMatrix(matrix, label=sample.y, weight=sample.weight, nthread=threads)


def _start(learner: Mapping[str, Any], outputs: int, output: str) -> np.ndarray:
    """What XGBoost answers before any tree and before the link, shape (outputs,), of 32 bits as there."""
    score = np.atleast_1d(np.array(json.loads(learner["learner_model_param"]["base_score"]), dtype=np.float32))
    if output == "expit":  # it is kept as a probability
        odds = np.float32(1) / score - np.float32(1)
        score = -np.log(odds.astype(np.float64)).astype(np.float32)
    return np.broadcast_to(score, (outputs,)).copy()


def _tree(tree: Mapping[str, Any]) -> Tree:
    left, right = np.array(tree["left_children"]), np.array(tree["right_children"])
    if any(tree["split_type"]):
        raise NotImplementedError("categorical splits are not exported; the encoder makes numbers of categories")
    leaf, itself = left < 0, np.arange(len(left))
    # a leaf has its value where an inner node has its threshold
    numbers = np.array(tree["split_conditions"], dtype=np.float32)
    return Tree(
        np.array(tree["split_indices"]),
        float32.below(numbers),
        np.where(leaf, itself, left),
        np.where(leaf, itself, right),
        np.array(tree["default_left"]),
        np.where(leaf, numbers, np.float32(0)),
    )
