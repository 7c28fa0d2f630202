"""Anomalies by an autoencoder: a network that has to say a row again after a layer too narrow to hold it.

It learns what rows have in common; a row is rare by as much as it comes out different (Sakurada & Yairi, MLSDA 2014).
While it learns, a share of the inputs is left out (denoising: Vincent et al., JMLR 11, 2010), and beyond one standard
deviation an error counts by its size, not by its square: rare rows among the train rows shall not be learned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from families.networks import Engine, Plan, descend
from families.torch_mlp import TorchEngine
from sluice.model.anomaly_scorers import reconstruction_error
from sluice.model.network import arrays_of, bounded
from unsupervised.base import Arrays, Detector, Meta, Parameter

EPOCHS = 100
_BATCH = 128
_HELD_OUT = 0.1
"""Share of the rows that says when to stop."""
_FEWEST = 50
"""Rows below which all are learned from, for as many epochs as there are."""


class Fitted(NamedTuple):
    """`answer`: bounded points (rows, columns) → what the network makes of them, in 64 bits."""

    engine: Engine
    answer: Callable[[np.ndarray], np.ndarray]


class Autoencoder(Detector):
    """`code`: the narrowest layer's share of the columns."""

    name = "autoencoder"
    library = "torch"
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "width": Parameter(64, 2, 1024),
        "code": Parameter(0.35, 0.01, 0.95),
        "noise": Parameter(0.1, 0.0, 0.9),
        "learning-rate": Parameter(0.003, 1e-5, 1.0),
        "weight-decay": Parameter(0.001, 0.0, 100.0),
    }

    def fit(self, points: np.ndarray, hyperparameters: dict[str, Any], seed: int) -> Fitted:
        columns, width = points.shape[1], int(hyperparameters["width"])
        code = max(1, min(round(columns * float(hyperparameters["code"])), columns - 1))
        plan = Plan(
            sizes=(columns, width, code, width, columns),
            loss="huber",
            activation="silu",
            input_dropout=float(hyperparameters["noise"]),
            weight_decay=float(hyperparameters["weight-decay"]),
            seed=seed,
        )
        engine = TorchEngine(plan, self.name)
        inputs, targets = bounded(points).astype(np.float32), points.astype(np.float32)
        order = np.random.default_rng(seed).permutation(len(points))
        held = order[: round(len(points) * _HELD_OUT)] if len(points) >= _FEWEST else order[:0]
        learned = order[len(held) :]
        seen, expected = inputs[held], points[held]

        def loss() -> float:
            # the median: what is rare among these rows must not decide when to stop
            return float(np.median(reconstruction_error(expected, engine.raw(seen))))

        descend(
            engine,
            inputs[learned],
            targets[learned],
            None,
            batch=_BATCH,
            rate=float(hyperparameters["learning-rate"]),
            epochs=EPOCHS,
            seed=seed,
            deadline=float("inf"),
            watched=loss if len(held) else None,
        )
        return Fitted(engine, engine.exact("identity"))

    def raw(self, fitted: Fitted, points: np.ndarray) -> np.ndarray:
        found: np.ndarray = reconstruction_error(points, fitted.answer(bounded(points)))
        return found

    def export(self, fitted: Fitted) -> tuple[Arrays, Meta]:
        layers = fitted.engine.layers()
        meta = {"scorer": "reconstruction", "layers": len(layers), "activation": fitted.engine.plan.activation}
        return arrays_of(layers), meta
