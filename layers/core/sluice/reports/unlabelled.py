"""Segments, and scores of anomalies: what a model that learned without labels found in the test rows."""

from __future__ import annotations

from sluice import charts
from sluice.escaping import short
from sluice.page import Child, Safe, element, row, table
from sluice.records.words import in_words
from sluice.reports import binary
from sluice.reports.facts import Facts, card, number

_SHOWN = 30


def plots(facts: Facts) -> list[Safe]:
    found = facts.evaluation.unlabelled
    parts = binary.plots(facts)
    if found is None:
        return parts
    if found.segments:
        parts.append(_segments(facts))
    if found.score_quantiles:
        rows = [row(short(name, 40), (number(value), "n")) for name, value in found.score_quantiles.items()]
        parts.append(card("Scores", table([("Quantile", None), ("Score", "n")], rows, slim=True)))
    if found.agreement:
        rows = [row(in_words(short(name, 40)), (number(value), "n")) for name, value in found.agreement.items()]
        parts.append(card("Agreement with the champion", table([("Measure", None), ("", "n")], rows, slim=True)))
    return parts


def _segments(facts: Facts) -> Safe:
    found = facts.evaluation.unlabelled
    shown = found.segments[:_SHOWN] if found else []
    rows = []
    for each in shown:
        traits: Child = [element("div", short(trait.text(), 200)) for trait in each.traits] or "no column sets it apart"
        share: Child = [f"{each.share:.1%}", charts.meter(each.share, width=60)]
        rows.append(row(short(each.name, 60), (f"{each.rows:,}", "n"), (share, "n"), traits))
    header: list[tuple[str, str | None]] = [
        ("Segment", None),
        ("Rows", "n"),
        ("Share", "n"),
        ("What sets it apart", None),
    ]
    return card("Segments of the test rows", table(header, rows, slim=True), wide=True)
