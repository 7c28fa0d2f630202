"""What a tuning job varies, as SageMaker's ParameterRanges: a family's search space, narrowed by the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sluice.model.search_spaces import SPACES, parameter_ranges

Values = Sequence[bool | int | float | str]
_KINDS = {
    "continuous": "ContinuousParameterRanges",
    "integer": "IntegerParameterRanges",
    "categorical": "CategoricalParameterRanges",
}
_LEVELS = 3


def search_ranges(family: str, own: Mapping[str, Values]) -> dict[str, list[dict[str, Any]]]:
    """The family's space; where `own` has [least, greatest] or texts for a hyperparameter, these instead."""
    ranges = parameter_ranges(family)
    for kind in _KINDS.values():
        for each in ranges[kind]:
            values = own.get(each["Name"])
            if values is None:
                continue
            if kind.startswith("Categorical"):
                each["Values"] = [as_text(value) for value in values]
            else:
                each["MinValue"], each["MaxValue"] = (as_text(value) for value in values)
    return ranges


def grid_ranges(family: str, jobs: int, own: Mapping[str, Values] | None = None) -> dict[str, list[dict[str, Any]]]:
    """The family's space as at most `jobs` points (at least one), all categorical: SageMaker's Grid takes no other.

    A hyperparameter in `own` has exactly these values. The others get a second and third level in turn, as long as the
    product of the levels allows.
    """
    given = own or {}
    parameters = list(_parameters(family))
    most = [1 if r["name"] in given else _most(r, kind) for r, kind in parameters]
    levels = [1] * len(parameters)
    fixed = points_of(given)
    grown = True
    while grown:
        grown = False
        for i, limit in enumerate(most):
            points = fixed
            for j, level in enumerate(levels):
                points *= level + (i == j)
            if levels[i] < limit and points <= jobs:
                levels[i] += 1
                grown = True
    chosen = [
        {
            "Name": r["name"],
            "Values": [as_text(value) for value in given[r["name"]]] if r["name"] in given else _points(r, kind, level),
        }
        for (r, kind), level in zip(parameters, levels, strict=True)
    ]
    return {"CategoricalParameterRanges": chosen, "ContinuousParameterRanges": [], "IntegerParameterRanges": []}


def points_of(own: Mapping[str, Values]) -> int:
    """How many combinations these values have."""
    points = 1
    for values in own.values():
        points *= len(values)
    return points


def as_text(value: bool | int | float | str) -> str:
    """A value as SageMaker and the families write it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parameters(family: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    for kind in _KINDS:
        for each in SPACES[family][kind]:
            yield each, kind


def _most(parameter: Mapping[str, Any], kind: str) -> int:
    return len(parameter["values"]) if kind == "categorical" else _LEVELS


def _points(parameter: Mapping[str, Any], kind: str, level: int) -> list[str]:
    if kind == "categorical":
        return [str(value) for value in parameter["values"][:level]]
    low, high = float(parameter["min"]), float(parameter["max"])
    shares = [0.5] if level == 1 else [i / (level - 1) for i in range(level)]
    if parameter["scaling"] == "Logarithmic":
        values = [low * (high / low) ** share for share in shares]
    else:
        values = [low + (high - low) * share for share in shares]
    if kind == "integer":
        return [str(value) for value in dict.fromkeys(round(value) for value in values)]
    return [f"{value:.6g}" for value in values]
