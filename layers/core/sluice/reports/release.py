"""The report of a release: what was released, the evidence over time, the traffic, the decision, the model before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sluice.escaping import short
from sluice.moments import utc
from sluice.page import Child, Safe, element, page, row, table, tag, tiles
from sluice.ports import Json
from sluice.records.evaluation import Evaluation
from sluice.records.release_plan import ReleasePlan
from sluice.records.words import in_words
from sluice.reports import release_course as course
from sluice.reports.facts import card, gain_in_words, heading, number, with_ends

OUTCOMES = {"promoted": "good", "rolled_back": "bad", "rolled_back, not verified": "bad"}
_FIRST = "First model: nothing to compare. It was released on the decision of the gates."
_DECISIONS = {"promote": "good", "pass": "good", "verified": "good", "abort": "bad", "not_verified": "bad"}


@dataclass(frozen=True)
class ReleaseFacts:
    """`reasons`: why it ended so. The records are those of the judge, the bandit, the replay and the verification, each
    empty where the release had none; `pairs` are the replay's."""

    project: str
    run_id: str
    outcome: str
    reasons: Sequence[str]
    at: str
    plan: ReleasePlan
    evaluation: Evaluation | None = None
    canary: Mapping[str, Any] = field(default_factory=dict)
    bandit: Mapping[str, Any] = field(default_factory=dict)
    replay: Mapping[str, Any] = field(default_factory=dict)
    verification: Mapping[str, Any] = field(default_factory=dict)
    pairs: Sequence[Json] = ()

    @property
    def looks(self) -> list[Json]:
        """The judge's measurements, in their order."""
        return [each for each in self.canary.get("looks") or [] if isinstance(each, dict)]


def render(facts: ReleaseFacts) -> str:
    title = f"{short(facts.project)}: release of {facts.run_id}"
    return page(
        title,
        element(
            "header",
            element("h1", f"Release of {facts.run_id} ", tag(in_words(facts.outcome), OUTCOMES.get(facts.outcome))),
            element("p", f"Project {short(facts.project)}, {utc(short(facts.at, 40))}", class_="sub"),
        ),
        _glance(facts),
        heading("Why"),
        _listed(facts.reasons, _FIRST if facts.plan.is_first_model else "Every step of the plan was passed."),
        heading("What was released"),
        _released(facts),
        heading("The model before and after"),
        _before_and_after(facts),
        _canary(facts),
        _bandit(facts),
        _replay(facts),
        _verified(facts),
        element(
            "footer",
            f"All records of these decisions: sluice why {facts.run_id}. The report of the evaluation: sluice report "
            f"{facts.run_id}.",
        ),
    )


def _glance(facts: ReleaseFacts) -> Safe:
    plan, looks = facts.plan, facts.looks
    newest = looks[-1].get("inputs") or {} if looks else {}
    total = newest.get("total") or {}
    steps = course.steps(looks)
    greatest = max((step["log_e"] for step in steps if step["log_e"] is not None), default=None)
    limit = ((looks[-1].get("statistic") or {}) if looks else {}).get("log_limit")
    first = plan.is_first_model
    shares = ", ".join(f"{step.percent} %" for step in plan.weights)
    return tiles(
        ("Strategy", "first model", "nothing to compare")
        if first
        else ("Strategy", in_words(plan.strategy), shares or f"mode {in_words(plan.mode)}"),
        (
            "Took",
            _took(plan.started_at, facts.at),
            "no bake" if first else f"{plan.bake_seconds:,} s of bake at each step",
        ),
        (
            "Live requests to it",
            _count(total.get("requests")) if looks else "–",
            f"{_count(total.get('failures'))} failed" if looks else "no canary was measured",
        ),
        (
            "Evidence against it",
            number(greatest),
            f"greatest ln E of a step's end; aborts at {limit:.3g}" if limit else "not measured",
        ),
    )


