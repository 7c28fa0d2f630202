"""What one gate says: outcome, statistic, threshold and a sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

Outcome = Literal["pass", "fail", "inconclusive"]


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

    def because(self, why: str | None) -> Verdict:
        """The same with a reason of its outcome."""
        return replace(self, reason=f"{self.reason}, because {why}") if why else self

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def missing(rule: str, metric: str, threshold: float, what: str, **inputs: Any) -> Verdict:
    return Verdict(rule, metric, "inconclusive", None, threshold, f"{metric}: {what} is missing", inputs)
