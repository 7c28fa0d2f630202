"""CatBoost: boosting whose trees ask the same question at every node of a level.

It learns from categories themselves: a category's number for a row is taken from the rows before it in a random order,
so that no row answers for itself (ordered target statistics: Prokhorenkova et al., NeurIPS 2018). What it keeps at the
end is a table of counts over all rows, which `catboost_trees` exports. Missing numbers are below all others.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from families import catboost_trees
from families.base import Arrays, Family, Meta, Parameter, Sample, Task
from families.objectives import quantile_of
from families.rounds import OUTPUTS, ROOM, Watcher, along, library, watched_metric
from sluice.model.errors import ModelError

LOSSES = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}
# The contract's metrics that CatBoost watches itself; see `families.lightgbm` for those that it does not.
METRICS = {"roc_auc": "AUC", "pr_auc": "PRAUC"}
_UNSEEN = 2
"""A code's state is code + 1, and 0 where it is missing; behind the states of training is one for all others."""
_LARGEST = float(np.finfo(np.float32).max)


class Fitted(NamedTuple):
    """`states`: column of codes → number of its states; `rounds` is the number of trees."""

    model: Any
    rounds: int
    output: str
    width: int
    states: dict[int, int]


class CatBoost(Family):
    name = library = "catboost"
    seeded = True
    rounds = "iterations"
    encoding = "ordinal"
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "iterations": Parameter(300, 1, 10_000),
        "learning-rate": Parameter(0.06, 1e-4, 1.0),
        "depth": Parameter(6, 1, 8),
        "l2-leaf-reg": Parameter(3.0, 0.0, 1e6),
        "random-strength": Parameter(1.0, 0.0, 1e3),
        "rsm": Parameter(1.0, 0.01, 1.0),
    }

    def fit(self, hyperparameters: Mapping[str, Any], task: Task, sample: Sample, watch: Sample | None = None) -> Any:
        catboost = library("catboost", self.name)
        if not _varies(sample.matrix):
            raise ModelError("family catboost learns nothing from columns that have a single value each")
        states = {at: _states(sample.matrix[:, at]) for at in sample.codes}
        parameters: dict[str, Any] = {name.replace("-", "_"): value for name, value in hyperparameters.items()}
        rounds = parameters.pop("iterations")
        quantile = quantile_of(task.problem, task.metric)
        loss = LOSSES[task.problem] if quantile is None else "Quantile"
        metric = watched_metric(task, watch, METRICS, loss)
        parameters |= {
            "loss_function": _described(loss, quantile),
            "eval_metric": _described(metric, quantile),
            "iterations": rounds if watch is None else ROOM,
            # one step towards a quantile hardly sees the weights of rows
            "leaf_estimation_iterations": 1 if quantile is None else 5,
            # a statistic of two categories together took twice the time and was no better
            "max_ctr_complexity": 1,
            "random_seed": task.seed,
            "thread_count": task.threads,
            "allow_const_label": True,
            "allow_writing_files": False,
            "logging_level": "Silent",
        }
        if not task.classes and not np.ptp(sample.y) > 0:
            parameters["bootstrap_type"] = "No"  # without an error to learn from, it would find no rows to draw
        if quantile is not None:
            parameters["leaf_estimation_method"] = "Gradient"
        if task.problem == "multiclass":
            parameters["classes_count"] = task.classes
        watcher = Watcher(task.deadline, parameters["learning_rate"], greater_is_better=metric in METRICS.values())
        watched = None
        if watch is not None:
            watched = _pool(catboost, watch.matrix, states, label=watch.y, weight=watch.weight)
        model = catboost.CatBoost(parameters)
        model.fit(
            _pool(catboost, sample.matrix, states, label=sample.y, weight=sample.weight),
            eval_set=watched,
            use_best_model=False,
            callbacks=[_Look(watcher, metric)],
        )
        rounds = max(1, min(watcher.best, model.tree_count_))
        return Fitted(model, rounds, OUTPUTS[task.problem], sample.matrix.shape[1], states)

    def settled(self, fitted: Fitted, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**hyperparameters, "iterations": fitted.rounds}

    def path(self, fitted: Fitted, task: Task, watch: Sample) -> dict[int, np.ndarray]:
        rows = _pool(library("catboost", self.name), watch.matrix, fitted.states)
        return {n: _answer(fitted.model, n, task, rows) for n in along(fitted.model.tree_count_)}

    def answer(self, fitted: Fitted, task: Task, sample: Sample) -> np.ndarray:
        rows = _pool(library("catboost", self.name), sample.matrix, fitted.states)
        return _answer(fitted.model, fitted.rounds, task, rows)

    def export(self, fitted: Fitted) -> tuple[Arrays, Meta]:
        catboost = library("catboost", self.name)
        best = fitted.model
        if fitted.rounds < best.tree_count_:
            best = best.copy()
            best.shrink(fitted.rounds)
        # CatBoost writes down the hashes of those categories that it is shown with the model
        every = np.zeros((max(fitted.states.values(), default=1), fitted.width))
        for at, count in fitted.states.items():
            every[:count, at] = np.arange(count) - 1.0
            every[0, at] = np.nan
        pool = _pool(catboost, every, fitted.states)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.json"
            best.save_model(str(path), format="json", pool=pool)
            model = json.loads(path.read_text(encoding="utf-8"))
        numbers = [at for at in range(fitted.width) if at not in fitted.states]
        return catboost_trees.exported(model, fitted.output, fitted.width, numbers, fitted.states)


