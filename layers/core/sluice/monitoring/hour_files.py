"""The capture files of a model's hours: a folder an hour, the hour of the upload; and which requests were in them.

Beside the profile of an hour lies `<hour>.ids`: a line of JSON with the files in the order in which they were read,
their marks, how many ids each has, and how many of them the profile is made of; then the ids, 8 bytes each. So an hour
that grows is read from its new files alone, and a request that was captured in two folders is found.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import numpy as np

from sluice.errors import NotFoundError
from sluice.ports import ObjectStore, StoredObject
from sluice.watch.captures import Captured

HOUR = timedelta(hours=1)
_MAX_BLOCKS = 16


class CaptureFiles:
    """The files below one variant's folder, listed by days when one of a day's hours is asked for."""

    def __init__(self, place: str, *, objects: ObjectStore) -> None:
        self._place, self._objects = place, objects
        self._days: dict[str, dict[datetime, list[StoredObject]]] = {}

    def of(self, hour: datetime) -> list[StoredObject]:
        """In the order of their keys."""
        day = f"{hour:%Y/%m/%d}"
        if day not in self._days:
            found = self._days[day] = {}
            for stored in self._objects.list(f"{self._place}{day}/"):
                at = _hour_of(stored.key.removeprefix(self._place))
                if at is not None:
                    found.setdefault(at, []).append(stored)
        return sorted(self._days[day].get(hour, []), key=lambda stored: stored.key)

    def marks(self, hour: datetime) -> dict[str, str]:
        """What tells a file from another one of its name."""
        return {each.key: f"{each.etag} {each.size} {each.modified.isoformat()}" for each in self.of(hour)}


def _hour_of(rest: str) -> datetime | None:
    """`2026/11/22/12/x.jsonl` → its hour; None of another key."""
    try:
        return datetime.strptime(rest[:13], "%Y/%m/%d/%H").replace(tzinfo=UTC)
    except ValueError:
        return None


def whole_hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hours_between(first: datetime, last: datetime) -> Iterator[datetime]:
    """From `first` on, while they do not begin after `last`."""
    while first <= last:
        yield first
        first += HOUR


def hashed(ids: Iterable[str]) -> np.ndarray:
    """8 bytes of each id."""
    return np.array([int.from_bytes(blake2b(each.encode(), digest_size=8).digest()) for each in ids], dtype=np.uint64)


class Repeated:
    """Says which requests came before: the same event captured twice, in one file or in several."""

    def __init__(self, known: np.ndarray) -> None:
        """`known`: ids of what came before, ascending."""
        self._blocks = [known]

    def mask(self, requests: Sequence[Captured]) -> list[bool]:
        """True for each request whose event id came before. Requests without one all differ."""
        named = [place for place, request in enumerate(requests) if request.event_id]
        ids = hashed(str(requests[at].event_id) for at in named)
        block, firsts = np.unique(ids, return_index=True)
        again = np.ones(len(ids), dtype=bool)
        again[firsts] = False
        for known in self._blocks:
            again |= within(known, ids)
        self._blocks.append(block)
        if len(self._blocks) > _MAX_BLOCKS:
            self._blocks = [np.unique(np.concatenate(self._blocks))]
        found = [False] * len(requests)
        for at, repeated in zip(named, again.tolist(), strict=True):
            found[at] = repeated
        return found


def within(ascending: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Which of the ids are among the ascending ones."""
    if not len(ascending):
        return np.zeros(len(ids), dtype=bool)
    places = np.minimum(np.searchsorted(ascending, ids), len(ascending) - 1)
    return np.asarray(ascending[places] == ids)


@dataclass
class HourIds:
    """`blocks`: file → its mark and the ids of its events, ascending, in the order in which files were read; the first
    `profiled` of them are in the hour's profile. Events without an id are in none.
    """

    blocks: dict[str, tuple[str, np.ndarray]] = field(default_factory=dict)
    profiled: int = 0

    def add(self, key: str, mark: str, requests: Sequence[Captured]) -> None:
        self.blocks[key] = mark, np.unique(hashed(request.event_id for request in requests if request.event_id))

    def marks(self, first: int | None = None) -> dict[str, str]:
        return {key: mark for key, (mark, _) in list(self.blocks.items())[:first]}

    def all(self) -> np.ndarray:
        """The ids of all files, ascending."""
        return np.unique(np.concatenate([np.array([], np.uint64), *(ids for _, ids in self.blocks.values())]))

    def first(self, count: int) -> HourIds:
        return HourIds(dict(list(self.blocks.items())[:count]), min(count, self.profiled))

    def of(self, files: dict[str, str]) -> HourIds:
        """Without what is not among these files, or has another mark there; if that was profiled, nothing is."""
        kept = {key: block for key, block in self.blocks.items() if files.get(key) == block[0]}
        whole = list(kept)[: self.profiled] == list(self.blocks)[: self.profiled]
        return HourIds(kept, self.profiled if whole else 0)

    def to_bytes(self) -> bytes:
        files = [[key, mark, len(ids)] for key, (mark, ids) in self.blocks.items()]
        head = json.dumps({"files": files, "profiled": self.profiled}).encode()
        return b"\n".join([head, b"".join(ids.astype("<u8").tobytes() for _, ids in self.blocks.values())])


def stored_ids(key: str, *, objects: ObjectStore) -> HourIds:
    """Empty where there are none, and of a damaged object: it can be made again."""
    try:
        head, _, body = objects.read(key).partition(b"\n")
        told = json.loads(head)
        ids = np.frombuffer(body, dtype="<u8").astype(np.uint64)
        if len(ids) != sum(n for _, _, n in told["files"]):
            return HourIds()
        found, at = HourIds(profiled=int(told["profiled"])), 0
        for name, mark, n in told["files"]:
            found.blocks[str(name)] = str(mark), ids[at : at + n]
            at += n
    except (NotFoundError, ValueError, KeyError, TypeError):
        return HourIds()
    return found
