"""The requests that a measurement is made of: those that the champion answered within the contract's window."""

from __future__ import annotations

from sluice import keys
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.monitoring.hours import span_of, window_of
from sluice.monitoring.measurement import Measurement
from sluice.monitoring.volume import volume_of
from sluice.ports import Clock, Json, Metric, ObjectStore
from sluice.records.baseline import Baseline
from sluice.store.baselines import baseline_of
from sluice.store.json_objects import stored_json
from sluice.watch import metric_names as metric

NOT_COUNTED = {
    "replayed": "sent by Sluice itself",
    "foreign": "answered by another model",
    "early": "of before the promotion or the window",
    "repeated": "captured more than once",
    "misplaced": "in the folder of an hour before their own, or of one more than a day after it",
}
"""Captured requests that a window does not count, and why."""


def measure_capture(measurement: Measurement, *, objects: ObjectStore, clock: Clock) -> list[Metric]:
    """Adds up the profiles of the window's hours; there are no rows when they cannot be read."""
    report = measurement.report
    report.update(rows=0, requests=0, files=0, unreadable_lines=0, refused_requests=0, hours=0)
    measurement.baseline = _baseline(measurement, objects=objects)
    span = span_of(measurement.contract, measurement.champion, clock=clock)
    known = measurement.baseline if isinstance(measurement.baseline, Baseline) else None
    measurement.window, late = window_of(span, measurement.contract, known, objects=objects, clock=clock)
    counts = measurement.window.counts
    report.update(
        since=span.since.isoformat(),
        rows=counts["rows"],
        requests=counts["requests"],
        files=counts["files"],
        hours=len(measurement.window.hours),
        unreadable_lines=counts["unreadable"],
        refused_requests=counts["refused"],
        refusals=measurement.window.refusals,
        volume=volume_of(
            _before(measurement, objects=objects),
            {hour["hour"]: hour["rows"] for hour in measurement.window.hours},
            measurement.champion.run_id,
            span.until,
            {name for hour in span.hours if not span.cuts(hour) and (name := f"{hour:%Y-%m-%dT%H}") not in late},
        ),
        not_counted={name: counts[name] for name in NOT_COUNTED if counts[name]},
    )
    if counts["misplaced"]:
        measurement.problems["misplaced captures"] = (
            f"{counts['misplaced']:,} captured requests do not count: they are in the folder of an hour before their "
            "own, or of more than a day after it. Were capture files moved or copied?"
        )
    if late:
        report["hours_left_out"] = late
        measurement.problems["window"] = (
            f"{len(late)} of the window's hours, the oldest, are not counted yet: this measurement had no time for "
            "them. The next ones count them, if monitor.every (now "
            f"{measurement.contract.monitor.every}) leaves them the time"
        )
    return [
        measurement.metric(metric.DRIFT_ROWS, counts["rows"], "Count"),
        measurement.metric(metric.CAPTURED_REQUESTS, counts["requests"], "Count"),
    ]


def _before(measurement: Measurement, *, objects: ObjectStore) -> Json:
    """The report of the previous measurement; empty where there is none that can be read."""
    try:
        found = stored_json(keys.monitor(measurement.project, "latest.json"), {}, objects=objects)
    except DamagedRecordError:
        return {}
    return found if isinstance(found, dict) else {}


def _baseline(measurement: Measurement, *, objects: ObjectStore) -> Baseline | Exception | None:
    """Requests are counted also where it cannot be read."""
    try:
        return baseline_of(measurement.project, measurement.champion.run_id, objects=objects)
    except NotFoundError:
        return None
    except DamagedRecordError as error:
        return error
    except Exception as error:
        return error
