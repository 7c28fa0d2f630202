"""Multi-layer perceptron (scikit-learn's): imputed, scaled and bounded inputs, then layers of max(0, x).

With a sample to watch it learns epoch by epoch and keeps the weights of the best one.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from families.base import Arrays, Family, Meta, Parameter, Sample, Task
from sluice.model.smooth_scorers import NetworkScorer

EPOCHS = 300
_PATIENCE = 12


def scaling(matrix: np.ndarray) -> Arrays:
    """Each column's median and spread: of a normal distribution with the same 90 % in the middle, or its deviation."""
    width = matrix.shape[1]
    arrays = {"impute": np.zeros(width), "center": np.zeros(width), "scale": np.ones(width)}
    for column in range(width):
        values = matrix[:, column]
        values = values[~np.isnan(values)]
        if len(values):
            low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
            arrays["impute"][column] = arrays["center"][column] = middle
            arrays["scale"][column] = (high - low) / 3.3 or values.std() or 1.0
    arrays["flagged"] = np.flatnonzero(np.isnan(matrix).any(axis=0)).astype(np.int32)
    return arrays


class Fitted:
    """`mean` and `deviation` are of a regression's targets, which the network learns standardised."""

    def __init__(self, arrays: Arrays, network: Any, mean: float, deviation: float) -> None:
        self.arrays, self.network, self.mean, self.deviation = arrays, network, mean, deviation
        self.epochs = 0

    def inputs(self, matrix: np.ndarray) -> np.ndarray:
        return NetworkScorer(self.arrays, {"layers": 0, "output": ""}).inputs(matrix)


class Mlp(Family):
    name = "mlp"
    tolerance = 1e-11  # products of several hundred terms, rounded in another order where a row is alone
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "epochs": Parameter(30, 1, 1000),
        "width": Parameter(96, 2, 512),
        "layers": Parameter(2, 1, 4),
        "learning-rate": Parameter(0.002, 1e-5, 1.0),
        "alpha": Parameter(1e-3, 0.0, 100.0),
        "batch": Parameter(256, 8, 10_000),
    }

    def fit(self, hyperparameters: Mapping[str, Any], task: Task, sample: Sample, watch: Sample | None = None) -> Any:
        make = MLPRegressor if task.problem == "regression" else MLPClassifier
        network = make(
            hidden_layer_sizes=(hyperparameters["width"],) * hyperparameters["layers"],
            alpha=hyperparameters["alpha"],
            batch_size=min(hyperparameters["batch"], len(sample.y)),
            learning_rate_init=hyperparameters["learning-rate"],
            random_state=task.seed,
        )
        y, mean, deviation = sample.y, 0.0, 1.0
        if task.problem == "regression":
            mean, deviation = float(y.mean()), float(y.std()) or 1.0
            y = (y - mean) / deviation
        fitted = Fitted(scaling(sample.matrix), network, mean, deviation)
        inputs = fitted.inputs(sample.matrix)
        more = {} if task.problem == "regression" else {"classes": np.arange(task.classes)}
        best, kept = np.inf, None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            for epoch in range(1, (hyperparameters["epochs"] if watch is None else EPOCHS) + 1):
                network.partial_fit(inputs, y, sample_weight=sample.weight, **more)
                if watch is None:
                    fitted.epochs = epoch
                else:
                    loss = self._loss(fitted, task, watch)
                    if loss < best:
                        best, fitted.epochs = loss, epoch
                        kept = [[part.copy() for part in parts] for parts in (network.coefs_, network.intercepts_)]
                    if epoch - fitted.epochs >= _PATIENCE:
                        break
                if time.monotonic() >= task.deadline:
                    break
        if kept is not None:
            network.coefs_, network.intercepts_ = kept
        fitted.epochs = max(1, fitted.epochs)
        return fitted

    def _loss(self, fitted: Fitted, task: Task, watch: Sample) -> float:
        answer = self.answer(fitted, task, watch)
        if task.problem == "regression":
            each = np.abs(answer - watch.y) if task.metric == "mae" else (answer - watch.y) ** 2
        else:
            each = -np.log(np.maximum(answer[np.arange(len(watch.y)), watch.y], 1e-15))
        return float(np.average(each, weights=watch.weight))

    def settled(self, fitted: Fitted, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**hyperparameters, "epochs": fitted.epochs}

    def answer(self, fitted: Fitted, task: Task, sample: Sample) -> np.ndarray:
        inputs = fitted.inputs(sample.matrix)
        if task.problem == "regression":
            values: np.ndarray = fitted.network.predict(inputs) * fitted.deviation + fitted.mean
            return values
        answer: np.ndarray = fitted.network.predict_proba(inputs)
        return answer

    def export(self, fitted: Fitted) -> tuple[Arrays, Meta]:
        network = fitted.network
        arrays = dict(fitted.arrays)
        last = len(network.coefs_) - 1
        for place, (weights, bias) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
            arrays[f"w{place}"], arrays[f"b{place}"] = weights, bias
        arrays[f"w{last}"] = arrays[f"w{last}"] * fitted.deviation
        arrays[f"b{last}"] = arrays[f"b{last}"] * fitted.deviation + fitted.mean
        output = {"identity": "identity", "logistic": "expit", "softmax": "softmax"}[network.out_activation_]
        return arrays, {"scorer": "network", "output": output, "layers": last + 1}
