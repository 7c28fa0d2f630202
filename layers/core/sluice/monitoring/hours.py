"""The profiles of the hours of a window: each is computed from its capture files once, and again if the files change.

Nothing is remembered but the profiles themselves. Each says of which files it was made (their keys, ETags and times),
of which baseline and of which part of the contract. So a measurement that is killed, repeated, or done twice at once
finds or makes the same profiles, and a file that comes late is counted with the next measurement.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import numpy as np

from sluice import keys
from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.errors import NotFoundError
from sluice.ports import Champion, Clock, Json, ObjectStore, StoredObject
from sluice.profile.hour import FORMAT, HourProfile
from sluice.profile.window import WindowProfile, first_line
from sluice.records.baseline import Baseline
from sluice.watch.captures import Captured, parse_file

HOUR = timedelta(hours=1)
WHOLE_HOURS = 6 * HOUR
"""Windows of this length and more begin with a whole hour. Of shorter ones the first hour is read again each time."""
UPLOADED_WITHIN = timedelta(minutes=5)
"""A request lies under the hour of its upload, some minutes after its answer."""
BUDGET = timedelta(minutes=10)
"""After so long no further hour is computed; the Lambda function has 15 minutes for everything."""
_MAX_BLOCKS = 16


@dataclass(frozen=True)
class Span:
    """What a measurement measures: the requests to one variant's model from `since` (a whole second) on."""

    project: str
    endpoint: str
    variant: str
    run_id: str
    promoted: datetime
    since: datetime
    until: datetime

    @property
    def hours(self) -> list[datetime]:
        found, hour = [], _whole(self.since)
        while hour <= self.until + UPLOADED_WITHIN:
            found.append(hour)
            hour += HOUR
        return found

    def cuts(self, hour: datetime) -> bool:
        """Whether the span begins within this hour's files, and not with the promotion: such a part is not stored."""
        begins = self.since > self.promoted and self.since != _whole(self.since)
        return begins and hour <= _whole(self.since + UPLOADED_WITHIN)


def span_of(contract: Contract, champion: Champion, *, clock: Clock) -> Span:
    """The contract's window, since the champion's promotion at most."""
    now = clock.now()
    length = timedelta(seconds=seconds(contract.monitor.window))
    begins = _whole(now - length) if length >= WHOLE_HOURS else now - length
    # captures tell whole seconds only: what was asked in the second of the promotion counts
    promoted = champion.promoted_at.replace(microsecond=0)
    since = max(begins.replace(microsecond=0), promoted)
    return Span(contract.project, champion.endpoint, champion.variant, champion.run_id, promoted, since, now)


def window_of(
    span: Span, contract: Contract, baseline: Baseline | None, *, objects: ObjectStore, clock: Clock
) -> tuple[WindowProfile, list[str]]:
    """The window's profile, and the hours that this measurement had no time for: the next ones do them."""
    began = clock.now()
    window, late = WindowProfile(), []
    listed = files_by_hour(span, objects=objects)
    known = {each.key for each in objects.list(keys.monitor(span.project, "hours", span.run_id, ""))} if listed else ()
    # the newest first: if time ends, the oldest are missing
    for hour, files in sorted(listed.items(), reverse=True):
        name = f"{hour:%Y-%m-%dT%H}"
        key = keys.monitor(span.project, "hours", span.run_id, f"{name}.jsonl")
        whole = not span.cuts(hour)
        made_of = _made_of(span, files, contract, baseline)
        body = _stored(key, made_of, objects=objects) if whole and key in known else None
        if body is None:
            if clock.now() - began > BUDGET:
                late.append(name)
                continue
            body = _profiled(span, hour, files, contract, baseline, made_of, objects=objects)
            if whole:
                objects.write(key, body, "application/x-ndjson")
        head, _, sample = body.partition(b"\n")
        window.add(json.loads(head), sample)
    window.hours.reverse()
    return window, sorted(late)


def files_by_hour(span: Span, *, objects: ObjectStore) -> dict[datetime, list[StoredObject]]:
    """The capture files of each hour of the span that has some, by key; listed by days."""
    found: dict[datetime, list[StoredObject]] = {}
    place = f"{keys.capture(span.project)}{span.endpoint}/{span.variant}/"
    hours = set(span.hours)
    for day in sorted({f"{hour:%Y/%m/%d}" for hour in hours}):
        for stored in objects.list(f"{place}{day}/"):
            hour = _hour_of(stored.key.removeprefix(place))
            if hour in hours:
                found.setdefault(hour, []).append(stored)
    return {hour: sorted(files, key=lambda stored: stored.key) for hour, files in found.items()}


def _hour_of(rest: str) -> datetime | None:
    """`2026/11/22/12/x.jsonl` → its hour; None of another key."""
    try:
        return datetime.strptime(rest[:13], "%Y/%m/%d/%H").replace(tzinfo=UTC)
    except ValueError:
        return None


