"""The page of monitoring: drift and quality over time, and the newest measurement in full.

What a report holds grows; a page shows what it knows and leaves out what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from console.drawn import page_body, tree
from console.reading.stored import json_at
from console.source import Source
from sluice import figures, keys
from sluice.errors import NotFoundError
from sluice.figures import Axis, Line
from sluice.ports import Json

SHOWN = 120
"""Measurements in the plots, the newest; one is a small object in S3."""
_COLUMNS = 6
_UNITS = ((3.0, "minutes", 1 / 60), (72.0, "hours", 1.0), (float("inf"), "days", 24.0))
"""Longest span in hours, the unit that suits it, and the unit in hours."""


def read(source: Source, project: str) -> Json:
    """`{"measurements", "plots", "newest", "page", "responses", "left_out"}`."""
    listed = source.kept.get(("monitored", project), lambda: _reports(source, project), 1.5)
    shown = listed[-SHOWN:]
    reports = [each for key in shown if (each := _report(source, key)) is not None]
    newest = reports[-1] if reports else None
    return {
        "project": project,
        "measurements": len(listed),
        "left_out": len(listed) - len(shown),
        "newest": _newest(newest) if newest else None,
        "plots": source.kept.get(("monitor plots", project, tuple(shown)), lambda: plots(reports), 600),
        "page": _page(source, listed[-1]) if listed else None,
        "responses": source.kept.get(("responses", project), lambda: _responses(source, project), 3.0),
    }


def _reports(source: Source, project: str) -> list[str]:
    """Keys of the measurements' reports, oldest first: their names begin with their time."""
    stored = source.world.objects.list(keys.monitor(project))
    return sorted(item.key for item in stored if item.key.endswith("/report.json"))


def _report(source: Source, key: str) -> Json | None:
    """Written once, so kept as long as there is room."""
    found = source.kept.get(("report", key), lambda: json_at(source, key), 3_600)
    return found if isinstance(found, dict) else None


def _page(source: Source, key: str) -> list[Any] | None:
    def made() -> list[Any] | None:
        try:
            return page_body(source.world.objects.read(key.replace(".json", ".html")).decode("utf-8", "replace"))
        except NotFoundError:
            return None

    return source.kept.get(("monitor page", key), made, 600)


def _newest(report: Json) -> Json:
    quality, labels = report.get("quality"), report.get("labels")
    kept = ("at", "run_id", "decision", "rows", "requests", "files", "unreadable_lines", "endpoint_missing", "triage")
    return {
        **{name: report.get(name) for name in kept},
        "reasons": [str(each) for each in report.get("reasons") or []],
        "problems": report.get("problems") or {},
        "quality": quality if isinstance(quality, dict) else None,
        "labels": labels if isinstance(labels, dict) else None,
        "probation": report.get("probation"),
    }


def plots(reports: Sequence[Json]) -> list[Json]:
    """`[{"title", "figure", "note"}]`: drift, quality, volume and maturity over time, each where there is some."""
    hours = _hours(reports)
    if len(hours) < 2:
        return []
    unit, size = next((unit, size) for most, unit, size in _UNITS if -hours[0] <= most)
    times = [at / size for at in hours]
    x = Axis(f"{unit} before the newest measurement", times[0], 0.0)
    made = (_drift(reports, times, x), _quality(reports, times, x), _volume(reports, times, x))
    return [each for each in (*made, _maturity(reports, times, x)) if each]


def _drift(reports: Sequence[Json], times: Sequence[float], x: Axis) -> Json | None:
    """The columns that drifted most in the newest measurement, and the limit."""
    newest = next((r["drift"]["columns"] for r in reversed(reports) if (r.get("drift") or {}).get("columns")), None)
    if not newest:
        return None
    worst = sorted(newest, key=lambda name: -float(newest[name] or 0))[:_COLUMNS]
    series = []
    for place, name in enumerate(worst):
        found = _series(reports, times, lambda r, n=name: ((r.get("drift") or {}).get("columns") or {}).get(n))  # type: ignore[misc]
        if found[0]:
            series.append(Line(str(name), *found, "" if place == 0 else "thin", place))
    limit = _number((((reports[-1].get("thresholds") or {}).get("drift")) or {}).get("max"))
    values = [value for line in series for value in line.ys]
    y = Axis.around("PSI", [0.0, *values, *([1.15 * limit] if limit else [])])
    figure = figures.lines("drift over time", x, y, series, level=limit)
    note = f"The {len(series)} columns that differ most now. The dashed line is the limit, {limit:g}." if limit else ""
    return {"title": "Drift (PSI)", "figure": tree(figure + figures.key([line.name for line in series])), "note": note}


