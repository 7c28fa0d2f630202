"""Captured requests of one variant in a span of time, found by their hours: a year of captures is never listed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sluice import keys
from sluice.contract import Contract
from sluice.errors import NotFoundError
from sluice.ports import Json, ObjectStore, StoredObject
from sluice.watch.captures import Captured, parse_file

Where = tuple[str, str]
"""Endpoint and variant."""
UPLOADED_WITHIN = timedelta(minutes=5)
TOGETHER = timedelta(minutes=2)
"""Within this time of each other all machines of a variant upload what they captured at one time."""


def captured(
    contract: Contract,
    where: Where,
    since: datetime,
    until: datetime,
    most: int,
    newest: bool = False,
    *,
    objects: ObjectStore,
) -> list[Captured]:
    """At most `most` requests from `since` to `until`, oldest first, without those that Sluice sent itself.

    Of more than `most` the oldest, with `newest` the newest ones. Captures tell whole seconds, and a request without
    a time is left out.
    """
    first = since.replace(microsecond=0)
    found: list[Captured] = []
    enough: datetime | None = None
    for stored in _files(contract.project, where, first, until, newest, objects=objects):
        # each machine has files of its own: what another one captured meanwhile is in one of the next
        if enough and (abs(stored.modified - enough) > TOGETHER or len(found) >= 2 * most):
            break
        try:
            requests, _ = parse_file(objects.read(stored.key), contract)
        except NotFoundError:  # deleted since it was listed
            continue
        found += [r for r in requests if not r.replayed and r.at is not None and first <= r.at <= until]
        if len(found) >= most and not enough:
            enough = stored.modified
    found.sort(key=time_of)
    return found[-most:] if newest else found[:most]


def _files(
    project: str, where: Where, since: datetime, until: datetime, newest: bool, *, objects: ObjectStore
) -> Iterator[StoredObject]:
    endpoint, variant = where
    # a file lies under the hour of its upload, some minutes after its requests
    hour, last = since.replace(minute=0, second=0), until + UPLOADED_WITHIN
    hours = []
    while hour <= last:
        hours.append(hour)
        hour += timedelta(hours=1)
    for each in reversed(hours) if newest else hours:
        prefix = f"{keys.capture(project)}{endpoint}/{variant}/{each:%Y/%m/%d/%H}/"
        # what was uploaded before holds nothing of the span
        listed = [stored for stored in objects.list(prefix) if stored.modified >= since]
        yield from reversed(listed) if newest else listed


def time_of(request: Captured) -> datetime:
    assert request.at is not None  # noqa: S101 - `captured` leaves the others out
    return request.at


def as_json(request: Captured) -> Json:
    """What is needed to send it again."""
    return {
        "id": request.inference_id,
        "at": time_of(request).isoformat(),
        "client": request.client,
        "body": request.body.decode(),
        "content_type": request.content_type,
        "rows": len(request.rows),
    }
