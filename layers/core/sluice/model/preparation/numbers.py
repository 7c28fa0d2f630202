"""Number columns: as they are, or filled in, limited, transformed and scaled, or cut into bins.

Every step is one of IEEE's exact operations or a scalar call of the C library, so that one value and many come out the
same to the last bit.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from sluice.model.errors import ModelError
from sluice.model.preparation.base import LARGEST, NAN, Form, OneColumn, Part

Step = Callable[[float], float]


class Number(OneColumn):
    """The value; a boolean is 0 or 1."""

    kind = "number"

    def of(self, value: float | None) -> float:
        return NAN if value is None else value

    def fill(self, values: Sequence[Any], block: np.ndarray) -> None:
        block[:, 0] = np.array(values, dtype=np.float64)  # None becomes NaN


class Log(OneColumn):
    """sign(x)·log1p(|x|)."""

    kind = "log"

    @property
    def names(self) -> list[str]:
        return [f"log({self.column})"]

    def of(self, value: float | None) -> float:
        return NAN if value is None else signed_log(value)


class Bins(Form):
    """One-hot over the bins between `edges` (inner, ascending; the upper edge belongs to the bin), then "missing"."""

    kind = "bins"

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self._edges = [float(edge) for edge in part["edges"]]

    @property
    def names(self) -> list[str]:
        return [f"{self.column}:bin{i}" for i in range(len(self._edges) + 1)] + [f"{self.column}:missing"]

    def write(self, value: float | None, out: list[float], at: int) -> None:
        out[at + (len(self._edges) + 1 if value is None else bisect_left(self._edges, value))] = 1.0

    def fill(self, values: Sequence[Any], block: np.ndarray) -> None:
        numbers = np.array(values, dtype=np.float64)
        places = np.where(np.isnan(numbers), len(self._edges) + 1, np.searchsorted(self._edges, numbers))
        block[np.arange(len(numbers)), places] = 1.0


class Prepared(Form):
    """A number after its steps, in this order: filled in, limited, transformed, scaled; then whether it was missing.

    `part`: `fill` (a number or null), `low` and `high` (limits or null), `transform` (null, log, square_root or
    yeo_johnson with `power`), `center` and `scale`, `indicator`.
    """

    kind = "prepared"

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self._fill = NAN if part.get("fill") is None else float(part["fill"])
        self._low = -LARGEST if part.get("low") is None else float(part["low"])
        self._high = LARGEST if part.get("high") is None else float(part["high"])
        self._name = part.get("transform")
        self._step = _transform(self._name, float(part.get("power", 1.0)))
        self._center, self._scale = float(part.get("center", 0.0)), float(part.get("scale", 1.0))
        self._indicator = bool(part.get("indicator"))

    @property
    def names(self) -> list[str]:
        name = f"{self._name}({self.column})" if self._name else self.column
        return [name, f"{self.column}:missing"] if self._indicator else [name]

    @property
    def width(self) -> int:
        return 1 + self._indicator

    def of(self, value: float | None) -> float:
        value = self._fill if value is None else value
        if value != value:
            return NAN
        value = (self._step(min(max(value, self._low), self._high)) - self._center) / self._scale
        return min(max(value, -LARGEST), LARGEST)

    def write(self, value: float | None, out: list[float], at: int) -> None:
        out[at] = self.of(value)
        if self._indicator:
            out[at + 1] = float(value is None)

    def fill(self, values: Sequence[Any], block: np.ndarray) -> None:
        block[:, 0] = list(map(self.of, values))
        if self._indicator:
            block[:, 1] = [value is None for value in values]


def signed_log(value: float) -> float:
    return math.copysign(math.log1p(abs(value)), value)


def signed_root(value: float) -> float:
    return math.copysign(math.sqrt(abs(value)), value)


def yeo_johnson(value: float, power: float) -> float:
    """I.-K. Yeo and R. A. Johnson, A new family of power transformations (Biometrika 87, 2000)."""
    try:
        if value >= 0:
            return math.log1p(value) if power == 0 else math.expm1(power * math.log1p(value)) / power
        other = 2.0 - power
        return -math.log1p(-value) if other == 0 else -math.expm1(other * math.log1p(-value)) / other
    except OverflowError:
        return math.copysign(LARGEST, value)


def _transform(name: str | None, power: float) -> Step:
    if name == "yeo_johnson":
        return lambda value: yeo_johnson(value, power)
    steps: dict[str | None, Step] = {None: lambda value: value, "log": signed_log, "square_root": signed_root}
    return steps[name]


def fit_bins(name: str, bins: Any, values: Sequence[float]) -> dict[str, Any]:
    """Inner edges, ascending: a list unchanged, a count as quantiles of the training values. Raises ModelError."""
    if isinstance(bins, list | tuple):
        return {"column": name, "kind": "bins", "edges": sorted({float(edge) for edge in bins})}
    if isinstance(bins, bool) or not isinstance(bins, int) or not 2 <= bins <= 100:
        raise ModelError(f"contract: features.bins.{name} must be a number of bins from 2 to 100 or a list of edges")
    edges = np.quantile(np.array(values), np.linspace(0, 1, bins + 1)[1:-1]) if values else []
    return {"column": name, "kind": "bins", "edges": sorted({float(edge) for edge in edges})}


def fit_prepared(name: str, options: Mapping[str, Any], values: Sequence[float]) -> dict[str, Any]:
    """What `options` (`features.numbers` of the contract, or of the column) ask for, learned from the values.

    `limited` counts the training values that outlier limits change.
    """
    part: dict[str, Any] = {"column": name, "kind": "prepared", "fill": None}
    found = np.array(values, dtype=np.float64)
    impute = options.get("impute")
    if impute is not None:
        part["fill"] = _fill(impute, found)
    part["indicator"] = bool(options.get("missing_indicator"))
    if (method := options.get("outliers") or "keep") != "keep" and len(found):
        with np.errstate(over="ignore", invalid="ignore"):
            low, high = limits(method, options.get("outlier_limit"), found)
        part |= {"low": low, "high": high, "limited": int(((found < low) | (found > high)).sum())}
        found = np.clip(found, low, high)
    if transform := options.get("transform"):
        part["transform"] = transform
        if transform == "yeo_johnson":
            part["power"] = _power(found)
        step = _transform(transform, float(part.get("power", 1.0)))
        found = np.array(list(map(step, found.tolist())))
    if scale := options.get("scale"):
        with np.errstate(over="ignore", invalid="ignore"):
            center, spread = _scale(scale, found)
        if not (math.isfinite(center) and math.isfinite(spread)):  # of huge numbers
            center, spread = 0.0, float(np.abs(found).max())
        part |= {"center": center, "scale": spread if spread > 0 else 1.0}
    return part


def _fill(impute: Any, values: np.ndarray) -> float:
    """The number that stands for a missing one; 0 where there is nothing to learn from."""
    if not isinstance(impute, str):
        return float(impute)
    if not len(values):
        return 0.0
    if impute == "most_frequent":
        found, counts = np.unique(values, return_counts=True)
        return float(found[counts.argmax()])
    # divided first, because the sum of huge numbers is infinite
    return float(np.median(values) if impute == "median" else (values / len(values)).sum())


def limits(method: str, limit: float | None, values: np.ndarray) -> tuple[float, float]:
    """The lowest and highest value that stay; `limit` is a share, a number of deviations or of quartile ranges."""
    if method == "quantile":
        share = 0.005 if limit is None else limit
        low, high = np.quantile(values, [share, 1 - share])
    elif method == "z_score":
        reach = (4.0 if limit is None else limit) * _deviation(values)
        # of equal numbers the mean may miss them by a rounding error
        low, high = (np.mean(values) - reach, np.mean(values) + reach) if reach > 0 else (-LARGEST, LARGEST)
    else:
        lower, upper = np.quantile(values, [0.25, 0.75])
        reach = (3.0 if limit is None else limit) * (upper - lower)
        # without a spread of the middle half every other value would be an outlier, so none is
        low, high = (lower - reach, upper + reach) if reach > 0 else (-LARGEST, LARGEST)
    # of huge numbers there may be no deviation: then nothing is an outlier
    low, high = (float(low), float(high)) if math.isfinite(low) and math.isfinite(high) else (-LARGEST, LARGEST)
    return max(low, -LARGEST), min(high, LARGEST)


def _deviation(values: np.ndarray) -> float:
    """The standard deviation: 0 only of equal numbers, of which numpy's may be a rounding error above 0."""
    if not np.ptp(values) > 0:
        return 0.0
    found = float(np.std(values))
    if found > 1e-150:
        return found
    size = float(np.abs(values).max())  # squares of tiny numbers are 0
    return float(np.std(values / size)) * size


