"""Support vector machine with an RBF kernel (libsvm's, by scikit-learn), on imputed, scaled and bounded inputs.

Classes are decided one against one. Their probabilities follow from the decisions with one slope (and, for two classes,
an offset), which are found on the watched rows, as boosting finds its rounds: `settled` has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.svm import SVC, SVR

from families.base import Arrays, Family, Meta, Parameter, Sample, Task
from sluice.model.kernel_scorers import VectorScorer, coupled

MAX_ROWS = 20_000
"""The time of a fit grows with the square of the rows, and all of them may become support vectors."""
MAX_NUMBERS = 800_000
"""Rows times inputs: a scorer that keeps them all takes less than half a millisecond for a row."""
_CACHE_MB = 300
_HEAVY = 2.0  # absolute skewness from which a column is log scaled, where that makes it smaller
_STEPS = 100


def scaling(matrix: np.ndarray, spread: str) -> Arrays:
    """What `VectorScorer.inputs` needs. `spread` "common": one scale for all columns, whose units are the same."""
    width = matrix.shape[1]
    arrays: Arrays = {
        "log": np.zeros(width, dtype=np.uint8),
        "impute": np.zeros(width),
        "center": np.zeros(width),
        "scale": np.ones(width),
        "flagged": np.flatnonzero(np.isnan(matrix).any(axis=0)).astype(np.int32),
    }
    variances = np.zeros(width)
    for column in range(width):
        values = matrix[:, column]
        values = values[~np.isnan(values)]
        if not len(values):
            continue
        arrays["impute"][column] = np.median(values)
        if spread == "standard" and _log_helps(values):
            arrays["log"][column] = 1
            values = np.sign(values) * np.log1p(np.abs(values))
        low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
        arrays["center"][column] = middle
        # of a normal distribution with the same 90 % in the middle; of equal numbers the deviation may be above 0
        arrays["scale"][column] = (high - low) / 3.3 or (values.std() if np.ptp(values) > 0 else 1.0)
        variances[column] = values.var() if np.ptp(values) > 0 else 0.0
    if spread == "common":
        arrays["scale"][:] = np.sqrt(variances[variances > 0].mean()) if (variances > 0).any() else 1.0
    return arrays


def _log_helps(values: np.ndarray) -> bool:
    before = abs(_skewness(values))
    return before > _HEAVY and abs(_skewness(np.sign(values) * np.log1p(np.abs(values)))) < before


def _skewness(values: np.ndarray) -> float:
    values = values / (np.abs(values).max() or 1.0)  # cubes of the greatest numbers would overflow
    away = values - values.mean()
    variance = float(np.mean(away**2))
    return float(np.mean(away**3)) / variance**1.5 if variance > 1e-12 else 0.0


class Fitted:
    """`mean` and `deviation` are of a regression's targets, which the machine learns standardised."""

    def __init__(self, arrays: Arrays, machine: Any, mean: float, deviation: float) -> None:
        self.arrays, self.machine, self.mean, self.deviation = arrays, machine, mean, deviation
        self.slope, self.offset = 1.0, 0.0
        self.rows = 0

    def decisions(self, matrix: np.ndarray) -> np.ndarray:
        """The library's own, as `VectorScorer` has them: (rows, pairs), greater than 0 for the pair's first class."""
        found: np.ndarray = self.machine.decision_function(inputs_of(self.arrays, matrix))
        # of two classes the library's sign is that of the second
        return -found[:, None] if found.ndim == 1 else found


