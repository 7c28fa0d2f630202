"""What SageMaker's tuning jobs allow together, and whether the contract's own ranges fit the families' search spaces.

From the SageMaker developer guide: warm start and early stopping are for tuning jobs of one algorithm; Hyperband ends
jobs itself and excludes early stopping; Grid runs every combination.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sluice.contract.hints import nearest
from sluice.contract.metric_limits import LOWER_IS_BETTER, limit_violation
from sluice.model.reporting import REPORTING
from sluice.model.search_spaces import AUTO, SPACES

if TYPE_CHECKING:
    from sluice.contract.models import Contract
    from sluice.contract.training import Tuning

MIN_MINUTES = 2
MAX_VALUES = 30
"""SageMaker's limit for a categorical hyperparameter."""
_AT = "training.tuning"


def tuning_violations(contract: Contract) -> Iterator[str]:
    tuning = contract.training.tuning
    families = list(dict.fromkeys(contract.training.candidates))
    yield from _combinations(tuning, families)
    if tuning.max_minutes < MIN_MINUTES:
        yield f"{_AT}.max_minutes is {tuning.max_minutes}; SageMaker's tuning jobs take at least {MIN_MINUTES}"
    if tuning.target is not None:
        metric = str(contract.problem.metric)
        upper = tuning.target if metric in LOWER_IS_BETTER else None
        if violation := limit_violation(metric, minimum=tuning.target if upper is None else None, maximum=upper):
            yield f"{_AT}.target: {violation}"
    for family, own in tuning.ranges.items():
        where = f"{_AT}.ranges.{family}"
        if family not in families:
            hint = nearest(family, families)
            yield f"{where}: {family!r} is not among training.candidates{hint}; add it, or remove the range"
            continue
        for name, values in own.items():
            yield from _range(f"{where}.{name}", family, name, values, grid=tuning.strategy == "grid")
    if tuning.strategy == "grid":
        yield from _grid(tuning, families)


def _combinations(tuning: Tuning, families: Sequence[str]) -> Iterator[str]:
    several = f"SageMaker allows it for one algorithm only, and training.candidates has {len(families)}"
    silent = [family for family in families if family not in REPORTING]
    if AUTO in families:
        asked = {"strategy": tuning.strategy != "bayesian", "target": tuning.target is not None,
                 "patience": tuning.patience is not None, "ranges": bool(tuning.ranges)}  # fmt: skip
        for name in (name for name, wanted in asked.items() if wanted):
            yield f"{_AT}.{name}: auto is one training job, which searches by itself; remove {name}"
    if tuning.strategy == "hyperband":
        if tuning.early_stopping:
            yield f"{_AT}.early_stopping: hyperband ends training jobs itself; remove early_stopping"
        if silent:
            yield f"{_AT}.strategy hyperband {_needs_reports(silent)}"
    elif tuning.early_stopping:
        if len(families) > 1:
            yield f"{_AT}.early_stopping: {several}; name one candidate, or use the strategy hyperband"
        elif silent:
            yield f"{_AT}.early_stopping {_needs_reports(silent)}"
    if tuning.warm_start:
        if len(families) > 1:
            yield f"{_AT}.warm_start: {several}; name one candidate, or remove warm_start"
        if tuning.strategy != "bayesian":
            why = "chooses its points without the results of others"
            yield f"{_AT}.warm_start: {tuning.strategy} {why}; use the strategy bayesian, or remove warm_start"


def _needs_reports(silent: list[str]) -> str:
    return (
        f"compares training jobs while they go on, and {', '.join(silent)} report their metric only at the end; "
        f"remove them from training.candidates ({', '.join(sorted(REPORTING))} report)"
    )


def _range(where: str, family: str, name: str, values: list[Any], *, grid: bool) -> Iterator[str]:
    space = {r["name"]: (r, kind) for kind, group in SPACES[family].items() for r in group}
    if name not in space:
        hint = nearest(name, space)
        yield f"{where}: {family} has no hyperparameter {name!r} to tune{hint}; known: {', '.join(space)}"
        return
    r, kind = space[name]
    if not values:
        yield f"{where}: an empty list leaves nothing to try; name values, or remove the key"
        return
    if len(set(map(str, values))) < len(values):
        yield f"{where}: a value is given twice"
    if len(values) > MAX_VALUES:
        yield f"{where}: {len(values)} values; SageMaker takes at most {MAX_VALUES}"
    if kind == "categorical":
        known = [str(value) for value in r["values"]]
        for value in values:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            if text not in known:
                yield f"{where}: {text!r} is not one of its values{nearest(text, known)}; known: {', '.join(known)}"
        return
    if any(isinstance(value, bool | str) for value in values):
        yield f"{where}: {values} must be numbers"
    elif kind == "integer" and any(value != int(value) for value in values):
        yield f"{where}: {values} must be whole numbers"
    elif r["scaling"] == "Logarithmic" and min(values) <= 0:
        yield f"{where}: its scale is logarithmic, so every number must be above 0"
    elif not grid and (len(values) != 2 or values[0] >= values[1]):
        own = f"[{r['min']:g}, {r['max']:g}]"
        yield f"{where}: write the least and the greatest value, such as {own}; only a grid takes a list"


def _grid(tuning: Tuning, families: Sequence[str]) -> Iterator[str]:
    share = max(tuning.max_jobs, len(families)) // len(families)
    for family in families:
        points = 1
        for values in tuning.ranges.get(family, {}).values():
            points *= len(values)
        if points > share:
            part = f"{_AT}.max_jobs {tuning.max_jobs}"
            part = part if len(families) == 1 else f"its part of {part} is {share}"
            yield (
                f"{_AT}.ranges.{family}: these values have {points} combinations, and a grid runs each; "
                f"{part}: set max_jobs to {points * len(families)}, or name fewer values"
            )