def _scale(method: str, values: np.ndarray) -> tuple[float, float]:
    """(center, divisor); (0, 1) where there is nothing to learn from."""
    if not len(values):
        return 0.0, 1.0
    if method == "standard":
        spread = _deviation(values)
        return float(np.mean(values) if spread > 0 else values[0]), spread
    if method == "min_max":
        return float(values.min()), float(values.max() - values.min())
    if method == "max_abs":
        return 0.0, float(np.abs(values).max())
    lower, middle, upper = np.quantile(values, [0.25, 0.5, 0.75])
    return float(middle), float(upper - lower)


def _power(values: np.ndarray) -> float:
    """Yeo and Johnson's power of the greatest likelihood under a normal distribution, by golden section in [-2, 4]."""
    sample = values[:: max(1, len(values) // 5000)]
    if not len(sample) or np.ptp(sample) == 0:
        return 1.0
    slope = float((np.sign(sample) * np.log1p(np.abs(sample))).sum())

    def likelihood(power: float) -> float:
        moved = np.array([yeo_johnson(value, power) for value in sample.tolist()])
        variance = float(np.var(moved))
        if not 0 < variance < math.inf:
            return -math.inf
        return -len(sample) / 2 * math.log(variance) + (power - 1) * slope

    low, high, golden = -2.0, 4.0, (math.sqrt(5) - 1) / 2
    a, b = high - golden * (high - low), low + golden * (high - low)
    at_a, at_b = likelihood(a), likelihood(b)
    while high - low > 0.01:
        if at_a >= at_b:
            high, b, at_b = b, a, at_a
            a = high - golden * (high - low)
            at_a = likelihood(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + golden * (high - low)
            at_b = likelihood(b)
    return round((low + high) / 2, 2)
