"""The part of a measurement's page that is about delayed labels: which count, and how many are still to come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.escaping import short
from sluice.page import Safe, element, row, table

_COUNTS = (
    ("counted", "rows of the serving model with a label"),
    ("named_by_id_and_key", "of them named by inference id and by key; each counts once"),
    ("repeated_rows", "of them with the same label several times"),
    ("corrected_rows", "of them with different labels; the one that arrived last counts"),
    ("unknown", "labels that meet no request with this identity"),
    ("outside", "labels for requests that the serving model did not answer, or before its promotion"),
    ("too_late", "labels that came later after their request than monitor.labels_within"),
    ("no_label_of_the_target", "labels that the target cannot have as the contract has it now"),
    ("rows_without_a_name", "answered rows without inference id and key, which no label can name"),
)


def label_sections(report: Mapping[str, Any]) -> list[Safe]:
    """`report`: the measurement's report.json. Nothing without labels."""
    labels = report.get("labels") or {}
    if "counted" not in labels:
        return []
    rows = [row(told, (f"{labels.get(name) or 0:,}", "n")) for name, told in _COUNTS if labels.get(name)]
    found = [element("h2", "Labels"), table([("Labels and rows", None), ("Number", "n")], rows)]
    files = labels.get("unknown_by_file") or {}
    if files:
        listed = [element("li", f"{short(name, 200)}: {count:,}") for name, count in files.items()]
        found += [element("p", "Files whose labels meet no request:"), element("ul", listed)]
    return found + _maturity(labels.get("maturity") or {})


def _maturity(curve: Mapping[str, Any]) -> list[Safe]:
    """The share of the labels that have come by an age of the request."""
    points = curve.get("curve") or []
    if not points:
        return []
    rows = [row(age_text(each["age_seconds"]), (f"{each['share']:.1%}", "n")) for each in points]
    told = (
        f"{curve['labelled_share']:.1%} of the requests get a label; nine tenths of these labels have come "
        f"{age_text(curve['mature_age_seconds'])} after the request. Longer delays than "
        f"{age_text(curve['known_until_seconds'])} have not been seen yet."
    )
    return [
        element("h2", "How soon labels come"),
        element("p", told),
        table([("After", None), ("Share of the labels", "n")], rows),
    ]


def age_text(seconds: float) -> str:
    """`90 s`, `12 min`, `5.0 h`, `3.2 days`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 2 * 86400 else f"{seconds / 86400:.1f} days"
