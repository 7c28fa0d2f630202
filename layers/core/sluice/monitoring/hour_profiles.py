"""The profile of an hour of requests: made from its capture files once, and extended by files that come.

Nothing is remembered but the profiles themselves. Each says what it was made of: its files (keys, ETags and times), the
baseline, a part of the contract, and the files of earlier hours in which its requests could lie, too. So a measurement
that is killed, repeated, or done twice at once finds or makes the same profiles, and a file that comes late is counted
with the next measurement.

A request counts once. It lies in the folder of the hour of its upload, which is that of its time or, some minutes
later, the next one. If an event lies in several folders, the first one counts. In a folder before its time, or more
than CARRIED after it, an event does not count: no upload puts it there; people who copy files do.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from sluice import keys
from sluice.contract import Contract
from sluice.errors import NotFoundError
from sluice.monitoring.hour_files import (
    HOUR,
    CaptureFiles,
    HourIds,
    Repeated,
    hashed,
    hours_between,
    stored_ids,
    whole_hour,
    within,
)
from sluice.ports import Json, ObjectStore, StoredObject
from sluice.profile.hour import FORMAT, HourProfile
from sluice.profile.window import first_line
from sluice.records.baseline import Baseline
from sluice.watch.captures import Captured, parse_file

CARRIED = timedelta(days=1)
"""How long after its time an event may be uploaded."""
_COUNTED = ("files", "unreadable", "replayed", "foreign", "early", "repeated", "misplaced")


@dataclass(frozen=True)
class Served:
    """The model whose requests are profiled. `promoted`: a whole second; what was asked before does not count."""

    project: str
    endpoint: str
    variant: str
    run_id: str
    promoted: datetime


@dataclass
class _Begun:
    """A profile of the first `ids.profiled` files; `reach`: the earliest hour that its requests could lie in, too."""

    profile: HourProfile
    counts: Counter[str] = field(default_factory=Counter)
    reach: datetime | None = None
    ids: HourIds = field(default_factory=HourIds)


class HourProfiles:
    """The profiles of a model's hours, as `HourProfile.to_lines` writes them."""

    def __init__(self, served: Served, contract: Contract, baseline: Baseline | None, *, objects: ObjectStore) -> None:
        self._served, self._contract, self._baseline, self._objects = served, contract, baseline, objects
        self.files = CaptureFiles(f"{keys.capture(served.project)}{served.endpoint}/{served.variant}/", objects=objects)
        self._known = {stored.key for stored in objects.list(self._key(None))}
        self._rest = {
            "format": FORMAT,
            "promoted": served.promoted.isoformat(),
            "data": contract.data.model_dump(mode="json"),
            "problem": contract.problem.model_dump(mode="json"),
            "features": contract.feature_columns,
            "baseline": None if baseline is None else baseline.plain(),
        }
        self._rest_digest = _digest(self._rest)
        self._present: tuple[datetime, np.ndarray] | None = None

    def of(self, hour: datetime, *, make: bool) -> bytes | None:
        """The profile of an hour; None if its files are not all in it yet and `make` is False."""
        body = self._stored(hour)
        head = _head(body)
        if head is not None and self._made_of(hour, self.files.marks(hour), _reach(head)) == head["made_of"]:
            return body
        if not make:
            return None
        begun = self._resumed(hour, body)
        self._extend(hour, begun, self._served.promoted)
        body = self._lines(hour, begun)
        # the profile last: one whose ids are not stored yet would be of no use for the next file
        self._objects.write(self._key(hour, "ids"), begun.ids.to_bytes())
        self._objects.write(self._key(hour), body, "application/x-ndjson")
        return body

    def part(self, hour: datetime, since: datetime, *, make: bool) -> bytes | None:
        """The profile of an hour's requests from `since` on, which is not stored."""
        if not make:
            return None
        begun = _Begun(HourProfile(self._contract, self._baseline))
        self._extend(hour, begun, since)
        return self._lines(hour, begun)

    def _key(self, hour: datetime | None, kind: str = "jsonl") -> str:
        name = "" if hour is None else f"{hour:%Y-%m-%dT%H}.{kind}"
        return keys.monitor(self._served.project, "hours", self._served.run_id, name)

    def _stored(self, hour: datetime) -> bytes | None:
        key = self._key(hour)
        try:
            return self._objects.read(key) if key in self._known else None
        except NotFoundError:
            return None

    def _made_of(self, hour: datetime, files: Mapping[str, str], reach: datetime | None) -> str:
        """A digest of all that an hour's profile is a function of."""
        before = (
            [] if reach is None else [_sorted(self.files.marks(each)) for each in hours_between(reach, hour - HOUR)]
        )
        return _digest([self._rest_digest, _sorted(files), before])

    def _resumed(self, hour: datetime, body: bytes | None) -> _Begun:
        """The stored profile without the files that are new; an empty one if any of the others is not what it was."""
        ids = self._ids(hour)
        profile = HourProfile(self._contract, self._baseline)
        try:
            head = profile.resume(body or b"")
            reach = _reach(head)
            if head["made_of"] == self._made_of(hour, ids.marks(ids.profiled), reach):
                return _Begun(profile, Counter({name: head[name] for name in _COUNTED}), reach, ids)
        except (ValueError, KeyError, TypeError, AttributeError):  # damaged, or it does not hold all that is needed
            pass
        return _Begun(HourProfile(self._contract, self._baseline))

    def _ids(self, hour: datetime) -> HourIds:
        key = self._key(hour, "ids")
        return stored_ids(key, objects=self._objects).of(self.files.marks(hour)) if key in self._known else HourIds()

    def _extend(self, hour: datetime, begun: _Begun, since: datetime) -> None:
        """Adds the files that are not in the profile yet."""
        begun.ids = begun.ids.first(begun.ids.profiled)
        seen, marks = Repeated(begun.ids.all()), self.files.marks(hour)
        for stored in self.files.of(hour):
            if stored.key in begun.ids.blocks:
                continue
            try:
                requests, bad = parse_file(self._objects.read(stored.key), self._contract, as_sent=True)
            except NotFoundError:  # deleted since it was listed
                continue
            begun.counts.update(files=1, unreadable=bad)
            begun.ids.add(stored.key, marks[stored.key], requests)
            _count(begun.profile, self._counting(requests, stored, hour, since, seen, begun), stored.key)
        begun.ids.profiled = len(begun.ids.blocks)

    def _counting(
        self,
        requests: Sequence[Captured],
        stored: StoredObject,
        hour: datetime,
        since: datetime,
        seen: Repeated,
        begun: _Begun,
    ) -> list[Captured]:
        """A file's requests that count: to this model, since its promotion, not by Sluice itself, and each once."""
        kept, counts = [], begun.counts
        for request, again in zip(requests, seen.mask(requests), strict=True):
            if again:
                counts["repeated"] += 1
            elif request.replayed:
                counts["replayed"] += 1
            # a fleet that was swapped and swapped back had the champion's variant name
            elif request.model not in (None, self._served.run_id):
                counts["foreign"] += 1
            elif (request.at or stored.modified) < since:
                counts["early"] += 1
            elif request.at and not hour - CARRIED <= request.at < hour + HOUR:
                counts["misplaced"] += 1
            else:
                kept.append(request)
        carried = [request for request in kept if request.event_id and request.at and request.at < hour]
        if not carried:
            return kept
        earlier = self._in_earlier_folders(carried, hour, begun)
        counts["repeated"] += len(earlier)
        return [request for request in kept if id(request) not in earlier]

    def _in_earlier_folders(self, carried: Sequence[Captured], hour: datetime, begun: _Begun) -> set[int]:
        """Which of the events (`id`) lie in another folder between that of their time and this one."""
        homes = np.array([whole_hour(request.at).timestamp() for request in carried if request.at])
        ids = hashed(str(request.event_id) for request in carried)
        first = datetime.fromtimestamp(homes.min(), hour.tzinfo)
        begun.reach = first if begun.reach is None else min(begun.reach, first)
        found = np.zeros(len(carried), dtype=bool)
        for earlier in hours_between(first, hour - HOUR):
            found |= (homes <= earlier.timestamp()) & within(self._ids_in(earlier), ids)
        return {id(carried[at]) for at in np.flatnonzero(found).tolist()}

    def _ids_in(self, hour: datetime) -> np.ndarray:
        """The ids of all events in an hour's folder, ascending. Stores what it had to read."""
        if self._present is None or self._present[0] != hour:
            ids, marks = self._ids(hour), self.files.marks(hour)
            before = len(ids.blocks)
            for stored in self.files.of(hour):
                if stored.key not in ids.blocks:
                    try:
                        ids.add(
                            stored.key,
                            marks[stored.key],
                            parse_file(self._objects.read(stored.key), self._contract, as_sent=True)[0],
                        )
                    except NotFoundError:  # deleted since it was listed
                        continue
            if len(ids.blocks) > before:
                key = self._key(hour, "ids")
                self._objects.write(key, ids.to_bytes())
                self._known.add(key)
            self._present = hour, ids.all()
        return self._present[1]

    def _lines(self, hour: datetime, begun: _Begun) -> bytes:
        facts = {
            "hour": f"{hour:%Y-%m-%dT%H}",
            "run_id": self._served.run_id,
            "made_of": self._made_of(hour, begun.ids.marks(), begun.reach),
            "reach": None if begun.reach is None else begun.reach.isoformat(),
        }
        return begun.profile.to_lines(facts | {name: begun.counts[name] for name in _COUNTED})


