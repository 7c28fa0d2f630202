"""What one gate says: outcome, what was measured, what was compared with the threshold, and a sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

Outcome = Literal["pass", "fail", "inconclusive"]
Compared = Literal["value", "low end", "high end"]


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
