"""Tuning strategies: which hyperparameters the next training job gets.

A strategy gives a proposal and receives its result. Optuna does the search (TPE for Bayesian and Hyperband);
Grid walks the product of the categorical values.
"""

from __future__ import annotations

import itertools
import math
import warnings
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import optuna

from localcloud.sagemaker import checks

optuna.logging.set_verbosity(optuna.logging.WARNING)

Ranges = dict[str, list[dict[str, Any]]]
# `Auto` searches on a logarithmic scale from this ratio of the bounds on.
AUTO_LOGARITHMIC_RATIO = 100.0


@dataclass
class Proposal:
    """Hyperparameters as the strings that SageMaker passes on."""

    values: dict[str, str]
    trial: Any = None


class Strategy(ABC):
    """`count` is the number of proposals there are, or None when there is no end."""

    count: int | None = None

    @abstractmethod
    def ask(self) -> Proposal: ...

    def tell(self, proposal: Proposal, value: float | None) -> None:  # noqa: B027 - a grid does not learn
        """`value` is the final objective, None for a job without one."""

    def should_stop(self, proposal: Proposal, step: int, value: float) -> bool:
        """Whether the strategy itself ends the job after its `step`-th objective value."""
        return False


class Grid(Strategy):
    """Every combination of the categorical values, in order."""

    def __init__(self, ranges: Ranges) -> None:
        if ranges.get("IntegerParameterRanges") or ranges.get("ContinuousParameterRanges"):
            raise checks.invalid("The Grid strategy supports CategoricalParameterRanges only.")
        categorical = ranges.get("CategoricalParameterRanges", [])
        names = [r["Name"] for r in categorical]
        self._left = [dict(zip(names, c)) for c in itertools.product(*(r["Values"] for r in categorical))]
        self.count = len(self._left)
        self._left.reverse()

    def ask(self) -> Proposal:
        return Proposal(self._left.pop())


class Search(Strategy):
    """Random, Bayesian or Hyperband search by Optuna's ask and tell."""

    def __init__(self, kind: str, ranges: Ranges, maximize: bool, seed: int, jobs: int, resource: dict | None) -> None:
        """`jobs` is the expected number of proposals: a third of them, 10 at most, explore at random first."""
        self._ranges = ranges
        check_ranges(ranges)
        pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
        if kind == "Hyperband":
            limits = resource or {}
            pruner = optuna.pruners.HyperbandPruner(
                min_resource=limits.get("MinResource", 1), max_resource=limits.get("MaxResource", "auto")
            )
        self._study = optuna.create_study(
            direction="maximize" if maximize else "minimize", sampler=_sampler(kind, seed, jobs), pruner=pruner
        )

    def ask(self) -> Proposal:
        trial = self._study.ask()
        values: dict[str, str] = {}
        for r in self._ranges.get("ContinuousParameterRanges", []):
            values[r["Name"]] = repr(_continuous(trial, r))
        for r in self._ranges.get("IntegerParameterRanges", []):
            low, high = int(r["MinValue"]), int(r["MaxValue"])
            values[r["Name"]] = str(trial.suggest_int(r["Name"], low, high, log=_logarithmic(r)))
        for r in self._ranges.get("CategoricalParameterRanges", []):
            values[r["Name"]] = str(trial.suggest_categorical(r["Name"], r["Values"]))
        return Proposal(values, trial)

    def tell(self, proposal: Proposal, value: float | None) -> None:
        if value is None or not math.isfinite(value):
            self._study.tell(proposal.trial, state=optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(proposal.trial, value)

    def should_stop(self, proposal: Proposal, step: int, value: float) -> bool:
        proposal.trial.report(value, step)
        return proposal.trial.should_prune()


def create(kind: str, ranges: Ranges, *, maximize: bool, seed: int, jobs: int, resource: dict | None) -> Strategy:
    """The strategy named `kind`. Raises ValidationException for ranges that it cannot search."""
    if kind == "Grid":
        return Grid(ranges)
    if kind in ("Random", "Bayesian", "Hyperband"):
        return Search(kind, ranges, maximize, seed, jobs, resource)
    raise checks.unsupported(f"tuning strategy {kind}")


def _sampler(kind: str, seed: int, jobs: int) -> optuna.samplers.BaseSampler:
    if kind == "Random":
        return optuna.samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        # The constant liar keeps parallel jobs apart; multivariate TPE learns how parameters depend on each other.
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=max(2, min(10, jobs // 3)), multivariate=True, constant_liar=True
        )


def check_ranges(ranges: Ranges) -> None:
    """Raises ValidationException for a range that cannot be searched."""
    names = [r["Name"] for group in ranges.values() if isinstance(group, list) for r in group]
    if len(set(names)) < len(names):
        raise checks.invalid(f"Hyperparameter ranges must have distinct names: {names}")
    for kind in ("ContinuousParameterRanges", "IntegerParameterRanges"):
        for r in ranges.get(kind, []):
            try:
                low, high = (float(r[bound]) for bound in ("MinValue", "MaxValue"))
                if kind.startswith("Integer"):
                    low, high = int(r["MinValue"]), int(r["MaxValue"])
            except ValueError:
                raise checks.invalid(f"The bounds of {r['Name']} are not numbers of its kind: {r}") from None
            scale = r.get("ScalingType", "Auto")
            if low > high:
                raise checks.invalid(f"MinValue of {r['Name']} is greater than its MaxValue.")
            if scale == "Logarithmic" and low <= 0:
                raise checks.invalid(f"{r['Name']}: Logarithmic scaling needs values greater than 0.")
            if scale == "ReverseLogarithmic":
                if kind.startswith("Integer"):
                    raise checks.invalid(f"{r['Name']}: ReverseLogarithmic scaling is for continuous ranges only.")
                if low < 0 or high >= 1:
                    raise checks.invalid(f"{r['Name']}: ReverseLogarithmic scaling needs 0 <= value < 1.")


def _continuous(trial: Any, r: dict[str, Any]) -> float:
    low, high = float(r["MinValue"]), float(r["MaxValue"])
    if r.get("ScalingType") == "ReverseLogarithmic":
        # Fine steps towards 1, as for a momentum: search the distance to 1 on a logarithmic scale.
        return 1.0 - trial.suggest_float(r["Name"], 1.0 - high, 1.0 - low, log=True)
    return trial.suggest_float(r["Name"], low, high, log=_logarithmic(r))


def _logarithmic(r: dict[str, Any]) -> bool:
    scale = r.get("ScalingType", "Auto")
    low, high = float(r["MinValue"]), float(r["MaxValue"])
    return scale == "Logarithmic" or (scale == "Auto" and low > 0 and high / low >= AUTO_LOGARITHMIC_RATIO)
