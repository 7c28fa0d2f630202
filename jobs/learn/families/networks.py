"""A multi-layer perceptron for tables, the same in every framework: what it reads, how it learns, its export.

Numbers are imputed, scaled, bounded and also come as a scale of bins (piecewise linear encoding: Gorishniy et al.,
NeurIPS 2022). A category is one input for each value: the first layer's row of weights for it is its embedding. AdamW
descends in shuffled batches; the rate rises over the first epoch and then halves every _HALF_LIFE epochs. With a sample
to watch, the weights of the best epoch are kept.

A framework is an Engine: it holds the weights, learns from one epoch's batches, and answers. All engines start from the
same weights (`initial_weights`).
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from families.base import Arrays, Family, Meta, Parameter, Sample, Task
from families.mlp import scaling
from families.objectives import quantile_of
from families.rounds import OUTPUTS
from sluice.model.network import Layer, arrays_of
from sluice.model.smooth_scorers import NetworkScorer

EPOCHS = 200
NORM_EPSILON = 1e-5
"""Added to a variance by batch normalisation, in every engine."""
_PATIENCE = 16
_HALF_LIFE = 15


@dataclass(frozen=True)
class Plan:
    """A network: `sizes` are the inputs, the hidden layers' widths and the outputs.

    `loss` is log_loss, squared, absolute or huber: of logits (one for two classes), or of values. `dropout` is the
    share of a hidden layer's outputs that is left out while learning, and `input_dropout` that of the inputs.
    """

    sizes: tuple[int, ...]
    loss: str
    activation: str = "relu"
    dropout: float = 0.0
    input_dropout: float = 0.0
    batch_norm: bool = False
    weight_decay: float = 0.0
    seed: int = 0
    threads: int = 1


class Engine(ABC):
    """A network of one framework, which learns in 32 bits."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @abstractmethod
    def learn(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        weight: np.ndarray | None,
        batches: Sequence[np.ndarray],
        rates: Sequence[float],
    ) -> None:
        """One epoch: a step of AdamW for each of `batches` (rows' places), at the rate of the same place.

        `inputs` (rows, inputs) float32; `targets` classes (rows,) int64 or values (rows, outputs) float32; `weight`
        (rows,) float32 with a mean of 1.
        """

    @abstractmethod
    def raw(self, inputs: np.ndarray) -> np.ndarray:
        """The last layer's values (rows, outputs) float32, without dropout."""

    @abstractmethod
    def keep(self) -> None:
        """Remembers the weights for `restore`."""

    @abstractmethod
    def restore(self) -> None:
        """Takes the remembered weights again, if there are any."""

    @abstractmethod
    def exact(self, output: str) -> Callable[[np.ndarray], np.ndarray]:
        """The framework's own answer in 64 bits: inputs (rows, inputs) → values, or probabilities by its own link.

        `output` is the scorer's link (identity, expit, softmax); the shape is (rows, outputs) in any case.
        """

    @abstractmethod
    def layers(self) -> list[Layer]:
        """The weights in 64 bits, with batch normalisation folded into them (`folded`)."""


def initial_weights(plan: Plan) -> list[np.ndarray]:
    """Each layer's weights (inputs, outputs) float32, by He et al. (ICCV 2015): uniform, of variance 2 / inputs.

    The last layer's are small, so that the first answers are near the prior.
    """
    chance = np.random.default_rng(plan.seed)
    found = []
    for place, (inputs, outputs) in enumerate(zip(plan.sizes, plan.sizes[1:])):
        reach = np.sqrt((6.0 if place < len(plan.sizes) - 2 else 0.1) / max(1, inputs))
        found.append(chance.uniform(-reach, reach, (inputs, outputs)).astype(np.float32))
    return found


