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
        told += found.unlabelled.remarks() if found.unlabelled else []
        told += [note for name, each in found.similar_values.items() for note in each.notes(name)]
        told += found.encoding.notes(found.problem) + (found.leakage.sentences() if found.leakage else [])
        return told + ([found.scores_not_compared] if found.scores_not_compared else [])

    @property
    def models(self) -> list[str]:
        """Those that were measured."""
        return [who for who in MODELS if getattr(self.evaluation, who) is not None]


def number(value: float | None) -> str:
    return "–" if value is None else numbers([value])[0]


def numbers(values: Sequence[float], sign: str = "") -> list[str]:
    """As many places for all as suit the greatest, so that a value looks like the ends of its interval.

    >>> numbers([0.8559]), numbers([86.9092, 70.0027, 108.44]), numbers([-0.000415, -0.0072]), numbers([0.00012])
    (['0.8559'], ['86.91', '70.00', '108.44'], ['-0.0004', '-0.0072'], ['0.00012'])
    """
    most = max(map(abs, values), default=0.0)
    if 0 < most < 0.001:
        return [f"{value:{sign}.3g}" for value in values]
    places = 0 if most >= 10_000 else 2 if most >= 10 else 4
    # what is rounded away has no sign
    return [f"{round(value, places) + 0.0:{sign},.{places}f}" for value in values]


def with_ends(value: float | None, ends: tuple[float, float] | None) -> Child:
    if value is None or ends is None:
        return number(value)
    told, low, high = numbers([value, *ends])
    return [told, element("span", f"\u2002[{low}, {high}]", class_="ends")]


def verdict_sentence(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """What the gates say, for a reader of the first line alone.

    >>> verdict_sentence([{"outcome": "pass"}] * 3), verdict_sentence([{"outcome": "fail"}, {"outcome": "pass"}])
    ('All 3 gates pass.', '1 of 2 gates fails.')
    >>> verdict_sentence([{"outcome": "fail"}, {"outcome": "inconclusive"}, {"outcome": "inconclusive"}])
    '1 of 3 gates fails; 2 are inconclusive, which never counts as passed.'
    """
    outcomes = [str(each["outcome"]) for each in verdicts]
    if not outcomes:
        return "The contract has no gate."
    if len(outcomes) == 1:
        return {"pass": "The only gate passes.", "fail": "The only gate fails."}.get(
            outcomes[0], "The only gate is inconclusive."
        )
    failed, unsure = outcomes.count("fail"), outcomes.count("inconclusive")
    of = f" of {len(outcomes)} gates"
    told = [f"{failed}{of} {'fails' if failed == 1 else 'fail'}"] if failed else []
    if unsure:
        verb = "is" if unsure == 1 else "are"
        told.append(f"{unsure}{'' if failed else of} {verb} inconclusive, which never counts as passed")
    return "; ".join(told) + "." if told else f"All {len(outcomes)} gates pass."


def gain_in_words(metric: str, pair: PairedDifference) -> tuple[str, str]:
    """What the candidate gains on another model, and the interval of the gain, with the gates' sign: + is better.

    >>> gain_in_words("rmse", PairedDifference(difference=-9.62, low=-10.5, high=-8.75))
    ('9.62 better', 'gain +8.75 to +10.50')
    >>> gain_in_words("roc_auc", PairedDifference(difference=0.01, low=-0.01, high=0.03))
    ('0.0100 better', 'not certain: gain -0.0100 to +0.0300')
    """
    if pair.difference is None:
        return "–", "not measured"
    if metric in NEUTRAL:
        sign, words = 1.0, ("more", "less")
    else:
        sign, words = (-1.0 if metric in LOWER_IS_BETTER else 1.0), ("better", "worse")
    gain = sign * pair.difference
    ends = [] if pair.low is None or pair.high is None else sorted((sign * pair.low, sign * pair.high))
    amount, *_ = numbers([abs(gain), *ends])
    told = f"{amount} {words[0] if gain > 0 else words[1]}" if gain else "equal"
    if not ends:
        return told, "no interval"
    low, high = ends
    what = "difference" if metric in NEUTRAL else "gain"
    return told, f"{'not certain: ' if low <= 0 <= high else ''}{what} {' to '.join(numbers(ends, '+'))}"


def verdict_tag(outcome: str) -> Safe:
    return tag(short(outcome, 20), OUTCOMES.get(outcome))


def heading(text: str) -> Safe:
    return element("h2", text)


def card(title: str, *body: Child, wide: bool = False) -> Safe:
    return element("div", element("h3", title), body, class_="wide" if wide else None)


def size(amount: int | None) -> str:
    return "–" if amount is None else f"{compact(amount / 1024)} KiB"