def _count(profile: HourProfile, requests: Sequence[Captured], file: str) -> None:
    rows: list[Json] = []
    answers: list[Json] = []
    identities: list[str] = []
    facts: list[Json] = []
    answered = 0
    for number, request in enumerate(requests):
        if request.refused is not None:
            profile.refuse(request.refused, request.refused_field)
            continue
        answered += 1
        # a request without any name is known by its place
        name = request.inference_id or request.event_id or f"{file}#{number}"
        several = len(request.rows) > 1
        about = {"at": request.at, "client": request.client}
        for place, row in enumerate(request.rows):
            identity = f"{name}-{place}" if several else name
            rows.append(row)
            answers.append(request.answers[place] if request.answers else {})
            identities.append(identity)
            facts.append({**about, "id": identity})
    profile.add(rows, answers, identities, facts, answered)


def _head(body: bytes | None) -> Json | None:
    """The first line of a whole file of a profile."""
    if body is None:
        return None
    try:
        head = first_line(body)
        whole = body.count(b"\n") == 1 + head["sampled"] and isinstance(head["made_of"], str)
        _reach(head)
    except (ValueError, KeyError, TypeError):
        return None
    return head if whole else None


def _reach(head: Json) -> datetime | None:
    return None if head["reach"] is None else datetime.fromisoformat(head["reach"])


def _sorted(marks: Mapping[str, str]) -> list[tuple[str, str]]:
    return sorted(marks.items())


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
