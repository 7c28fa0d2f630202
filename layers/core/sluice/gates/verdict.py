"""What one gate says: outcome, statistic, threshold and a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sluice.model.values import finite

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

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def number(value: Any) -> float | None:
    """A finite number, or None: NaN, infinity, text and booleans are no evidence."""
    return finite(value)


def metric_of(evaluation: Mapping[str, Any], who: str, metric: str) -> float | None:
    """The metric of `candidate`, `baseline` or `champion`; None when it was not measured."""
    model = evaluation.get(who)
    metrics = model.get("metrics") if isinstance(model, Mapping) else None
    return number(metrics.get(metric)) if isinstance(metrics, Mapping) else None


def missing(rule: str, metric: str, threshold: float, what: str, **inputs: Any) -> Verdict:
    return Verdict(rule, metric, "inconclusive", None, threshold, f"{metric}: {what} is missing", inputs)
