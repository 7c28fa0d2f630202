"""A profile as one HTML page that needs nothing else.

Which values it shows: of categories that the contract lists, and otherwise of categories that at least FEW rows
share; never of text, and never of a key.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sluice import charts
from sluice.escaping import short
from sluice.model.shortening import more
from sluice.page import Child, Safe, element, page, row, table, tag, tiles
from sluice.profile.histogram import buckets, quantile
from sluice.records.baseline import Baseline, BaselineColumn, CategoryColumn, NumberColumn

FEW = 5
_BINS = 24
_NAMES_SHOWN = 8
_REASONS_SHOWN = 50


def render(
    project: str,
    profile: Mapping[str, Any],
    quarantine: Mapping[str, Any] | None = None,
    drift: Mapping[str, float] | None = None,
    drift_limit: float = 0.2,
    baseline: Baseline | None = None,
    listed: Collection[str] = (),
    notes: Sequence[str] = (),
) -> str:
    """`quarantine`: the summary.json of the arrival, None where no row was refused, empty where it cannot be read;
    `drift`: column → PSI against `baseline`, the champion's; `listed`: columns whose categories the contract lists;
    `notes`: what could not be compared or read, in words.
    """
    datasets = ", ".join(profile["datasets"])
    refused = int((quarantine or {}).get("quarantined_rows", 0))
    source = (quarantine or {}).get("key")
    return page(
        f"{short(project)}: dataset {datasets}",
        element(
            "header",
            element("h1", short(project)),
            element(
                "p",
                f"Dataset {datasets}",
                f" from {short(source, 1_100)}" if source else "",
                f". Read as: {read_as}" if (read_as := profile.get("read_as")) else "",
                class_="sub",
            ),
        ),
        tiles(
            ("Rows accepted", f"{profile['rows']:,}", f"{len(profile['columns'])} columns"),
            ("Rows refused", f"{refused:,}", _share(refused, profile["rows"] + refused, "of the file")),
            *_worst(drift, drift_limit),
        ),
        *(element("p", tag("note", "bad"), f" {note}") for note in notes),
        _quarantine(quarantine),
        _columns(profile, drift, drift_limit, baseline.columns if baseline else {}, listed),
        element("footer", "Shares are of the values that are present; a quantile is off by at most 0.1 % of the rows."),
    )


def _share(part: int, whole: int, of: str) -> str:
    return f"{part / whole:.2%} {of}" if whole else ""


def _worst(drift: Mapping[str, float] | None, limit: float) -> list[tuple[str, Child, Child]]:
    if not drift:
        return []
    name = max(drift, key=drift.__getitem__)
    over = sum(score > limit for score in drift.values())
    told = f"{over} of {len(drift)} columns above {limit:g}"
    return [
        ("Greatest drift (PSI)", tag(f"{drift[name]:.3f}", "bad" if over else "good"), f"{short(name, 40)}; {told}")
    ]


def _quarantine(summary: Mapping[str, Any] | None) -> list[Safe]:
    title = element("h2", "Quarantine")
    if summary is None:
        return [title, element("p", "Every row was accepted.", class_="quiet")]
    if not summary:
        return [title, element("p", "The summary of the refused rows cannot be read.", class_="quiet")]
    every = list(summary.get("reasons", []))
    reasons = every[:_REASONS_SHOWN]
    most = max((int(reason["rows"]) for reason in reasons), default=0) or 1
    rows = [
        row(
            str(reason["rule"]),
            short(reason["column"]) if reason["column"] is not None else element("span", "whole row", class_="quiet"),
            (f"{reason['rows']:,}", "n"),
            charts.meter(int(reason["rows"]) / most),
        )
        for reason in reasons
    ]
    told = f"{summary.get('quarantined_rows', 0):,} rows were refused; a row may break several rules."
    if len(every) > len(reasons):
        told += f" The {len(reasons)} most frequent reasons are shown{more(len(every) - len(reasons), 'summary.json')}."
    return [title, table([("Rule", None), ("Column", None), ("Rows", "n"), ("", None)], rows, told)]


def _columns(
    profile: Mapping[str, Any],
    drift: Mapping[str, float] | None,
    limit: float,
    baseline: Mapping[str, BaselineColumn],
    listed: Collection[str],
) -> list[Safe]:
    header: list[tuple[str, str | None]] = [
        ("Column", None),
        ("Missing", "n"),
        ("Values", None),
        ("Distribution", None),
    ]
    if drift is not None:
        header.append((f"PSI (limit {limit:g})", "n"))
    rows = []
    for name, column in profile["columns"].items():
        cells: list[Child | tuple[Child, str]] = [
            (_missing(column, profile["rows"]), "n"),
            _facts(column),
            _bars(column, baseline.get(name), name in listed),
        ]
        if drift is not None:
            cells.append((_score(drift.get(name), limit), "n"))
        rows.append(row([short(name), element("div", tag(column["type"]))], *cells))
    told = charts.legend() if drift is not None and baseline else None
    heading = "Columns" if drift is None else "Columns, and drift against the serving model’s training data"
    return [element("h2", heading), table(header, rows, told)]


def _missing(column: Mapping[str, Any], rows: int) -> Child:
    if not rows:
        return "–"
    share = column["missing"] / rows
    return [f"{share:.1%}", charts.meter(share, width=60) if share else None]


def _score(score: float | None, limit: float) -> Child:
    return "–" if score is None else tag(f"{score:.3f}", "bad" if score > limit else "good")


def _facts(column: Mapping[str, Any]) -> Child:
    told: list[str] = []
    moments = column.get("moments")
    if moments and moments["n"]:
        told.append(f"{moments['min']:.6g} … {moments['max']:.6g}, mean {moments['mean']:.6g}")
        if moments["m2"] is not None:
            told.append(f"standard deviation {math.sqrt(max(0.0, moments['m2']) / moments['n']):.6g}")
        middle = [quantile(column["quantiles"], q) for q in (0.05, 0.5, 0.95)]
        if column["type"] == "integer":
            # a profile of an older version has no values of the column, but some that are within 1 % of them
            middle = [None if value is None else float(round(value)) for value in middle]
        told.append("5 / 50 / 95 %: " + " / ".join("–" if v is None else f"{v:.4g}" for v in middle))
    if column.get("lengths") and column["lengths"]["n"]:
        lengths = column["lengths"]
        told.append(f"{lengths['min']:.0f} … {lengths['max']:.0f} characters, mean {lengths['mean']:.1f}")
    if column["type"] == "boolean" and column["count"]:
        told.append(f"{column['count']:,} values")
    if column["type"] in ("category", "text") and column["count"]:
        told.append(f"{column['distinct']:,} distinct")
    if column["type"] == "timestamp" and column["min"] is not None:
        told.append(f"{_day(column['min'])} … {_day(column['max'])} UTC")
    return [element("div", line) for line in told] or element("span", "no value", class_="quiet")


def _day(seconds: float) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M")


def _bars(column: Mapping[str, Any], baseline: BaselineColumn | None, listed: bool) -> Child:
    counts = column.get("counts")
    if column["type"] in ("category", "boolean") and counts:
        expected = baseline.shares if isinstance(baseline, CategoryColumn) else None
        return _ranked(counts, expected, listed or column["type"] == "boolean")
    if "quantiles" in column and column["count"]:
        return _histogram(column, baseline)
    return None


def _ranked(counts: Mapping[str, int], expected: Mapping[str, float] | None, listed: bool) -> Child:
    total = sum(counts.values())
    known = [(name, n) for name, n in counts.items() if listed or n >= FEW]
    top = sorted(known, key=lambda item: (-item[1], item[0]))[:_NAMES_SHOWN]
    drawn = charts.ranked((name, n / total, expected.get(name, 0.0) if expected else None) for name, n in top)
    rest = len(counts) - len(top)
    share = 1 - sum(n for _, n in top) / total
    more = element("div", f"and {rest} more, {share:.1%} together", class_="quiet") if rest else None
    return [drawn, more]


def _histogram(column: Mapping[str, Any], baseline: BaselineColumn | None) -> Child:
    """Between the 1 % and the 99 % quantile, since a single outlier would leave all else in one bar."""
    histogram, moments = column["quantiles"], column["moments"]
    ends = [quantile(histogram, q) for q in (0.01, 0.99)]
    low, high = (min(max(end or 0.0, moments["min"]), moments["max"]) for end in ends)
    bins, step = _BINS, (high / _BINS - low / _BINS) or 1.0
    if column["type"] == "integer" and high - low < 1e15:
        # whole numbers share a bar or have one each; others would draw combs
        low, high = float(round(low)), float(round(high))
        step = math.ceil((high - low + 1) / _BINS)
        bins, low = math.ceil((high - low + 1) / step), low - 0.5
    counted = [0] * bins
    for value, n in buckets(histogram):
        counted[int(min(bins - 1, max(0.0, value / step - low / step)))] += n
    reference = baseline if isinstance(baseline, NumberColumn) else None
    edges = reference.edges if reference else None
    if edges and column["type"] == "integer":
        # the baseline's bins are [e0, e1), …, the last closed
        edges = [*(edge - 0.5 for edge in edges[:-1]), edges[-1] + 0.5]
    expected = charts.rebinned(edges, reference.shares, low, step, bins) if reference and edges else None
    total = max(1, sum(counted))
    told = f"{math.ceil(low) if column['type'] == 'integer' else low:.4g} … {high:.4g}"
    if low > moments["min"] or high < moments["max"]:
        told += ", all else in the outer bars"
    return [charts.histogram([n / total for n in counted], expected), element("div", told, class_="quiet")]
