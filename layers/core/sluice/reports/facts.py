"""What both pages are made of, and the words that they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluice.escaping import short
from sluice.figures import compact
from sluice.model.metric_ranges import LOWER_IS_BETTER, NEUTRAL
from sluice.page import Child, Safe, element, tag
from sluice.records.evaluation import Evaluation, PairedDifference
from sluice.records.plots import Plots
from sluice.records.run_inputs import RunInputs

DECISIONS = {"approved": "good", "rejected": "bad", "inconclusive": "warn"}
OUTCOMES = {"pass": "good", "fail": "bad", "inconclusive": "warn"}
MODELS = ("candidate", "champion", "baseline", "anchor")
"""In this order, so that each keeps its colour."""


@dataclass(frozen=True)
class Facts:
    """`verdicts`: the gates', as their record has them; `data`: what became of the accepted rows, if that is known."""

    inputs: RunInputs
    evaluation: Evaluation
    plots: Plots
    decision: str
    reasons: Sequence[str]
    verdicts: Sequence[Mapping[str, Any]]
    at: str
    data: Mapping[str, Any] = field(default_factory=dict)
    code: str | None = None
    """Version of the jobs' code: the hash in its address."""
    artifact_uri: str | None = None

    def value(self, who: str, metric: str) -> float | None:
        return self.evaluation.metric_of(who, metric)

    def ends(self, who: str, metric: str) -> tuple[float, float] | None:
        return self.evaluation.intervals.ends(who, metric) if self.evaluation.intervals else None

    @property
    def notes(self) -> list[str]:
        """What has to be known of the comparisons, and what the model does not tell apart."""
        found = self.evaluation
        told = [f"{who}: {why}" for who, why in found.not_compared.items()]
        told += [f"{who}: {note}" for who, each in found.compared.items() if (note := each.note(f"the {who}"))]
        told += [found.window.sentence] if found.window else []
        told += found.unlabelled.notes() if found.unlabelled and not found.unlabelled.segments else []
        told += [note for name, each in found.similar_values.items() for note in each.notes(name)]
        told += found.encoding.notes(found.problem) + (found.leakage.sentences() if found.leakage else [])
        return told + ([found.scores_not_compared] if found.scores_not_compared else [])

    @property
    def models(self) -> list[str]:
        """Those that were measured."""
        return [who for who in MODELS if getattr(self.evaluation, who) is not None]


def number(value: float | None) -> str:
    """Four digits after the point, fewer of what is great; three that count of what is tiny."""
    if value is None:
        return "–"
    if 0 < abs(value) < 0.001:
        return f"{value:.3g}"
    if abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 100 else f"{value:.4f}"


def with_ends(value: float | None, ends: tuple[float, float] | None) -> Child:
    if value is None or ends is None:
        return number(value)
    low, high = (f"{end:.4f}" if abs(end) < 0.001 <= abs(value) else number(end) for end in ends)
    return [number(value), element("span", f"\u2002[{low}, {high}]", class_="ends")]


def gain_in_words(metric: str, pair: PairedDifference) -> tuple[str, str]:
    """What the candidate gains on another model, and the interval of the gain, with the gates' sign: + is better.

    >>> gain_in_words("rmse", PairedDifference(difference=-9.62, low=-10.5, high=-8.75))
    ('9.6200 better', 'gain +8.7500 to +10.5000')
    """
    if pair.difference is None:
        return "–", "not measured"
    if metric in NEUTRAL:
        sign, words = 1.0, ("more", "less")
    else:
        sign, words = (-1.0 if metric in LOWER_IS_BETTER else 1.0), ("better", "worse")
    gain = sign * pair.difference
    told = f"{number(abs(gain))} {words[0] if gain > 0 else words[1]}" if gain else "equal"
    if pair.low is None or pair.high is None:
        return told, "no interval"
    low, high = sorted((sign * pair.low, sign * pair.high))
    return told, f"{'difference' if metric in NEUTRAL else 'gain'} {low + 0.0:+.4f} to {high + 0.0:+.4f}"


def verdict_tag(outcome: str) -> Safe:
    return tag(short(outcome, 20), OUTCOMES.get(outcome))


def heading(text: str) -> Safe:
    return element("h2", text)


def card(title: str, *body: Child, wide: bool = False) -> Safe:
    return element("div", element("h3", title), body, class_="wide" if wide else None)


def size(amount: int | None) -> str:
    return "–" if amount is None else f"{compact(amount / 1024)} KiB"
