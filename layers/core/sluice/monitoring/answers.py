"""The answered rows of the time for which labels may still come, from captures that are read once.

`monitor/<project>/answers/<day>.jsonl.gz` holds the rows of one day's capture files. Its first line names the files
that it was made of; files that are new are added, and a day whose files are not what they were is read again. So it is
a function of the captures alone, and a measurement that dies or runs twice changes nothing. With probabilities of all
classes it is a function of the serving model as well, and is made again for another one.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import PurePosixPath

from sluice import keys
from sluice.contract import Contract
from sluice.errors import NotFoundError
from sluice.monitoring.class_probabilities import ClassScorer
from sluice.names import digest
from sluice.ports import Json, ObjectStore, StoredObject
from sluice.watch.answers import Answered, answered_rows, newest, shape
from sluice.watch.captures import parse_file

MAX_ROWS = 500_000
"""Rows that are joined with labels, the newest ones: some 300 MB."""
MAX_NEW_FILES = 2_000
"""Capture files that one measurement reads for the first time, the newest ones; the next measurement goes on."""


@dataclass
class AnsweredRows:
    """`rows`: each once, in the order of their time. `nameless`: rows that no label can name."""

    rows: list[Answered] = field(default_factory=list)
    nameless: int = 0
    days_left_out: list[str] = field(default_factory=list)
    files_left_out: int = 0

    def problems(self, horizon: str) -> dict[str, str]:
        found: dict[str, str] = {}
        if self.days_left_out:
            found["answers"] = (
                f"labels of {len(self.days_left_out)} days up to {max(self.days_left_out)} do not count: more than "
                f"{MAX_ROWS:,} requests were answered since. Shorten monitor.labels_within (now {horizon})"
            )
        if self.files_left_out:
            found["answers waiting"] = (
                f"{self.files_left_out:,} capture files are not joined with labels yet; the next measurements go on"
            )
        return found


def answered_since(
    since: datetime, contract: Contract, scorer: ClassScorer | None = None, *, objects: ObjectStore
) -> AnsweredRows:
    """Rows that were answered since then, of all variants. Writes the days that were not complete yet.

    `scorer` gives the serving model's rows the probabilities of all classes.
    """
    days: dict[str, list[StoredObject]] = {}
    for stored in objects.list(keys.capture(contract.project)):
        day = _day(stored)
        if day >= since.date().isoformat():
            days.setdefault(day, []).append(stored)
    found = AnsweredRows()
    collected: list[Answered] = []
    allowed = MAX_NEW_FILES
    for day in sorted(days, reverse=True):
        if len(collected) >= MAX_ROWS:
            found.days_left_out.append(day)
            continue
        rows, nameless, read, waiting = _of_day(day, days[day], allowed, contract, scorer, objects=objects)
        allowed -= read
        found.files_left_out += waiting
        found.nameless += nameless
        collected += [row for row in rows if row.at >= since.timestamp()]
    found.rows = newest(collected)
    return found


def _of_day(
    day: str,
    files: list[StoredObject],
    allowed: int,
    contract: Contract,
    scorer: ClassScorer | None,
    *,
    objects: ObjectStore,
) -> tuple[list[Answered], int, int, int]:
    """Rows, rows without a name, files that were read for the first time, and files that are still to be read."""
    key, current = keys.monitor(contract.project, "answers", f"{day}.jsonl.gz"), shape(contract)
    if scorer is not None:
        current = digest(current, scorer.run_id)
    wanted = {stored.key: f"{stored.size} {stored.modified.isoformat()}" for stored in files}
    head, rows = _read(key, current, objects=objects)
    if any(wanted.get(name) != mark for name, mark in head["files"].items()):
        head, rows = _empty(current), []
    new = sorted((stored for stored in files if stored.key not in head["files"]), key=lambda each: each.key)
    for stored in new[len(new) - min(len(new), max(0, allowed)) :]:
        try:
            requests, _ = parse_file(objects.read(stored.key), contract)
        except NotFoundError:  # deleted since it was listed
            continue
        variant = PurePosixPath(stored.key).parts[3] if stored.key.count("/") > 3 else ""
        probabilities = scorer.of(requests) if scorer else None
        more, nameless = answered_rows(requests, contract, variant, stored.modified, probabilities)
        rows += more
        head["nameless"] += nameless
        head["files"][stored.key] = wanted[stored.key]
    if new:
        lines = [json.dumps(head, sort_keys=True), *sorted(row.line() for row in rows)]
        objects.write(key, gzip.compress("\n".join(lines).encode(), 6, mtime=0), "application/gzip")
    read = sum(stored.key in head["files"] for stored in new)
    return rows, head["nameless"], read, len(new) - read


def _read(key: str, current: str, *, objects: ObjectStore) -> tuple[Json, list[Answered]]:
    """What a day's object holds; nothing if it is of another contract, or damaged: it can be made again."""
    try:
        first, *lines = gzip.decompress(objects.read(key)).decode().splitlines()
        head = json.loads(first)
        if head["shape"] == current and isinstance(head["files"], dict) and isinstance(head["nameless"], int):
            return head, [Answered.parse(line) for line in lines]
    except (NotFoundError, OSError, EOFError, ValueError, TypeError, KeyError):
        pass
    return _empty(current), []


def _empty(current: str) -> Json:
    return {"shape": current, "files": {}, "nameless": 0}


def _day(stored: StoredObject) -> str:
    """The day of a capture file's folders, `…/<variant>/yyyy/mm/dd/hh/<file>`; of another path, of its upload."""
    parts = PurePosixPath(stored.key).parts
    try:
        year, month, day = map(int, parts[-5:-2])
        return date(year, month, day).isoformat()
    except ValueError:
        return stored.modified.astimezone(UTC).date().isoformat()