def folded(layer: Layer, gamma: np.ndarray, beta: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> Layer:
    """A layer that does what `layer` and the batch normalisation after it do together."""
    weights, bias = layer
    factor = gamma / np.sqrt(variance + NORM_EPSILON)
    return weights * factor, (bias - mean) * factor + beta


def descend(
    engine: Engine,
    inputs: np.ndarray,
    targets: np.ndarray,
    weight: np.ndarray | None,
    *,
    batch: int,
    rate: float,
    epochs: int,
    seed: int,
    deadline: float,
    watched: Callable[[], float] | None = None,
) -> int:
    """Learns for `epochs`, or until `watched`, a loss, has not fallen for _PATIENCE epochs; the kept weights' epochs.

    No epoch begins after `deadline` (`time.monotonic()`), but there is always one.
    """
    chance = np.random.default_rng(seed + 1)
    steps = max(1, len(inputs) // batch)
    best, kept = np.inf, 0
    for epoch in range(1, epochs + 1):
        batches = np.array_split(chance.permutation(len(inputs)), steps)
        now = rate * 0.5 ** ((epoch - 1) / _HALF_LIFE)
        rising = [(step + 1) / steps for step in range(steps)] if epoch == 1 else [1.0] * steps
        engine.learn(inputs, targets, weight, batches, [now * part for part in rising])
        if watched is None:
            kept = epoch
        else:
            loss = watched()
            if loss < best:
                best, kept = loss, epoch
                engine.keep()
            if epoch - kept >= _PATIENCE:
                break
        if time.monotonic() >= deadline:
            break
    engine.restore()
    return max(1, kept)


class Fitted:
    """`mean` and `deviation` are of a regression's targets, which the network learns standardised; `output` is the
    scorer's link."""

    def __init__(self, arrays: Arrays, engine: Engine, mean: float, deviation: float, output: str) -> None:
        self.arrays, self.engine, self.mean, self.deviation = arrays, engine, mean, deviation
        self.output, self.epochs = output, 0
        self.inputs = reader(arrays)


def reader(arrays: Arrays) -> Callable[[np.ndarray], np.ndarray]:
    """(rows, columns) of a matrix → (rows, inputs) of the network, as its exported scorer makes them."""
    return NetworkScorer(arrays, {"layers": 0, "output": ""}).inputs


class NetworkFamily(Family):
    """A family whose network is an Engine's."""

    rounds = "epochs"
    tolerance = 1e-9  # products of up to some thousand terms, rounded in another order
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "epochs": Parameter(30, 1, 1000),
        "bins": Parameter(20, 0, 200),
        "width": Parameter(256, 2, 1024),
        "layers": Parameter(2, 1, 6),
        "activation": Parameter("relu", choices=("relu", "silu")),
        "dropout": Parameter(0.1, 0.0, 0.9),
        "batch-norm": Parameter("false", choices=("false", "true")),
        "learning-rate": Parameter(0.002, 1e-5, 1.0),
        "weight-decay": Parameter(0.01, 0.0, 100.0),
        "batch": Parameter(256, 8, 10_000),
    }

    @abstractmethod
    def engine(self, plan: Plan) -> Engine:
        """Raises ModelError where the framework is not installed."""

    def fit(self, hyperparameters: Mapping[str, Any], task: Task, sample: Sample, watch: Sample | None = None) -> Any:
        regression = task.problem == "regression"
        arrays = scaling(sample.matrix, hyperparameters["bins"])
        targets: np.ndarray = np.asarray(sample.y, dtype=np.int64)
        mean, deviation = 0.0, 1.0
        if regression:
            mean, deviation = float(sample.y.mean()), float(sample.y.std()) or 1.0
            targets = ((sample.y - mean) / deviation).astype(np.float32)[:, None]
        inputs = reader(arrays)(sample.matrix).astype(np.float32)
        hidden = (int(hyperparameters["width"]),) * int(hyperparameters["layers"])
        plan = Plan(
            sizes=(inputs.shape[1], *hidden, task.classes if task.problem == "multiclass" else 1),
            loss=_loss(task),
            activation=hyperparameters["activation"],
            dropout=hyperparameters["dropout"],
            batch_norm=hyperparameters["batch-norm"] == "true",
            weight_decay=hyperparameters["weight-decay"],
            seed=task.seed,
            threads=task.threads,
        )
        fitted = Fitted(arrays, self.engine(plan), mean, deviation, OUTPUTS[task.problem])
        watched = None if watch is None else _watched(fitted, watch)
        weight = None if sample.weight is None else (sample.weight / sample.weight.mean()).astype(np.float32)
        fitted.epochs = descend(
            fitted.engine,
            inputs,
            targets,
            weight,
            batch=int(hyperparameters["batch"]),
            rate=hyperparameters["learning-rate"],
            epochs=int(hyperparameters["epochs"]) if watch is None else EPOCHS,
            seed=task.seed,
            deadline=task.deadline,
            watched=watched,
        )
        return fitted

    def settled(self, fitted: Fitted, hyperparameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**hyperparameters, "epochs": fitted.epochs}

    def answer(self, fitted: Fitted, task: Task, sample: Sample) -> np.ndarray:
        values = fitted.engine.exact(fitted.output)(fitted.inputs(sample.matrix))
        if task.problem == "regression":
            return values[:, 0] * fitted.deviation + fitted.mean
        return np.concatenate([1.0 - values, values], axis=1) if task.problem == "binary" else values

    def export(self, fitted: Fitted) -> tuple[Arrays, Meta]:
        *hidden, (weights, bias) = fitted.engine.layers()
        layers = [*hidden, (weights * fitted.deviation, bias * fitted.deviation + fitted.mean)]
        meta = {
            "scorer": "network",
            "output": fitted.output,
            "layers": len(layers),
            "activation": fitted.engine.plan.activation,
        }
        return {**fitted.arrays, **arrays_of(layers)}, meta


def _watched(fitted: Fitted, watch: Sample) -> Callable[[], float]:
    seen, y = fitted.inputs(watch.matrix).astype(np.float32), watch.y
    if fitted.output == "identity":
        y = (y - fitted.mean) / fitted.deviation
    return lambda: loss_of(fitted.engine.raw(seen).astype(np.float64), y, watch.weight, fitted.engine.plan.loss)


def _loss(task: Task) -> str:
    """As `Plan.loss` names it."""
    if task.problem != "regression":
        return "log_loss"
    return "absolute" if quantile_of(task.problem, task.metric) == 0.5 else "squared"


def loss_of(raw: np.ndarray, y: np.ndarray, weight: np.ndarray | None, loss: str) -> float:
    """The mean loss of the last layer's values `raw` (rows, outputs), by classes or values `y` (rows,)."""
    if loss == "log_loss" and raw.shape[1] == 1:
        each = np.logaddexp(0.0, np.where(y == 1, -raw[:, 0], raw[:, 0]))
    elif loss == "log_loss":
        top = raw.max(axis=1)
        each = np.log(np.exp(raw - top[:, None]).sum(axis=1)) + top - raw[np.arange(len(y)), y]
    else:
        each = np.abs(raw[:, 0] - y) if loss == "absolute" else (raw[:, 0] - y) ** 2
    return float(np.average(each, weights=weight))