def _described(loss: str, quantile: float | None) -> str:
    # of what it learns from, nothing is to be measured after each round; a quantile knows no such hint
    return f"{loss}:hints=skip_train~true" if quantile is None else f"{loss}:alpha={quantile}"


class _Look:
    """What CatBoost calls after each round."""

    def __init__(self, watcher: Watcher, metric: str) -> None:
        self._watcher, self._metric = watcher, metric

    def after_iteration(self, info: Any) -> bool:
        watched = (info.metrics or {}).get("validation", {})
        found = next((values[-1] for name, values in watched.items() if name.split(":")[0] == self._metric), None)
        return not self._watcher.stop(info.iteration, found)


def _answer(model: Any, rounds: int, task: Task, rows: Any) -> np.ndarray:
    kind = "RawFormulaVal" if task.problem == "regression" else "Probability"
    answer: np.ndarray = model.predict(rows, prediction_type=kind, ntree_end=rounds, thread_count=task.threads)
    return answer


def _varies(matrix: np.ndarray) -> bool:
    """Whether any column has two values, of which a missing one may be one: CatBoost fails where none has."""
    plain = _in_32_bits(matrix)
    missing = np.isnan(plain)
    several = np.fmin.reduce(plain, axis=0) < np.fmax.reduce(plain, axis=0)
    return bool((several | (missing.any(axis=0) & ~missing.all(axis=0))).any())


def _in_32_bits(matrix: np.ndarray) -> np.ndarray:
    # larger numbers would be infinite in 32 bits, which CatBoost refuses; both are above every border
    return np.clip(matrix, -_LARGEST, _LARGEST).astype(np.float32)


def _states(codes: np.ndarray) -> int:
    known = codes[~np.isnan(codes)]
    return (int(known.max()) if len(known) else -1) + 1 + _UNSEEN


def _pool(catboost: Any, matrix: np.ndarray, states: Mapping[int, int], **rest: Any) -> Any:
    """Numbers in 32 bits and categories as texts, for the number of their state."""
    numbers = [at for at in range(matrix.shape[1]) if at not in states]
    categories = np.empty((len(matrix), len(states)), dtype=object)
    for place, (at, count) in enumerate(states.items()):
        state = np.where(np.isnan(matrix[:, at]), 0.0, np.clip(matrix[:, at] + 1.0, 0.0, count - 1))
        texts = np.array([str(each).encode() for each in range(count)], dtype=object)
        categories[:, place] = texts[state.astype(np.intp)]
    data = catboost.FeaturesData(
        num_feature_data=np.ascontiguousarray(_in_32_bits(matrix[:, numbers])) if numbers else None,
        cat_feature_data=categories if states else None,
    )
    return catboost.Pool(data, **rest)
