"""What one gate says: outcome, what was measured, what was compared with the threshold, and a sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

Outcome = Literal["pass", "fail", "inconclusive"]
Compared = Literal["value", "low end", "high end"]


_ROUNDING = 1e-12


def reaches(value: float, limit: float) -> bool:
    """Whether a value is at least the limit, up to the last digits that arithmetic loses: 0.9 - 0.8 reaches 0.1."""
    return value >= limit - _ROUNDING * max(1.0, abs(limit))


def digits(value: float, limit: float) -> str:
    """The value with four decimals, or with as many as show on which side of the limit it lies.

    >>> digits(0.85321, 0.9), digits(0.849996, 0.85), digits(0.0000032, 0.00001)
    ('0.8532', '0.849996', '0.000003')
    """
    for decimals in range(4, 13):
        shown = f"{value:.{decimals}f}"
        if value == limit or (float(shown) != limit and (float(shown) or not value)):
            break
    return shown


@dataclass(frozen=True)
class Measurement:
    """A value with its interval, in the gate's own direction, and which of the three the gate compared.

    `of` names the value: the metric's own value, a gain, a difference. The ends are None where there is no interval.
    """

    of: str
    value: float
    low: float | None
    high: float | None
    compared: Compared

    @property
    def statistic(self) -> float | None:
        return {"value": self.value, "low end": self.low, "high end": self.high}[self.compared]


@dataclass(frozen=True)
class Verdict:
    """`statistic` is None when the evidence was missing, and then the outcome is never `pass`."""

    rule: str
    metric: str
    outcome: Outcome
    statistic: float | None
    threshold: float
    reason: str
    inputs: dict[str, Any] = field(default_factory=dict)
    measured: Measurement | None = None
    """None where the evidence was missing; records of older runs do not have it."""

    def because(self, why: str | None) -> Verdict:
        """The same with a reason of its outcome."""
        return replace(self, reason=f"{self.reason}, because {why}") if why else self

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def missing(rule: str, metric: str, threshold: float, what: str, **inputs: Any) -> Verdict:
    return Verdict(rule, metric, "inconclusive", None, threshold, f"{metric}: {what} is missing", inputs)
