"""Multi-layer perceptron (scikit-learn's): imputed, scaled and bounded inputs, then layers of max(0, x).

A number also comes as a scale of bins, which lets a network learn what changes fast with it. With a sample to watch it
learns epoch by epoch and keeps the weights of the best one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from families.base import Arrays, Family, Meta, Parameter, Sample, Task, without_convergence_warnings
from families.objectives import quantile_of, row_errors
from families.rounds import along
from sluice.model.smooth_scorers import NetworkScorer

EPOCHS = 80
MAX_BINS = 1500
_PATIENCE = 12
_HALF_LIFE = 12  # epochs after which the learning rate is half as large
_BATCHES, _LEAST_BATCH = 32, 64  # few rows come in small batches: an epoch needs some steps
_FEW = 4  # a column with no more distinct values gets no bins


def scaling(matrix: np.ndarray, bins: int) -> Arrays:
    """Each column's median and spread: of a normal distribution with the same 90 % in the middle, or its deviation.

    Columns of many values get `bins` bins as well, from quantile to quantile, or fewer where there are many columns.
    """
    width = matrix.shape[1]
    arrays = {"impute": np.zeros(width), "center": np.zeros(width), "scale": np.ones(width)}
    many: dict[int, np.ndarray] = {}
    for column in range(width):
        values = matrix[:, column]
        values = values[~np.isnan(values)]
        if len(values):
            if bins and len(np.unique(values)) > _FEW:
                many[column] = values
            low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
            arrays["impute"][column] = arrays["center"][column] = middle
            arrays["scale"][column] = (high - low) / 3.3 or (values.std() if np.ptp(values) > 0 else 1.0)
    bins = min(bins, MAX_BINS // max(1, len(many)))
    ends = {column: np.unique(np.quantile(values, np.linspace(0, 1, bins + 1))) for column, values in many.items()}
    found = [(column, low, high) for column, each in ends.items() for low, high in pairwise(each)]
    arrays["binned"] = np.array([column for column, _, _ in found], dtype=np.int32)
    arrays["low"] = np.array([low for _, low, _ in found])
    arrays["inverse"] = np.array([1.0 / (high - low) for _, low, high in found])
    arrays["flagged"] = np.flatnonzero(np.isnan(matrix).any(axis=0)).astype(np.int32)
    return arrays


class Fitted:
    """`mean` and `deviation` are of a regression's targets, which the network learns standardised."""

    def __init__(self, arrays: Arrays, network: Any, mean: float, deviation: float) -> None:
        self.arrays, self.network, self.mean, self.deviation = arrays, network, mean, deviation
        self.epochs = 0
        self.path: dict[int, np.ndarray] = {}  # epochs → the answer to the watched rows

    def inputs(self, matrix: np.ndarray) -> np.ndarray:
        return NetworkScorer(self.arrays, {"layers": 0, "output": ""}).inputs(matrix)


class Mlp(Family):
    name = "mlp"
    seeded = True
    rounds = "epochs"
    tolerance = 1e-11  # products of several hundred terms, rounded in another order where a row is alone
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "epochs": Parameter(30, 1, 1000),
        "bins": Parameter(20, 0, 200),
        "width": Parameter(192, 2, 512),
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
            batch_size=min(hyperparameters["batch"], max(_LEAST_BATCH, len(sample.y) // _BATCHES), len(sample.y)),
            learning_rate_init=hyperparameters["learning-rate"],
            random_state=task.seed,
        )
        y, mean, deviation = sample.y, 0.0, 1.0
        if task.problem == "regression":
            mean, deviation = float(y.mean()), float(y.std()) or 1.0
            y = (y - mean) / deviation
        fitted = Fitted(scaling(sample.matrix, hyperparameters["bins"]), network, mean, deviation)
        # half the time of 64 bits; the weights are made 64 bits wide at the end, so that answers are exact
        inputs = fitted.inputs(sample.matrix).astype(np.float32)
        watched = None if watch is None else fitted.inputs(watch.matrix).astype(np.float32)
        more = {} if task.problem == "regression" else {"classes": np.arange(task.classes)}
        rate = hyperparameters["learning-rate"]
        best, kept = np.inf, None
        looks = set(along(EPOCHS))
        with without_convergence_warnings():
            for epoch in range(1, (hyperparameters["epochs"] if watch is None else EPOCHS) + 1):
                if epoch > 1:
                    # the optimiser reads it for each batch; there is no public way to change it between epochs
                    network._optimizer.learning_rate_init = rate * 0.5 ** ((epoch - 1) / _HALF_LIFE)
                network.partial_fit(inputs, y, sample_weight=sample.weight, **more)
                if watch is None or watched is None:
                    fitted.epochs = epoch
                else:
                    answer = self._answer(fitted, task, watched)
                    if epoch in looks:
                        fitted.path[epoch] = answer
                    loss = _loss(answer.astype(np.float64), task, watch)
                    if loss < best:
                        best, fitted.epochs = loss, epoch
                        kept = [[part.copy() for part in parts] for parts in (network.coefs_, network.intercepts_)]
                    if epoch - fitted.epochs >= _PATIENCE:
                        break
                if time.monotonic() >= task.deadline:
                    break
        kept = kept or [network.coefs_, network.intercepts_]
        network.coefs_, network.intercepts_ = ([part.astype(np.float64) for part in parts] for parts in kept)
        fitted.epochs = max(1, fitted.epochs)
        return fitted

    def settled(self, fitted: Fitted, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**hyperparameters, "epochs": fitted.epochs}

    def path(self, fitted: Fitted, task: Task, watch: Sample) -> dict[int, np.ndarray]:
        return fitted.path

    def answer(self, fitted: Fitted, task: Task, sample: Sample) -> np.ndarray:
        return self._answer(fitted, task, fitted.inputs(sample.matrix))

    def _answer(self, fitted: Fitted, task: Task, inputs: np.ndarray) -> np.ndarray:
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


def _loss(answer: np.ndarray, task: Task, watch: Sample) -> float:
    if task.problem == "regression":
        each = row_errors(watch.y, answer, quantile_of(task.problem, task.metric))
    else:
        each = -np.log(np.maximum(answer[np.arange(len(watch.y)), watch.y], 1e-15))
    return float(np.average(each, weights=watch.weight))
