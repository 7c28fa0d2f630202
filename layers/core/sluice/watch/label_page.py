"""The part of a measurement's page that is about delayed labels: which count, and how many are still to come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.escaping import short
from sluice.moments import utc
from sluice.page import Child, Safe, element, row, table, tag

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


def quality_sections(report: Mapping[str, Any]) -> list[Safe]:
    """Metrics, groups and periods of the labelled rows; nothing without labels."""
    quality = report.get("quality") or report.get("labelled_quality") or {}
    return [*_certainty(quality), *_metrics(quality), *_groups(quality), *_periods(quality)]


def _certainty(quality: Mapping[str, Any]) -> list[Safe]:
    evidence, heading = quality.get("evidence"), element("h2", "Is it certainly worse than its limit?")
    if not evidence:
        why = quality.get("bound_reason")
        return [heading, element("p", f"That cannot be said: {short(why, 200)}.")] if why else []
    told = (
        f"The best {short(quality['metric'], 40)} that {evidence['labels']:,} labels still allow, however often that "
        f"is checked, is {quality['bound']:.4f}. "
        + ("That is worse than the limit: the loss is certain." if evidence["worse"] else "No loss is certain.")
    )
    return [heading, element("p", told)]


def _metrics(quality: Mapping[str, Any]) -> list[Safe]:
    found = quality.get("metrics") or {}
    if not found:
        return []
    rows = [
        row(short(name, 40), (f"{each['value']:.4g}", "n"), (_ends(*(each.get("interval") or (None, None))), "n"))
        for name, each in found.items()
    ]
    window = quality["window"]
    since, until = (utc(short(window[end])) for end in ("from", "until"))
    caption = f"Requests from {since} until {until}, when nine tenths of labels are in"
    return [element("h2", "Metrics"), table([("Metric", None), ("Value", "n"), ("95 %", "n")], rows, caption)]


def _groups(quality: Mapping[str, Any]) -> list[Safe]:
    found: list[Safe] = []
    for column, groups in (quality.get("slices") or {}).items():
        rows = [
            row(
                short(segment, 60),
                (f"{each['labels']:,}", "n"),
                (_number(each.get("value")), "n"),
                (_ends(each.get("low"), each.get("high")), "n"),
            )
            for segment, each in groups["segments"].items()
        ]
        header = [(short(column, 60), None), ("Labels", "n"), (short(quality["metric"], 40), "n"), ("95 %", "n")]
        few = groups["left_out"]
        left_out = f"{few:,} labels are of small groups, or have no value here" if few else None
        found.append(table(header, rows, left_out))
    return [element("h2", "Groups"), *found] if found else []


def _periods(quality: Mapping[str, Any]) -> list[Safe]:
    """Each time by its own labels: a young one says how many are still to come."""
    periods = quality.get("periods") or []
    if not periods:
        return []
    age = quality.get("equal_age_seconds")
    header: list[tuple[str, str | None]] = [("Requests from", None), ("Requests", "n"), ("Labels", "n")]
    header += [("Maturity", "n"), (short(quality["metric"], 40), "n"), ("95 %", "n")]
    if age is not None:
        header.append((f"with the labels of {age_text(age)}", "n"))
    rows = [_period(each, age is not None) for each in periods]
    more = quality.get("periods_left_out") or 0
    caption = f"{more:,} older periods are not shown" if more else None
    return [element("h2", "Quality by the time of the request"), table(header, rows, caption)]


def _period(each: Mapping[str, Any], equal: bool) -> Safe:
    maturity = each.get("maturity")
    told: Child = "–" if maturity is None else f"{maturity:.0%}"
    if maturity is not None and not each.get("mature"):
        told = tag(f"{maturity:.0%}, immature", "warn")
    cells: list[tuple[Child, str]] = [(f"{each['requests']:,}", "n"), (f"{each['labels']:,}", "n"), (told, "n")]
    cells += [(_number(each.get("value")), "n"), (_ends(each.get("low"), each.get("high")), "n")]
    if equal:
        cells.append((_number(each.get("value_at_equal_age")), "n"))
    return row(utc(short(each["from"])), *cells)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _ends(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low:.4g} to {high:.4g}"