def _took(begin: str, end: str) -> str:
    try:
        seconds = round((datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds())
    except (ValueError, TypeError):
        return "–"
    hours, minutes = divmod(max(0, seconds) // 60, 60)
    if not hours and not minutes:
        return f"{max(0, seconds)} s"
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds % 60:02} s"


def _listed(texts: Sequence[Any], otherwise: str) -> Safe:
    if not texts:
        return element("p", otherwise, class_="quiet")
    return element("ul", [element("li", short(str(text), 800)) for text in texts])


def _released(facts: ReleaseFacts) -> Safe:
    plan = facts.plan
    pairs: list[tuple[str, Child]] = [
        ("Run", facts.run_id),
        ("Package", short(plan.package_arn, 200)),
        ("Archive", short(plan.artifact_uri or "–", 300)),
        ("Endpoint", f"{short(plan.endpoint, 80)}, {plan.machines} machine{'' if plan.machines == 1 else 's'}"),
        ("Variant", short(plan.variant, 80)),
        ("Before it", short(plan.champion_run or "no model served", 80)),
        ("Started", utc(short(plan.started_at, 40))),
    ]
    return table([], [row(name, value) for name, value in pairs], slim=True)


def _before_and_after(facts: ReleaseFacts) -> Safe:
    found = facts.evaluation
    if found is None:
        return element("p", "There is no evaluation of this run to compare.", class_="quiet")
    ends = found.intervals.ends if found.intervals else lambda who, metric: None
    has_champion = found.champion is not None
    rows = []
    for metric in found.candidate.metrics:
        pair = (found.paired or {}).get(metric)
        difference: Child = "–"
        if pair is not None and pair.difference is not None:
            interval = None if pair.low is None or pair.high is None else (pair.low, pair.high)
            difference = [with_ends(pair.difference, interval), f" ({gain_in_words(metric, pair)[0].split()[-1]})"]
        old = with_ends(found.metric_of("champion", metric), ends("champion", metric)) if has_champion else "–"
        new = with_ends(found.metric_of("candidate", metric), ends("candidate", metric))
        name = f"{metric} (contract)" if metric == found.metric else metric
        cells = (old, new, difference) if has_champion else (new,)
        rows.append(row(name, *((cell, "n wrap") for cell in cells)))
    header = [
        ("Metric", None),
        *((name, "n") for name in (("Before", "After", "Difference") if has_champion else ("After",))),
    ]
    note = (
        f"On the same {found.rows:,} held-out rows."
        if has_champion
        else "No model served before, or none was compared."
    )
    return table(header, rows, f"{note} In brackets: intervals.", slim=True)


def _canary(facts: ReleaseFacts) -> list[Child]:
    looks = facts.looks
    if not looks:
        return []
    plots = [
        card(title, figure, element("p", note))
        for title, figure, note in (
            ("Evidence against the new model", course.evidence(looks), "Above the dashed line the release is aborted."),
            ("Share of the traffic", course.traffic(looks), "What the new model answered of the live requests."),
        )
        if figure
    ]
    rows = [
        row(
            f"{step['percent']} %",
            (f"{step['measured']:,}", "n"),
            (_failed(step["canary"]), "n"),
            (_failed(step["control"]), "n"),
            (number(step["tail_ms"]), "n"),
            (number(step["log_e"]), "n"),
            tag(short(str(step["decision"]), 20), _DECISIONS.get(str(step["decision"]))),
        )
        for step in course.steps(looks)
    ]
    header = [
        *(("Step", None), ("Measured", "n"), ("New model failed", "n"), ("Champion failed", "n")),
        *(("Tail, ms", "n"), ("ln E at its end", "n"), ("Decision", None)),
    ]
    decision = str(facts.canary.get("decision") or "?")
    return [
        element("h2", "Canary ", tag(short(decision, 20), _DECISIONS.get(decision))),
        element("div", plots, class_="plots") if plots else None,
        table(header, rows, slim=True),
    ]


def _failed(counts: Mapping[str, Any]) -> str:
    return f"{_count(counts.get('failures'))} of {_count(counts.get('requests'))}"


def _count(value: Any) -> str:
    return f"{int(value):,}" if isinstance(value, int | float) else "–"


def _bandit(facts: ReleaseFacts) -> list[Child]:
    steps = course.bandit_steps(dict(facts.bandit))
    if not steps:
        return []

    def wins(counts: Mapping[str, Any] | None) -> str:
        return f"{_count(counts.get('successes'))} of {_count(counts.get('trials'))}" if counts else "–"

    rows = [
        row(
            str(place),
            (f"{step['share']:.0%}" if isinstance(step["share"], int | float) else "–", "n"),
            (wins(step["rewards"].get("challenger")), "n"),
            (wins(step["rewards"].get("control")), "n"),
            (f"{step['best']:.1%}" if isinstance(step["best"], int | float) else "–", "n"),
            tag(short(str(step["decision"]), 20), _DECISIONS.get(str(step["decision"]))),
        )
        for place, step in enumerate(steps, 1)
    ]
    header = [
        *(("Choice", None), ("Share", "n"), ("New model", "n"), ("Champion", "n"), ("New is best", "n")),
        ("Decision", None),
    ]
    return [heading("Bandit"), table(header, rows, "Rewards of the labelled requests.", slim=True)]


def _replay(facts: ReleaseFacts) -> list[Child]:
    if not facts.replay:
        return []
    told = course.pairs_of(facts.pairs)
    decision = str(facts.replay.get("result") or facts.replay.get("decision") or "?")
    statistic = facts.replay.get("statistic") or {}
    rows = [
        row(
            in_words(name),
            (_count(((statistic.get("discordant") or {}).get(name) or {}).get("worse")), "n"),
            (_count(((statistic.get("discordant") or {}).get(name) or {}).get("better")), "n"),
            (number(value), "n"),
        )
        for name, value in (statistic.get("log_e") or {}).items()
    ]
    limit = statistic.get("log_limit")
    caption = (
        f"{told['pairs_in_all']:,} captured requests were sent to both models; {told['disagree']:,} had another answer"
        + (f". Aborts at ln E ≥ {limit:.3g}." if isinstance(limit, int | float) else ".")
    )
    header = [("Test", None), ("New model alone", "n"), ("Champion alone", "n"), ("ln E", "n")]
    return [
        element("h2", "Replay ", tag(short(decision, 20), _DECISIONS.get(decision))),
        _listed(facts.replay.get("reasons") or [], "No reason is recorded."),
        element("div", card("Answers of both models", told["figure"]), class_="plots") if told["figure"] else None,
        table(header, rows, caption, slim=True),
    ]


def _verified(facts: ReleaseFacts) -> list[Child]:
    if not facts.verification:
        return []
    decision = str(facts.verification.get("decision") or "?")
    return [
        element("h2", "Verification ", tag(in_words(short(decision, 20)), _DECISIONS.get(decision))),
        _listed(facts.verification.get("reasons") or [], "No reason is recorded."),
    ]
