"""A profile as one HTML page that needs nothing else. Every name and value in it is escaped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any

from sluice.profile.sketches import buckets, distinct, quantile

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1c2733}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #dde3ea;
vertical-align:top}th{color:#51606f;font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
svg{display:block}rect{fill:#3b7dd8}.bad{color:#b3261e;font-weight:600}.quiet{color:#68788a}td{overflow-wrap:anywhere}
"""
_BINS = 24
_NAMES_SHOWN = 8


def render(
    project: str,
    profile: Mapping[str, Any],
    quarantine: Mapping[str, Any] | None = None,
    drift: Mapping[str, float] | None = None,
    drift_limit: float = 0.2,
) -> str:
    """`quarantine`: the summary.json of the arrival; `drift`: column → PSI against the champion's baseline."""
    title = f"{project}: dataset {', '.join(profile['datasets'])}"
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>",
        '<meta name=viewport content="width=device-width">',
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1>",
        f"<p>{profile['rows']:,} accepted rows, {len(profile['columns'])} columns.</p>",
        _quarantine(quarantine),
        _drift(drift, drift_limit),
        "<h2>Columns</h2><table><tr><th>Column<th>Type<th class=n>Missing<th>Values<th>Distribution",
    ]
    parts += [_row(name, column, profile["rows"]) for name, column in profile["columns"].items()]
    return "\n".join([*parts, "</table></html>\n"])


def _row(name: str, column: Mapping[str, Any], rows: int) -> str:
    missing = f"{column['missing'] / rows:.1%}" if rows else "–"
    facts, bars = _facts(column), _bars(column)
    return f"<tr><td>{escape(name)}<td>{escape(column['type'])}<td class=n>{missing}<td>{facts}<td>{bars}"


def _facts(column: Mapping[str, Any]) -> str:
    told: list[str] = []
    moments = column.get("moments")
    if moments and moments["n"]:
        told.append(f"{moments['min']:.6g} … {moments['max']:.6g}, mean {moments['mean']:.6g}")
        if moments["m2"] is not None:
            told.append(f"standard deviation {math.sqrt(max(0.0, moments['m2']) / moments['n']):.6g}")
        middle = [quantile(column["quantiles"], q) for q in (0.05, 0.5, 0.95)]
        if column["type"] == "integer":
            # the sketch is within 1 % of the true quantile, which is a whole number
            middle = [None if value is None else float(round(value)) for value in middle]
        told.append("5 / 50 / 95 %: " + " / ".join("–" if v is None else f"{v:.4g}" for v in middle))
    if column.get("lengths") and column["lengths"]["n"]:
        lengths = column["lengths"]
        told.append(f"{lengths['min']:.0f} … {lengths['max']:.0f} characters, mean {lengths['mean']:.1f}")
    if column["type"] == "boolean" and column["count"]:
        told.append(f"{column['count']:,} values")
    if column["type"] in ("category", "text") and column["count"]:
        counted = column.get("counts")
        number = f"{len(counted)}" if counted is not None else f"about {distinct(column['distinct']):,}"
        told.append(f"{number} distinct")
    if column["type"] == "timestamp" and column["min"] is not None:
        told.append(f"{_day(column['min'])} … {_day(column['max'])} UTC")
    return "<br>".join(escape(line) for line in told) or "<span class=quiet>no value</span>"


def _day(seconds: float) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M")


def _bars(column: Mapping[str, Any]) -> str:
    counts = column.get("counts")
    if column["type"] in ("category", "boolean") and counts:
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        lines = [_labelled(name, n, ranked[0][1], column["count"]) for name, n in ranked[:_NAMES_SHOWN]]
        if len(ranked) > _NAMES_SHOWN:
            lines.append(f"<span class=quiet>and {len(ranked) - _NAMES_SHOWN} more</span>")
        return "".join(lines)
    if "quantiles" in column and column["count"]:
        return _histogram(column)
    return ""


def _labelled(name: str, n: int, most: int, total: int) -> str:
    width = max(1, round(120 * n / most))
    bar = f"<svg width=120 height=10 role=img aria-hidden=true><rect width={width} height=10></rect></svg>"
    return f"<div>{escape(name[:60])} {n / total:.1%}{bar}</div>"


def _histogram(column: Mapping[str, Any]) -> str:
    low, high = column["moments"]["min"], column["moments"]["max"]
    step = (high / _BINS - low / _BINS) or 1.0
    bins = [0] * _BINS
    for value, n in buckets(column["quantiles"]):
        bins[int(min(_BINS - 1, max(0.0, value / step - low / step)))] += n
    most = max(bins)
    bars = []
    for i, n in enumerate(bins):
        height = max(1, round(38 * n / most)) if n else 0
        bars.append(f"<rect x={i * 8} y={40 - height} width=7 height={height}></rect>")
    return f'<svg width={_BINS * 8} height=40 role=img aria-label="histogram">{"".join(bars)}</svg>'


def _quarantine(summary: Mapping[str, Any] | None) -> str:
    if not summary:
        return "<h2>Quarantine</h2><p>Every row was accepted.</p>"
    lines = [f"<h2>Quarantine</h2><p class=bad>{summary.get('quarantined_rows', 0):,} rows were refused.</p>"]
    lines.append("<table><tr><th>Rule<th>Column<th class=n>Rows")
    for reason in summary.get("reasons", [])[:50]:
        column = escape(str(reason["column"])) if reason["column"] is not None else "<span class=quiet>whole row</span>"
        lines.append(f"<tr><td>{escape(str(reason['rule']))}<td>{column}<td class=n>{reason['rows']:,}")
    return "\n".join([*lines, "</table>"])


def _drift(drift: Mapping[str, float] | None, limit: float) -> str:
    if drift is None:
        return ""
    lines = ["<h2>Drift against the serving model’s training data</h2>"]
    lines.append(f"<table><tr><th>Column<th class=n>PSI (limit {limit:g})")
    for name, score in sorted(drift.items(), key=lambda item: -item[1]):
        lines.append(f'<tr><td>{escape(name)}<td class="n{" bad" if score > limit else ""}">{score:.3f}')
    return "\n".join([*lines, "</table>"])
