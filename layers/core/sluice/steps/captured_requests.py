"""Captured requests of one variant in a span of time, found by their hours: a year of captures is never listed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sluice import keys
from sluice.contract import Contract
from sluice.ports import Json, World
from sluice.watch.captures import Captured, parse_file

Where = tuple[str, str]
"""Endpoint and variant."""


def captured(
    world: World, contract: Contract, where: Where, since: datetime, until: datetime, most: int, newest: bool = False
) -> list[Captured]:
    """At most `most` requests from `since` to `until`, oldest first, without those that Sluice sent itself.

    Of more than `most` the oldest, with `newest` the newest ones. Captures tell whole seconds, and a request without
    a time is left out.
    """
    first = since.replace(microsecond=0)
    found: list[Captured] = []
    for key in _files(world, contract.project, where, first, until, newest):
        requests, _ = parse_file(world.objects.read(key), contract)
        kept = [r for r in requests if not r.replayed and r.at is not None and first <= r.at <= until]
        found += reversed(kept) if newest else kept
        if len(found) >= most:
            break
    return sorted(found[:most], key=_time)


def _files(world: World, project: str, where: Where, since: datetime, until: datetime, newest: bool) -> Iterator[str]:
    endpoint, variant = where
    # a file lies under the hour of its upload, some minutes after its requests
    hour, last = since.replace(minute=0, second=0), until + timedelta(minutes=5)
    hours = []
    while hour <= last:
        hours.append(hour)
        hour += timedelta(hours=1)
    for each in reversed(hours) if newest else hours:
        prefix = f"{keys.capture(project)}{endpoint}/{variant}/{each:%Y/%m/%d/%H}/"
        # what was uploaded before holds nothing of the span
        listed = [stored.key for stored in world.objects.list(prefix) if stored.modified >= since]
        yield from reversed(listed) if newest else listed


def _time(request: Captured) -> datetime:
    assert request.at is not None  # noqa: S101 - `captured` leaves the others out
    return request.at


def as_json(request: Captured) -> Json:
    """What is needed to send it again."""
    return {
        "id": request.inference_id,
        "at": _time(request).isoformat(),
        "client": request.client,
        "body": request.body.decode(),
        "content_type": request.content_type,
        "rows": len(request.rows),
    }
