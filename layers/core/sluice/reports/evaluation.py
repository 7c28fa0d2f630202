"""The report of one evaluation as one HTML page that needs nothing else.

It shows counts, shares, metrics and names of categories, which stay in S3 with it, and no value of any other column.
"""

from __future__ import annotations

from collections.abc import Callable

from sluice.escaping import short
from sluice.model.metric_ranges import LOWER_IS_BETTER, NEUTRAL
from sluice.moments import utc
from sluice.page import Child, Safe, element, page, row, table, tag, tiles
from sluice.records import gate_figures
from sluice.reports import binary, exploration, groups, learning, multiclass, regression, stability, unlabelled
from sluice.reports.facts import (
    DECISIONS,
    Facts,
    gain_in_words,
    heading,
    number,
    numbers,
    size,
    verdict_sentence,
    verdict_tag,
    with_ends,
)

PLOTS: dict[str, Callable[[Facts], list[Safe]]] = {
    "binary": binary.plots,
    "multiclass": multiclass.plots,
    "regression": regression.plots,
    "clustering": unlabelled.plots,
    "anomaly": unlabelled.plots,
}
SECTIONS: tuple[Callable[[Facts], list[Safe]], ...] = (
    groups.sections,
    stability.sections,
    learning.sections,
    exploration.sections,
)
"""After the plots of the problem type. A section whose evidence is absent is an empty list."""


def render(facts: Facts) -> str:
    found, project = facts.evaluation, facts.inputs.project
    drawn = PLOTS[found.problem](facts) if found.problem in PLOTS else []
    return page(
        f"{short(project)}: evaluation of {facts.inputs.run_id}",
        element(
            "header",
            element("h1", short(project), " ", tag(facts.decision, DECISIONS.get(facts.decision))),
            element(
                "p",
                f"Evaluation of the candidate of run {facts.inputs.run_id}, {utc(short(facts.at, 40))}",
                class_="sub",
            ),
            element("p", short(facts.inputs.contract.description, 400), class_="sub"),
            element("p", _verdict(facts)),
        ),
        tiles(*_glance(facts)),
        heading("Decision of the gates"),
        _gates(facts),
        heading("Metrics on the test rows"),
        _metrics(facts),
        [heading("Plots of the test rows"), element("div", drawn, class_="plots")] if drawn else None,
        [section(facts) for section in SECTIONS],
        _notes(facts),
        _method(facts),
    )


def _verdict(facts: Facts) -> str:
    """Without verdicts, of an older record, the reasons are below."""
    told = verdict_sentence(facts.verdicts) if facts.verdicts else ""
    missed = [each for each in facts.verdicts if each["outcome"] != "pass"]
    first = min(missed, key=lambda each: each["outcome"] != "fail", default=None)
    return f"{told} {short(first['reason'], 300)}" if first else told


def _glance(facts: Facts) -> list[tuple[str, Child, Child]]:
    found = facts.evaluation
    metric = found.metric
    told: list[tuple[str, Child, Child]] = []
    ends = facts.ends("candidate", metric)
    told.append(
        (
            metric,
            number(facts.value("candidate", metric)),
            f"{_direction(metric)}95 % interval {' to '.join(numbers(ends))}" if ends else "no interval",
        )
    )
    for who, pairs in (
        ("champion", found.paired),
        ("best so far", found.paired_anchor),
        ("baseline", found.paired_baseline),
    ):
        pair = (pairs or {}).get(metric)
        if pair is None or pair.difference is None:
            continue
        told.append((f"Against the {who}", *gain_in_words(metric, pair)))
    told.append(("Test rows", f"{found.rows:,}", short(found.problem, 20)))
    latency = found.candidate.latency_ms
    if latency.get("p50") is not None:
        told.append(("One row", f"{latency['p50']:.3g} ms", f"99 % within {number(latency.get('p99'))} ms"))
    model = short(found.candidate.name(found.problem), 40)
    told.append(("Model", model, size(found.candidate.size_bytes)))
    return told


def _direction(metric: str) -> str:
    return "" if metric in NEUTRAL else f"{'lower' if metric in LOWER_IS_BETTER else 'higher'} is better; "


def _gates(facts: Facts) -> list[Safe]:
    parts = [element("ul", [element("li", short(reason, 600)) for reason in facts.reasons])]
    if facts.verdicts:
        rows = [
            row(
                short(gate_figures.gate_name(verdict), 120),
                verdict_tag(str(verdict["outcome"])),
                (gate_figures.measured(verdict) or "–", "n wrap"),
                (gate_figures.compared(verdict) or "–", "n wrap"),
                (gate_figures.limit(verdict), "n wrap"),
                short(verdict["reason"], 600),
            )
            for verdict in facts.verdicts
        ]
        header: list[tuple[str, str | None]] = [("Gate", None), ("Verdict", None), ("Measured", "n")]
        header += [("Compared", "n"), ("Has to be", "n"), ("In words", None)]
        parts = [table(header, rows, slim=True)]
    return parts


def _metrics(facts: Facts) -> Safe:
    found = facts.evaluation
    rows = []
    for name in found.candidate.metrics:
        cells: list[Child | tuple[Child, str]] = [
            (with_ends(facts.value(who, name), facts.ends(who, name)), "n wrap") for who in facts.models
        ]
        rows.append(row([name, " ", tag("contract", None) if name == found.metric else None], *cells))
    for name, why in found.undefined.items():
        rows.append(row(short(name, 60), (["not defined: ", short(why, 300)], "quiet")))
    header: list[tuple[str, str | None]] = [("Metric", None), *((who.capitalize(), "n") for who in facts.models)]
    return table(header, rows, slim=True)


def _notes(facts: Facts) -> list[Safe]:
    told = facts.notes
    if not told:
        return []
    return [
        heading("What to know"),
        element("ul", [element("li", short(each, 600)) for each in told]),
    ]


def _method(facts: Facts) -> Safe:
    intervals = facts.evaluation.intervals
    said = "Metrics are measured on rows that the candidate was not trained on."
    if intervals:
        said += (
            f" Method of the {intervals.confidence:.0%} intervals: {short(intervals.method, 300)}; "
            f"{intervals.resamples:,} draws, the same for all models and metrics."
        )
    return element("footer", said)