def _whole(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _made_of(span: Span, files: Iterable[StoredObject], contract: Contract, baseline: Baseline | None) -> str:
    """A digest of all that an hour's profile is a function of."""
    of = {
        "format": FORMAT,
        "files": [[stored.key, stored.etag, stored.size, stored.modified.isoformat()] for stored in files],
        "promoted": span.promoted.isoformat(),
        "data": contract.data.model_dump(mode="json"),
        "problem": contract.problem.model_dump(mode="json"),
        "features": contract.feature_columns,
        "baseline": None if baseline is None else baseline.plain(),
    }
    return hashlib.sha256(json.dumps(of, sort_keys=True).encode()).hexdigest()


def _stored(key: str, made_of: str, *, objects: ObjectStore) -> bytes | None:
    """The stored profile, if it was made of the same; a damaged one is made again."""
    try:
        body = objects.read(key)
        profile = first_line(body)
        same = profile["made_of"] == made_of and body.count(b"\n") == 1 + profile["sampled"]
    except (NotFoundError, ValueError, KeyError, TypeError):
        return None
    return body if same else None


def _profiled(
    span: Span,
    hour: datetime,
    files: list[StoredObject],
    contract: Contract,
    baseline: Baseline | None,
    made_of: str,
    *,
    objects: ObjectStore,
) -> bytes:
    profile, seen = HourProfile(contract, baseline), Repeated()
    counts = Counter(dict.fromkeys(("files", "unreadable", "replayed", "foreign", "early", "repeated"), 0))
    for stored in files:
        found = _read(stored, span, hour, contract, seen, counts, objects=objects)
        rows: list[Json] = []
        answers: list[Json] = []
        identities: list[str] = []
        facts: list[Json] = []
        answered = 0
        for number, request in enumerate(found):
            if request.refused is not None:
                profile.refuse(request.refused, request.refused_field)
                continue
            answered += 1
            # a request without any name is known by its place
            name = request.inference_id or request.event_id or f"{stored.key}#{number}"
            several = len(request.rows) > 1
            about = {"at": request.at, "client": request.client}
            for place, row in enumerate(request.rows):
                identity = f"{name}-{place}" if several else name
                rows.append(row)
                answers.append(request.answers[place] if request.answers else {})
                identities.append(identity)
                facts.append({**about, "id": identity})
        profile.add(rows, answers, identities, facts, answered)
    told = {"hour": f"{hour:%Y-%m-%dT%H}", "run_id": span.run_id, "made_of": made_of, **counts}
    return profile.to_lines(told)


def _read(
    stored: StoredObject,
    span: Span,
    hour: datetime,
    contract: Contract,
    seen: Repeated,
    counts: Counter[str],
    *,
    objects: ObjectStore,
) -> list[Captured]:
    """A file's requests that count: to this model, since its promotion, not by Sluice itself, and each once."""
    try:
        requests, bad = parse_file(objects.read(stored.key), contract, as_sent=True)
    except NotFoundError:  # deleted since it was listed
        return []
    counts["files"] += 1
    counts["unreadable"] += bad
    begins = span.since if span.cuts(hour) else span.promoted
    kept = []
    for request, again in zip(requests, seen.mask(requests), strict=True):
        if again:
            counts["repeated"] += 1
        elif request.replayed:
            counts["replayed"] += 1
        # a fleet that was swapped and swapped back had the champion's variant name
        elif request.model not in (None, span.run_id):
            counts["foreign"] += 1
        elif (request.at or stored.modified) < begins:
            counts["early"] += 1
        else:
            kept.append(request)
    return kept


class Repeated:
    """Says which requests came before: the same event captured twice, in one file or in several of an hour."""

    def __init__(self) -> None:
        self._blocks: list[np.ndarray] = []

    def mask(self, requests: Sequence[Captured]) -> list[bool]:
        """True for each request whose event id came before. Requests without one all differ."""
        named = [place for place, request in enumerate(requests) if request.event_id]
        ids = np.array(
            [int.from_bytes(blake2b(str(requests[at].event_id).encode(), digest_size=8).digest()) for at in named],
            dtype=np.uint64,
        )
        block, firsts = np.unique(ids, return_index=True)
        again = np.ones(len(ids), dtype=bool)
        again[firsts] = False
        for known in self._blocks:
            again |= _within(known, ids)
        self._blocks.append(block)
        if len(self._blocks) > _MAX_BLOCKS:
            self._blocks = [np.unique(np.concatenate(self._blocks))]
        found = [False] * len(requests)
        for at, repeated in zip(named, again.tolist(), strict=True):
            found[at] = repeated
        return found


def _within(ascending: np.ndarray, ids: np.ndarray) -> np.ndarray:
    if not len(ascending):
        return np.zeros(len(ids), dtype=bool)
    places = np.minimum(np.searchsorted(ascending, ids), len(ascending) - 1)
    return np.asarray(ascending[places] == ids)
