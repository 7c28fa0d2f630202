"""Tuning strategies: which hyperparameters the next training job gets.

A strategy gives a proposal and receives its result. Optuna does the search: TPE for Bayesian, independent draws for
Random and Hyperband, whose jobs successive halving ends early. Grid walks the product of the categorical values.
"""

from __future__ import annotations

import itertools
import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
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

    def learn(self, values: Mapping[str, str], objective: float) -> bool:
        """Takes in a training job of a parent; False if the strategy has no use for it or it is out of range."""
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
        check_ranges(ranges)
        self._kind = kind
        self._space = {r["Name"]: _Axis(group, r) for group in _SEARCHED for r in ranges.get(group, [])}
        self._limit: int | None = None
        pruner: optuna.pruners.BasePruner = optuna.pruners.NopPruner()
        if kind == "Hyperband":
            limits = resource or {}
            self._limit = int(limits["MaxResource"])
            pruner = optuna.pruners.HyperbandPruner(limits.get("MinResource", 1), self._limit)
        self._study = optuna.create_study(
            # the pruner draws a job's bracket from the study's name, and Optuna's own choice of it is random
            study_name=f"tuning-{seed}",
            direction="maximize" if maximize else "minimize",
            sampler=_sampler(kind, seed, jobs),
            pruner=pruner,
        )

    def ask(self) -> Proposal:
        trial = self._study.ask({name: axis.distribution for name, axis in self._space.items()})
        return Proposal({name: axis.text(trial.params[name]) for name, axis in self._space.items()}, trial)

    def tell(self, proposal: Proposal, value: float | None) -> None:
        if value is None or not math.isfinite(value):
            self._study.tell(proposal.trial, state=optuna.trial.TrialState.FAIL)
        else:
            self._study.tell(proposal.trial, value)

    def should_stop(self, proposal: Proposal, step: int, value: float) -> bool:
        """Successive halving in the job's bracket; at MaxResource every job ends."""
        if self._limit is not None and step >= self._limit:
            return True
        proposal.trial.report(value, step)
        return proposal.trial.should_prune()

    def learn(self, values: Mapping[str, str], objective: float) -> bool:
        if self._kind != "Bayesian" or not math.isfinite(objective):
            return False
        try:
            params = {name: axis.value(values[name]) for name, axis in self._space.items()}
        except ValueError:
            return False
        known = optuna.trial.create_trial(
            params=params,
            distributions={name: axis.distribution for name, axis in self._space.items()},
            value=objective,
        )
        self._study.add_trial(known)
        return True


_SEARCHED = ("ContinuousParameterRanges", "IntegerParameterRanges", "CategoricalParameterRanges")


class _Axis:
    """One hyperparameter: Optuna's distribution of it, and how its values are written for SageMaker."""

    def __init__(self, group: str, r: dict[str, Any]) -> None:
        self._group = group
        self._reverse = r.get("ScalingType") == "ReverseLogarithmic"
        self.distribution: optuna.distributions.BaseDistribution
        if group.startswith("Categorical"):
            self.distribution = optuna.distributions.CategoricalDistribution(r["Values"])
        elif group.startswith("Integer"):
            self.distribution = optuna.distributions.IntDistribution(
                int(r["MinValue"]), int(r["MaxValue"]), log=_logarithmic(r)
            )
        else:
            low, high = float(r["MinValue"]), float(r["MaxValue"])
            if self._reverse:
                # Fine steps towards 1, as for a momentum: search the distance to 1 on a logarithmic scale.
                low, high = 1.0 - high, 1.0 - low
            self.distribution = optuna.distributions.FloatDistribution(low, high, log=self._reverse or _logarithmic(r))

    def text(self, value: Any) -> str:
        if self._group.startswith("Continuous"):
            return repr(1.0 - value if self._reverse else float(value))
        return str(value)

    def value(self, text: str) -> Any:
        """Optuna's value of a hyperparameter; ValueError for one outside the range."""
        value: Any = text
        if self._group.startswith("Integer"):
            value = int(text)
        elif self._group.startswith("Continuous"):
            value = 1.0 - float(text) if self._reverse else float(text)
        elif text not in self.distribution.choices:  # type: ignore[attr-defined]
            raise ValueError(text)
        if not self.distribution._contains(self.distribution.to_internal_repr(value)):
            raise ValueError(text)
        return value


def create(kind: str, ranges: Ranges, *, maximize: bool, seed: int, jobs: int, resource: dict | None) -> Strategy:
    """The strategy named `kind`. Raises ValidationException for ranges that it cannot search."""
    if kind == "Grid":
        return Grid(ranges)
    if kind in ("Random", "Bayesian", "Hyperband"):
        return Search(kind, ranges, maximize, seed, jobs, resource)
    raise checks.unsupported(f"tuning strategy {kind}")


def _sampler(kind: str, seed: int, jobs: int) -> optuna.samplers.BaseSampler:
    if kind != "Bayesian":
        # AWS documents that Hyperband draws its new configurations at random, too
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


def _logarithmic(r: dict[str, Any]) -> bool:
    scale = r.get("ScalingType", "Auto")
    low, high = float(r["MinValue"]), float(r["MaxValue"])
    return scale == "Logarithmic" or (scale == "Auto" and low > 0 and high / low >= AUTO_LOGARITHMIC_RATIO)
