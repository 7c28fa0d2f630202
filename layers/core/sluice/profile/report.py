"""A profile as one HTML page that needs nothing else.

Which values it shows: of categories that the contract lists, and otherwise of categories that at least FEW rows
share; never of text, and never of a key.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sluice import charts
from sluice.digits import percent, plain
from sluice.escaping import short
from sluice.model.shortening import more
from sluice.page import Child, Safe, element, page, row, table, tag, tiles
from sluice.profile.histogram import buckets, quantile
from sluice.records.baseline import Baseline, BaselineColumn, CategoryColumn, NumberColumn

FEW = 5
_BINS = 24
_NAMES_SHOWN = 8
_REASONS_SHOWN = 50
_HOUR, _DAY = 3_600, 86_400


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
    source = (quarantine or {}).get("key")
    return page(
        f"{short(project)}: dataset {datasets}",
        element(
            "header",
            element("h1", short(project)),
            element(
                "p",
                f"Profile of dataset {datasets}",
                f" from {short(source, 1_100)}" if source else "",
                f". Read as: {read_as}" if (read_as := profile.get("read_as")) else "",
                class_="sub",
            ),
        ),
        tiles(
            ("Rows accepted", f"{profile['rows']:,}", f"{len(profile['columns'])} columns"),
            ("Rows refused", *_refused(quarantine, profile["rows"])),
            *_worst(drift, drift_limit),
        ),
        *(element("p", tag("note", "bad"), f" {note}") for note in notes),
        _quarantine(quarantine),
        _columns(profile, drift, drift_limit, baseline.columns if baseline else {}, listed),
        element("footer", "Shares are of the values that are present; a quantile is off by at most 0.1 % of the rows."),
    )


def _refused(summary: Mapping[str, Any] | None, accepted: int) -> tuple[str, str]:
    if summary is None:
        return "0", "every row was accepted"
    if not summary:
        return "–", "the summary of the refused rows cannot be read"
    refused = int(summary.get("quarantined_rows", 0))
    return f"{refused:,}", f"{percent(refused / max(1, accepted + refused), 2)} of the file"


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
    if not summary:
        return []
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
    return [
        element("h2", "Quarantine"),
        table([("Rule", None), ("Column", None), ("Rows", "n"), ("", None)], rows, told),
    ]


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
    return [percent(share), charts.meter(share, width=60) if share else None]


def _score(score: float | None, limit: float) -> Child:
    return "–" if score is None else tag(f"{score:.3f}", "bad" if score > limit else "good")


def _facts(column: Mapping[str, Any]) -> Child:
    told: list[str] = []
    moments = column.get("moments")
    if moments and moments["n"]:
        told.append(f"{plain(moments['min'])} … {plain(moments['max'])}, mean {plain(moments['mean'])}")
        if moments["m2"] is not None:
            told.append(f"standard deviation {plain(math.sqrt(max(0.0, moments['m2']) / moments['n']))}")
        middle = [quantile(column["quantiles"], q) for q in (0.05, 0.5, 0.95)]
        if column["type"] == "integer":
            # a profile of an older version has no values of the column, but some that are within 1 % of them
            middle = [None if value is None else float(round(value)) for value in middle]
        told.append("quantiles 5 / 50 / 95 %: " + " / ".join("–" if v is None else plain(v) for v in middle))
    if column.get("lengths") and column["lengths"]["n"]:
        lengths = column["lengths"]
        told.append(f"{lengths['min']:.0f} … {lengths['max']:.0f} characters, mean {lengths['mean']:.1f}")
    if column["type"] == "boolean" and column["count"]:
        told.append(f"{column['count']:,} values")
    if column["type"] in ("category", "text") and column["count"]:
        told.append(f"{column['distinct']:,} distinct")
    if column["type"] == "timestamp" and column["min"] is not None:
        told.append(_times(column["min"], column["max"]))
    return [element("div", line) for line in told] or element("span", "no value", class_="quiet")


def _times(first: float, last: float) -> str:
    """Days alone if neither end has a time of day; seconds if minutes would make the ends equal."""
    whole = all(seconds % _DAY == 0 for seconds in (first, last))
    form = "%Y-%m-%d" if whole else "%Y-%m-%d %H:%M:%S" if last - first < _HOUR else "%Y-%m-%d %H:%M"
    ends = [(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=each)).strftime(form) for each in (first, last)]
    return f"{ends[0]} … {ends[1]}" + ("" if whole else " UTC")


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
    more = element("div", f"and {rest:,} more, {percent(share)} together", class_="quiet") if rest else None
    return [drawn, more]


def _histogram(column: Mapping[str, Any], baseline: BaselineColumn | None) -> Child:
    """On a logarithmic scale where nearly all values would share one bar of an even one."""
    histogram, moments, whole = column["quantiles"], column["moments"], column["type"] == "integer"
    least, most = moments["min"], moments["max"]
    first, middle, last = (min(max(quantile(histogram, q) or 0.0, least), most) for q in (0.01, 0.5, 0.99))
    log = not whole and first > 0 and last >= 1_000 * first and middle - first < 0.1 * (last - first)
    scale: Callable[[float], float] = math.log10 if log else float
    near = scale(first), scale(last)
    low, high = scale(least if least > 0 or not log else first), scale(most)
    # halves: the range of the greatest numbers is not a number
    spread, inner = high / 2 - low / 2, near[1] / 2 - near[0] / 2
    if 0 < inner < spread / 2 and not (whole and high - low < _BINS):
        # a single outlier would leave all else in one bar
        low, high = near
    shown = (first if low == near[0] else least), (last if high == near[1] else most)
    bins, step = _BINS, (high / _BINS - low / _BINS) or 1.0
    if whole and high - low < 1e15:
        # whole numbers share a bar or have one each; others would draw combs
        low, high = float(round(low)), float(round(high))
        step = math.ceil((high - low + 1) / _BINS)
        bins, low = math.ceil((high - low + 1) / step), low - 0.5
    counted = [0] * bins
    for value, n in buckets(histogram):
        at = scale(value) if not log or value > 0 else low
        counted[int(min(bins - 1, max(0.0, at / step - low / step)))] += n
    reference = baseline if isinstance(baseline, NumberColumn) else None
    edges = reference.edges if reference else None
    if edges and whole:
        # the baseline's bins are [e0, e1), …, the last closed
        edges = [*(edge - 0.5 for edge in edges[:-1]), edges[-1] + 0.5]
    elif edges and log:
        edges = [scale(max(edge, first)) for edge in edges]
    expected = charts.rebinned(edges, reference.shares, low, step, bins) if reference and edges else None
    total = max(1, sum(counted))
    told = f"{plain(shown[0], 4)} … {plain(shown[1], 4)}"
    if log:
        told += ", logarithmic scale"
    if least < shown[0] or most > shown[1]:
        told += ", all else in the outer bars"
    return [charts.histogram([n / total for n in counted], expected), element("div", told, class_="quiet")]
