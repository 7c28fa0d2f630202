"""The requests that a measurement is made of: those that the champion answered within the contract's window."""

from __future__ import annotations

from datetime import timedelta

from sluice import keys
from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.errors import NotFoundError
from sluice.monitoring.look import Look
from sluice.ports import Champion, Clock, Metric, ObjectStore
from sluice.watch import metric_names as metric
from sluice.watch.captures import Captured, parse_file

MAX_ROWS = 50_000
"""The newest rows of a window that are measured; more would not sharpen the score but cost memory. What is left out is
a problem of the report."""


def measure_capture(look: Look, *, objects: ObjectStore, clock: Clock) -> list[Metric]:
    """Reads the requests of the window; there are none when they cannot be read."""
    report = look.report
    report.update(rows=0, requests=0, files=0, files_left_out=0, unreadable_lines=0, refused_requests=0)
    look.requests, files, left_out, bad = _window(
        look.project, look.champion, look.contract, objects=objects, clock=clock
    )
    rows = sum(len(request.rows) for request in look.requests)
    refused = sum(request.refused is not None for request in look.requests)
    report.update(rows=rows, requests=len(look.requests), files=files, files_left_out=left_out)
    if left_out:
        look.problems["window"] = (
            f"the newest {rows:,} rows are measured; {left_out:,} of {files + left_out:,} capture files, the "
            f"oldest of the window, are left out, since one measurement reads about {MAX_ROWS:,} rows. Shorten "
            f"monitor.window (now {look.contract.monitor.window}) to measure whole windows"
        )
    report.update(unreadable_lines=bad, refused_requests=refused)
    return [
        look.metric(metric.DRIFT_ROWS, rows, "Count"),
        look.metric(metric.CAPTURED_REQUESTS, len(look.requests), "Count"),
    ]


def _window(
    project: str, champion: Champion, contract: Contract, *, objects: ObjectStore, clock: Clock
) -> tuple[list[Captured], int, int, int]:
    """Requests to the champion's variant, oldest first; numbers of files read, of files left out and of bad lines."""
    since = max(clock.now() - timedelta(seconds=seconds(contract.monitor.window)), champion.promoted_at)
    mine = [
        stored
        for stored in objects.list(keys.capture(project))
        if f"/{champion.variant}/" in stored.key and stored.modified >= since
    ]
    found: list[Captured] = []
    bad = rows = files = left_out = 0
    for stored in sorted(mine, key=lambda item: (item.modified, item.key), reverse=True):
        if rows >= MAX_ROWS:
            left_out += 1
            continue
        try:
            requests, unreadable = parse_file(objects.read(stored.key), contract)
        except NotFoundError:  # deleted since it was listed
            continue
        # captures tell whole seconds only: what was asked in the second of the promotion counts
        kept = [
            request
            for request in requests
            if not request.replayed
            # a fleet that was swapped and swapped back had the champion's variant name
            and request.model in (None, champion.run_id)
            and (request.at is None or request.at >= since.replace(microsecond=0))
        ]
        found = kept + found
        rows += sum(len(request.rows) for request in kept)
        bad += unreadable
        files += 1
    return found, files, left_out, bad
