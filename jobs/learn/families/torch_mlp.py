"""Multi-layer perceptron in PyTorch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from families.networks import NORM_EPSILON, Engine, NetworkFamily, Plan, folded, initial_weights
from families.rounds import library
from sluice.model.network import Layer


class TorchEngine(Engine):
    """`family` is named in the error where PyTorch is not installed (ModelError)."""

    def __init__(self, plan: Plan, family: str) -> None:
        super().__init__(plan)
        torch = self._torch = library("torch", family)
        torch.set_num_threads(plan.threads)
        torch.manual_seed(plan.seed)  # of dropout
        activation = {"relu": torch.nn.ReLU, "silu": torch.nn.SiLU}[plan.activation]
        parts: list[Any] = [torch.nn.Dropout(plan.input_dropout)] if plan.input_dropout else []
        weights = initial_weights(plan)
        for place, start in enumerate(weights):
            dense = torch.nn.Linear(*start.shape)
            with torch.no_grad():
                dense.weight.copy_(torch.from_numpy(start.T.copy()))
                dense.bias.zero_()
            parts.append(dense)
            if place < len(weights) - 1:
                parts += [torch.nn.BatchNorm1d(start.shape[1], eps=NORM_EPSILON)] if plan.batch_norm else []
                parts += [activation(), torch.nn.Dropout(plan.dropout)]
        self._network = torch.nn.Sequential(*parts)
        self._kept: dict[str, Any] | None = None
        # biases and the factors of batch normalisation are not pulled to 0
        decayed = [each.weight for each in parts if isinstance(each, torch.nn.Linear)]
        others = [each for each in self._network.parameters() if not any(each is one for one in decayed)]
        groups = [{"params": decayed, "weight_decay": plan.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self._optimizer = torch.optim.AdamW(groups, lr=1.0)

    def learn(
        self,
        inputs: np.ndarray,
        targets: np.ndarray,
        weight: np.ndarray | None,
        batches: Sequence[np.ndarray],
        rates: Sequence[float],
    ) -> None:
        torch = self._torch
        x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
        w = None if weight is None else torch.from_numpy(weight)
        self._network.train()
        for rows, rate in zip(map(torch.from_numpy, batches), rates, strict=True):
            for group in self._optimizer.param_groups:
                group["lr"] = rate
            self._optimizer.zero_grad(set_to_none=True)
            each = self._losses(self._network(x[rows]), y[rows])
            (each if w is None else each * w[rows]).mean().backward()
            self._optimizer.step()

    def _losses(self, raw: Any, y: Any) -> Any:
        functional = self._torch.nn.functional
        if self.plan.loss == "log_loss" and raw.shape[1] == 1:
            return functional.binary_cross_entropy_with_logits(raw[:, 0], y.to(raw.dtype), reduction="none")
        if self.plan.loss == "log_loss":
            return functional.cross_entropy(raw, y, reduction="none")
        of = {"squared": functional.mse_loss, "absolute": functional.l1_loss, "huber": functional.huber_loss}
        return of[self.plan.loss](raw, y, reduction="none").mean(dim=1)

    def raw(self, inputs: np.ndarray) -> np.ndarray:
        self._network.eval()
        with self._torch.inference_mode():
            values: np.ndarray = self._network(self._torch.from_numpy(inputs)).numpy()
        return values

    def keep(self) -> None:
        self._kept = copy.deepcopy(self._network.state_dict())

    def restore(self) -> None:
        if self._kept is not None:
            self._network.load_state_dict(self._kept)

    def exact(self, output: str) -> Callable[[np.ndarray], np.ndarray]:
        torch, network = self._torch, copy.deepcopy(self._network).double().eval()

        def answer(inputs: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                raw = network(torch.from_numpy(np.ascontiguousarray(inputs, dtype=np.float64)))
                if output == "softmax":
                    raw = torch.softmax(raw, dim=1)
                values: np.ndarray = (torch.sigmoid(raw) if output == "expit" else raw).numpy()
            return values

        return answer

    def layers(self) -> list[Layer]:
        def numbers(tensor: Any) -> np.ndarray:
            found: np.ndarray = tensor.detach().double().numpy()
            return found

        found: list[Layer] = []
        for part in self._network:
            if isinstance(part, self._torch.nn.Linear):
                found.append((numbers(part.weight).T.copy(), numbers(part.bias)))
            elif isinstance(part, self._torch.nn.BatchNorm1d):
                norm = (part.weight, part.bias, part.running_mean, part.running_var)
                found[-1] = folded(found[-1], *map(numbers, norm))
        return found


class TorchMlp(NetworkFamily):
    name = "torch_mlp"
    library = "torch"

    def engine(self, plan: Plan) -> Engine:
        return TorchEngine(plan, self.name)