def _quality(reports: Sequence[Json], times: Sequence[float], x: Axis) -> Json | None:
    metric = next((r["quality"].get("metric") for r in reversed(reports) if isinstance(r.get("quality"), dict)), None)
    xs, ys = _series(reports, times, lambda r: (r.get("quality") or {}).get("value"))
    if not xs:
        return None
    bands = []
    for at, report in zip(times, reports, strict=True):
        quality = report.get("quality") or {}
        low, high = _number(quality.get("low")), _number(quality.get("high"))
        if low is not None and high is not None:
            bands.append((at, low, high))
    wanted = (reports[-1].get("thresholds") or {}).get("quality") or {}
    limit = _number(wanted.get("min"))
    limit = limit if limit is not None else _number(wanted.get("max"))
    ends = [value for _, low, high in bands for value in (low, high)]
    y = Axis.around(str(metric), [*ys, *ends, *([limit] if limit is not None else [])])
    figure = figures.lines(
        "quality over time", x, y, [Line(str(metric), xs, ys), Line("", xs, ys, "dots", 0)], bands=bands, level=limit
    )
    note = (
        f"On the delayed labels that have arrived. The dashed line is what the contract asks for, {limit:g}."
        if limit is not None
        else ""
    )
    return {"title": f"Quality ({metric})", "figure": tree(figure), "note": note}


def _volume(reports: Sequence[Json], times: Sequence[float], x: Axis) -> Json | None:
    xs, ys = _series(reports, times, lambda r: r.get("rows"))
    if not xs:
        return None
    figure = figures.lines("rows measured", x, Axis.around("rows", [0.0, *ys]), [Line("rows", xs, ys)])
    return {
        "title": "Rows in the window",
        "figure": tree(figure),
        "note": "Requests to the serving model, of each measurement.",
    }


def _maturity(reports: Sequence[Json], times: Sequence[float], x: Axis) -> Json | None:
    """How much of what was asked has its label by now, where a report says so."""

    def share(report: Json) -> Any:
        for part in (
            report.get("maturity"),
            (report.get("labels") or {}).get("maturity"),
            (report.get("quality") or {}).get("maturity"),
        ):
            found = part.get("share") if isinstance(part, dict) else part
            if isinstance(found, int | float):
                return found
        return None

    xs, ys = _series(reports, times, share)
    if not xs:
        return None
    figure = figures.lines(
        "labels that have arrived", x, figures.share("share of the requests with a label"), [Line("labels", xs, ys)]
    )
    return {"title": "Maturity of the labels", "figure": tree(figure), "note": ""}


def _responses(source: Source, project: str) -> list[Json]:
    """Answers to alarms, newest first."""
    stored = source.world.objects.list(keys.monitor(project, "responses/"))[-40:]
    found = []
    for item in stored:
        record = json_at(source, item.key)
        if isinstance(record, dict):
            inputs = record.get("inputs") or {}
            found.append(
                {
                    "alarm": str(inputs.get("alarm") or ""),
                    "at": str(inputs.get("at") or ""),
                    "decision": str(record.get("decision") or "?"),
                    "reasons": [str(each) for each in record.get("reasons") or []],
                    "run_id": record.get("run_id"),
                }
            )
    return sorted(found, key=lambda each: each["at"], reverse=True)


def _series(
    reports: Sequence[Json], times: Sequence[float], value: Callable[[Json], Any]
) -> tuple[list[float], list[float]]:
    pairs = [
        (at, number)
        for at, report in zip(times, reports, strict=True)
        if (number := _number(value(report))) is not None
    ]
    return [at for at, _ in pairs], [number for _, number in pairs]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _hours(reports: Sequence[Json]) -> list[float]:
    try:
        at = [datetime.fromisoformat(str(report.get("at"))) for report in reports]
        return [(each - at[-1]).total_seconds() / 3600 for each in at]
    except (ValueError, TypeError):
        return []
