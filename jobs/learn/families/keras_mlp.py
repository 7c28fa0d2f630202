"""The multi-layer perceptron of `torch_mlp` in Keras, on TensorFlow."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from families.networks import NORM_EPSILON, Engine, NetworkFamily, Plan, folded, initial_weights
from families.rounds import library
from sluice.model.network import Layer

_ADAM_EPSILON = 1e-8  # PyTorch's default
_ROWS = 8192  # at a time, where nothing is learned


class KerasEngine(Engine):
    """`family` is named in the error where Keras or TensorFlow is not installed (ModelError)."""

    def __init__(self, plan: Plan, family: str) -> None:
        super().__init__(plan)
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # no advice on processors and accelerators in the log
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # its sums differ from machine to machine
        tensorflow = library("tensorflow", family)
        keras = self._keras = library("keras", family)
        for limit in ("set_intra_op_parallelism_threads", "set_inter_op_parallelism_threads"):
            with contextlib.suppress(RuntimeError):  # a process sets them once, before it computes anything
                getattr(tensorflow.config.threading, limit)(plan.threads)
        keras.utils.set_random_seed(plan.seed)  # of dropout
        self._network = self._built("float32")
        for layer, start in zip(self._dense(self._network), initial_weights(plan), strict=True):
            layer.set_weights([start, np.zeros(start.shape[1], dtype=np.float32)])
        self._kept: list[np.ndarray] | None = None
        optimizer = keras.optimizers.AdamW(
            learning_rate=1.0, weight_decay=plan.weight_decay, beta_2=0.999, epsilon=_ADAM_EPSILON
        )
        # biases and the factors of batch normalisation are not pulled to 0
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self._network.compile(optimizer=optimizer, loss=self._loss())

    def _built(self, dtype: str) -> Any:
        layers, plan = self._keras.layers, self.plan
        parts: list[Any] = [layers.Input((plan.sizes[0],), dtype=dtype)]
        if plan.input_dropout:
            parts.append(layers.Dropout(plan.input_dropout, dtype=dtype))
        for width in plan.sizes[1:-1]:
            parts.append(layers.Dense(width, dtype=dtype))
            if plan.batch_norm:
                parts.append(layers.BatchNormalization(momentum=0.9, epsilon=NORM_EPSILON, dtype=dtype))
            parts += [layers.Activation(plan.activation, dtype=dtype), layers.Dropout(plan.dropout, dtype=dtype)]
        return self._keras.Sequential([*parts, layers.Dense(plan.sizes[-1], dtype=dtype)])

    def _dense(self, network: Any) -> list[Any]:
        return [layer for layer in network.layers if isinstance(layer, self._keras.layers.Dense)]

    def _loss(self) -> Any:
        losses = self._keras.losses
        if self.plan.loss == "log_loss":
            binary = self.plan.sizes[-1] == 1
            return (losses.BinaryCrossentropy if binary else losses.SparseCategoricalCrossentropy)(from_logits=True)
        of = {"squared": losses.MeanSquaredError, "absolute": losses.MeanAbsoluteError, "huber": losses.Huber}
        return of[self.plan.loss]()

    def learn(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        weight: np.ndarray | None,
        batches: Sequence[np.ndarray],
        rates: Sequence[float],
    ) -> None:
        y = targets.reshape(len(targets), -1)
        last = None
        for rows, rate in zip(batches, rates, strict=True):
            if rate != last:
                self._network.optimizer.learning_rate = last = rate
            self._network.train_on_batch(inputs[rows], y[rows], None if weight is None else weight[rows])

    def raw(self, inputs: np.ndarray) -> np.ndarray:
        return self._forward(self._network, inputs)

    def _forward(self, network: Any, inputs: np.ndarray) -> np.ndarray:
        starts = range(0, max(1, len(inputs)), _ROWS)
        parts = [np.asarray(network(inputs[at : at + _ROWS], training=False)) for at in starts]
        return np.concatenate(parts)

    def keep(self) -> None:
        self._kept = self._network.get_weights()

    def restore(self) -> None:
        if self._kept is not None:
            self._network.set_weights(self._kept)

    def exact(self, output: str) -> Callable[[np.ndarray], np.ndarray]:
        network, ops = self._built("float64"), self._keras.ops
        network.set_weights([each.astype(np.float64) for each in self._network.get_weights()])

        def answer(inputs: np.ndarray) -> np.ndarray:
            raw = self._forward(network, np.asarray(inputs, dtype=np.float64))
            if output == "identity":
                return raw
            values: np.ndarray = np.asarray(ops.sigmoid(raw) if output == "expit" else ops.softmax(raw))
            return values

        return answer

    def layers(self) -> list[Layer]:
        found: list[Layer] = []
        for part in self._network.layers:
            numbers = [each.astype(np.float64) for each in part.get_weights()]
            if isinstance(part, self._keras.layers.Dense):
                found.append((numbers[0], numbers[1]))
            elif isinstance(part, self._keras.layers.BatchNormalization):
                found[-1] = folded(found[-1], *numbers)
        return found


class KerasMlp(NetworkFamily):
    name = "keras_mlp"
    library = "keras"

    def engine(self, plan: Plan) -> Engine:
        return KerasEngine(plan, self.name)
