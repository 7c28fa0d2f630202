"""The page of monitoring: drift and quality over time, and the newest measurement in full.

What a report holds grows; a page shows what it knows and leaves out what is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from cli.decisions import run_started_by
from console.drawn import page_body, tree
from console.reading.stored import once_json_at
from console.source import Source
from sluice import figures, keys, names
from sluice.errors import NotFoundError
from sluice.figures import Axis, Line
from sluice.ports import Json
from sluice.store.held_changes import held_changes

SHOWN = 120
"""Measurements in the plots, the newest; one is a small object in S3."""
_COLUMNS = 6
_UNITS = ((3.0, "minutes", 1 / 60), (72.0, "hours", 1.0), (float("inf"), "days", 24.0))
"""Longest span in hours, the unit that suits it, and the unit in hours."""


def read(source: Source, project: str) -> Json:
    """`{"measurements", "plots", "newest", "page", "responses", "held", "left_out"}`."""
    listed = source.kept.get(("monitored", project), lambda: _reports(source, project), 4.0)
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
        "held": source.kept.get(("held", project), lambda: held(source, project), 3.0),
        "responses": source.kept.get(("responses", project), lambda: _responses(source, project), 3.0),
    }


def _reports(source: Source, project: str) -> list[str]:
    """Keys of the measurements' reports, oldest first: their names begin with their time."""
    stored = source.world.objects.list(keys.monitor(project))
    return sorted(item.key for item in stored if item.key.endswith("/report.json"))


def _report(source: Source, key: str) -> Json | None:
    found = once_json_at(source, key)
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
        "few_rows": few_rows(report),
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
    made = [_drift(reports, times, x), _quality(reports, times, x), _volume(reports, times, x)]
    for name in ("quality", "labelled_quality"):
        if isinstance(reports[-1].get(name), dict):
            made += by_period(reports[-1][name])
            break
    if isinstance(reports[-1].get("labels"), dict):
        made.append(label_curve(reports[-1]["labels"]))
    return [each for each in made if each]


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
        "note": "Requests to the serving model, in each measurement.",
    }


def by_period(quality: Json) -> list[Json]:
    """Quality and maturity of each period of the newest report, with intervals."""
    periods = [each for each in quality.get("periods") or [] if isinstance(each, dict)][::-1]
    try:
        at = [datetime.fromisoformat(str(each["until"])) for each in periods]
    except (KeyError, ValueError):
        return []
    if len(periods) < 2:
        return []
    days = [(each - at[-1]).total_seconds() / 86_400 for each in at]
    x = Axis("days before the newest period", days[0], 0.0)
    drawn = []
    mature = [(day, each) for day, each in zip(days, periods, strict=True) if each.get("mature")]
    young = [(day, each) for day, each in zip(days, periods, strict=True) if not each.get("mature")]
    series = [
        Line(name, *_values(chosen, "value"), "dots", colour)
        for name, chosen, colour in (("mature", mature, 0), ("immature", young, 1))
        if _values(chosen, "value")[0]
    ]
    if series:
        bands = [
            (day, low, high)
            for day, each in zip(days, periods, strict=True)
            if (low := _number(each.get("low"))) is not None and (high := _number(each.get("high"))) is not None
        ]
        values = [value for line in series for value in line.ys]
        y = Axis.around(str(quality.get("metric")), [*values, *(end for _, *ends in bands for end in ends)])
        figure = figures.lines("quality by period", x, y, series, bands=bands)
        key = figures.key([line.name for line in series], [line.colour or 0 for line in series])
        note = "Immature periods still wait for labels: their figures may change. Whiskers: intervals."
        drawn.append({"title": "Quality by period", "figure": tree(figure + key), "note": note})
    xs, ys = _values(list(zip(days, periods, strict=True)), "maturity")
    if xs:
        figure = figures.lines(
            "maturity", x, figures.share("share of the labels"), [Line("maturity", xs, ys)], level=0.9
        )
        note = "The share of the expected labels that has arrived. From the dashed line on, a period counts as mature."
        drawn.append({"title": "Maturity by period", "figure": tree(figure), "note": note})
    return drawn


def _values(periods: Sequence[tuple[float, Json]], name: str) -> tuple[list[float], list[float]]:
    pairs = [(day, value) for day, each in periods if (value := _number(each.get(name))) is not None]
    return [day for day, _ in pairs], [value for _, value in pairs]


def label_curve(labels: Json) -> Json | None:
    """How soon labels come: the share of them that a request of an age has."""
    maturity = labels.get("maturity")
    curve = maturity.get("curve") if isinstance(maturity, dict) else None
    points = [
        (age / 86_400, share)
        for each in curve or []
        if isinstance(each, dict)
        and (age := _number(each.get("age_seconds"))) is not None
        and (share := _number(each.get("share"))) is not None
    ]
    if len(points) < 2:
        return None
    x = Axis("age of the request in days", 0.0, points[-1][0])
    line = Line("labels", [age for age, _ in points], [share for _, share in points])
    figure = figures.lines("how soon labels come", x, figures.share("share of the labels"), [line], level=0.9)
    return {"title": "How soon labels come", "figure": tree(figure), "note": ""}


def held(source: Source, project: str) -> list[Json]:
    """Changes of the data that a person may accept, in the order in which they were found.

    `waits`: it lasts, or it is a fault that ended as real drift. The others are faults that are over, whose rows stay
    out.
    """
    return [
        {
            "id": each.change_id,
            "sentence": each.sentence,
            "name": each.name,
            "since": each.since.isoformat(),
            "over": each.over and each.over.isoformat(),
            "waits": each.open or each.doubted,
        }
        for each in held_changes(project, ledger=source.world.ledger)
        if each.open or each.left_out
    ]


def held_for_you(source: Source, project: str) -> list[str]:
    """Changes that last, in words: until a person has decided about them, nothing is trained."""
    changes = source.kept.get(("held", project), lambda: held(source, project), 3.0)
    return [each["name"] for each in changes if each["over"] is None]


def few_rows(report: Json) -> bool:
    """Whether a measurement decided nothing since there were too few requests for one."""
    needed = ((report.get("thresholds") or {}).get("drift") or {}).get("min_rows")
    return (
        report.get("decision") == "inconclusive" and needed is not None and int(report.get("rows") or 0) < int(needed)
    )


def _responses(source: Source, project: str) -> list[Json]:
    """Answers to alarms, newest first."""
    stored = source.world.objects.list(keys.monitor(project, "responses/"))[-40:]
    runs, own = source.records(project), names.alarm(source.stack, project) + "/"
    found = []
    for item in stored:
        record = once_json_at(source, item.key)
        if isinstance(record, dict):
            inputs = record.get("inputs") or {}
            found.append(
                {
                    "alarm": str(inputs.get("alarm") or "").removeprefix(own),
                    "at": str(inputs.get("at") or ""),
                    "decision": str(record.get("decision") or "?"),
                    "reasons": [str(each) for each in record.get("reasons") or []],
                    "run_id": record.get("run_id") or run_started_by(record, runs),
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