class Svm(Family):
    name = "svm"
    growth = 2.5
    tolerance = 1e-8  # sums of as many terms as support vectors, and distances of two forms
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "c": Parameter(8.0, 1e-4, 1e6),
        "gamma": Parameter(1.0, 1e-4, 1e4),
        "epsilon": Parameter(0.05, 0.0, 10.0),
        "spread": Parameter("standard", choices=("standard", "common")),
        "slope": Parameter(2.0, 1e-3, 1e3),
        "offset": Parameter(0.0, -1e3, 1e3),
    }

    def fit(self, hyperparameters: Mapping[str, Any], task: Task, sample: Sample, watch: Sample | None = None) -> Any:
        sample = _drawn(sample, task.seed)
        arrays = scaling(sample.matrix, hyperparameters["spread"])
        inputs = inputs_of(arrays, sample.matrix)
        variance = float(inputs.var(axis=0).sum()) or 1.0
        given: dict[str, Any] = {
            "C": hyperparameters["c"],
            "gamma": hyperparameters["gamma"] / variance,
            "cache_size": _CACHE_MB,
        }
        y, mean, deviation = sample.y, 0.0, 1.0
        if task.problem == "regression":
            mean, deviation = float(y.mean()), float(y.std()) or 1.0
            y = (y - mean) / deviation
            machine: Any = SVR(epsilon=hyperparameters["epsilon"], **given)
        else:
            machine = SVC(decision_function_shape="ovo", **given)
        machine.fit(inputs, y, sample_weight=sample.weight)
        fitted = Fitted(arrays, machine, mean, deviation)
        fitted.rows = len(y)
        fitted.slope, fitted.offset = hyperparameters["slope"], hyperparameters["offset"]
        if watch is not None and task.problem != "regression":
            fitted.slope, fitted.offset = calibrated(fitted.decisions(watch.matrix), watch)
        return fitted

    def settled(self, fitted: Fitted, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**hyperparameters, "slope": fitted.slope, "offset": fitted.offset}

    def raw(self, fitted: Fitted, task: Task, watch: Sample) -> np.ndarray | None:
        return None if task.problem == "regression" else fitted.decisions(watch.matrix)

    def linked(self, raw: np.ndarray, settled: Mapping[str, Any]) -> np.ndarray:
        return coupled(raw, settled["slope"], settled["offset"])

    def answer(self, fitted: Fitted, task: Task, sample: Sample) -> np.ndarray:
        if task.problem == "regression":
            found = fitted.machine.predict(inputs_of(fitted.arrays, sample.matrix))
            values: np.ndarray = found * fitted.deviation + fitted.mean
            return values
        return coupled(fitted.decisions(sample.matrix), fitted.slope, fitted.offset)

    def export(self, fitted: Fitted) -> tuple[Arrays, Meta]:
        machine = fitted.machine
        regression = isinstance(machine, SVR)
        two = len(machine.intercept_) == 1 and not regression
        # the library turns the signs of two classes; the decision here is the first class's
        sign = -1.0 if two else 1.0
        vectors = np.asarray(machine.support_vectors_, dtype=np.float64)
        arrays: Arrays = {
            **fitted.arrays,
            "vectors": vectors,
            "counts": np.asarray([len(vectors)] if regression else machine.n_support_, dtype=np.int32),
            "dual": sign * fitted.deviation * np.asarray(machine.dual_coef_, dtype=np.float64),
            "intercept": sign * fitted.deviation * np.asarray(machine.intercept_, dtype=np.float64) + fitted.mean,
        }
        meta: Meta = {"scorer": "support_vectors", "gamma": float(machine.gamma), "fitted_rows": fitted.rows}
        if regression:
            return arrays, {**meta, "output": "identity"}
        return arrays, {**meta, "output": "classes", "slope": fitted.slope, "offset": fitted.offset}


def inputs_of(arrays: Arrays, matrix: np.ndarray) -> np.ndarray:
    nothing = {"vectors": np.zeros((0, 0)), "counts": np.zeros(0), "dual": np.zeros((0, 0)), "intercept": np.zeros(0)}
    return VectorScorer({**arrays, **nothing}, {"gamma": 1.0, "output": "identity"}).inputs(matrix)


def _drawn(sample: Sample, seed: int) -> Sample:
    """All rows, or as many as a machine may learn from, drawn by chance and in their order."""
    rows, width = sample.matrix.shape
    most = min(MAX_ROWS, MAX_NUMBERS // max(1, width))
    if rows <= most:
        return sample
    places = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    weight = None if sample.weight is None else sample.weight[places]
    return Sample(sample.matrix[places], sample.y[places], weight)


def calibrated(decisions: np.ndarray, watch: Sample) -> tuple[float, float]:
    """Slope and offset (of two classes, else 0) with the least log loss on the watched rows: a scan, then Newton steps.

    The offset is bounded, and the slope above 0: a calibration never turns the order of the rows.
    """
    y, weight = watch.y, watch.weight

    def loss(slope: float, offset: float) -> float:
        answer = coupled(decisions, slope, offset)
        return float(np.average(-np.log(np.maximum(answer[np.arange(len(y)), y], 1e-15)), weights=weight))

    slope, offset = 1.0, 0.0
    step = {"slope": 2.0, "offset": 1.0 if decisions.shape[1] == 1 else 0.0}
    best = loss(slope, offset)
    for _ in range(_STEPS):
        tried = [(slope * step["slope"], offset), (slope / step["slope"], offset)]
        if step["offset"]:
            tried += [(slope, offset + step["offset"]), (slope, offset - step["offset"])]
        found = min((loss(*each), each) for each in tried if 0.05 <= each[0] <= 20.0 and abs(each[1]) <= 10.0)
        if found[0] < best:
            best, (slope, offset) = found
        else:
            step = {"slope": step["slope"] ** 0.5, "offset": step["offset"] / 2.0}
            if step["slope"] < 1.01:
                break
    return slope, offset
