"""A file that one function cannot read in its time is judged in parts, which a state machine (judge_parts) runs.

`cut_file` finds where the parts begin and end, `judge_part` judges and counts one of them as the intake does in one
pass, and `join_parts` brings them together: the same rows are accepted and refused under the same numbers, and the file
ends in the same record. What they write for each other lies in parts/; nothing is in accepted/ before the whole file is
known to be accepted. `hand_over` starts it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sluice import keys
from sluice.contract import Contract
from sluice.datasets.file_records import failed, finished, gone, listed, notes_of, record_of, recorded
from sluice.datasets.quarantine_files import write_summary
from sluice.datasets.report_dataset import report_dataset
from sluice.datasets.upload import Upload
from sluice.errors import GivenUpError, InputError, NotFoundError, UnknownProjectError
from sluice.intake.blocks import Chunks, Opener
from sluice.intake.key_columns import KeyColumns
from sluice.intake.limits import Limits
from sluice.intake.opening import Arrival
from sluice.intake.part_outcomes import error_of, joined, refused, to_json
from sluice.intake.parts import Part
from sluice.intake.ranged_file import RangedFile
from sluice.intake.refused_report import ROWS
from sluice.intake.source import Source
from sluice.intake.validation import recognised, validate_part
from sluice.ports import Alerts, Clock, Events, Json, Ledger, ObjectStore, Settings
from sluice.profile.kept import kept, restored
from sluice.profile.profiler import Profiler
from sluice.store.causes import reason_of
from sluice.store.json_objects import read_json

MAX_BYTES = 50 * 10**9
"""The largest file (unpacked): what one function can scan in its 15 minutes at 60 MB/s."""
PLAN, RESULT, ACCEPTED, REFUSED, TEXT = "plan.json", "result.json", "accepted.parquet", "rows.jsonl", "text"


def cut_file(
    file: Json, seconds: float | None, *, settings: Settings, objects: ObjectStore, ledger: Ledger, clock: Clock
) -> Json:
    """Writes the plan of the parts: where they lie, and what all of them are judged by. Returns {"parts": number}.

    Reads all of the file, for its digest and the ends of its records. A text that is packed, or not in UTF-8, has no
    places where it could be read from, so its parts are written to parts/ as UTF-8.

    Raises InputError and NotFoundError.
    """
    registered = ledger.contract(file["project"])
    if registered is None:
        raise UnknownProjectError(f"there is no project {file['project']!r}")
    if not objects.exists(file["key"]):
        raise NotFoundError(f"{objects.uri(file['key'])} was deleted")
    contract, arrival = Contract.model_validate(registered[0]), _arrival(file, objects=objects)
    limits = replace(Limits.of(settings).within(seconds), file_bytes=MAX_BYTES)
    limits.check_file(file["size"])
    size = int(float(settings.part_mb) * 2**20)
    with tempfile.TemporaryDirectory(prefix="sluice-") as folder:
        of_key = KeyColumns(keys.columns_in(file["key"], contract.data.columns), contract)
        source = recognised(arrival, contract, Path(folder), limits, of_key)
        in_place = source.opened.path is not None or source.opened.shift is not None
        parts = list(source.parts(size) if in_place else _written(source, size, file, Path(folder), objects=objects))
    plan = {
        "contract": registered[0],
        "contract_version": registered[1],
        "accepted_at": clock.now().isoformat(),
        "sha256": arrival.digest(),
        "in_place": in_place,
        "shift": source.opened.shift or 0,
        "parts": [[part.start, part.end, part.before] for part in parts],
    }
    _write(_key(file, PLAN), plan, objects=objects)
    return {"parts": len(parts)}


def judge_part(file: Json, number: int, seconds: float | None, *, settings: Settings, objects: ObjectStore) -> Json:
    """Judges and counts the rows of one part; a repetition writes the same again.

    What is wrong with the bytes is in its result and no error, so that of several parts the first one counts.
    """
    plan = read_json(_key(file, PLAN), objects=objects)
    contract, part = Contract.model_validate(plan["contract"]), Part(*plan["parts"][number])
    limits = replace(Limits.of(settings).within(seconds), file_bytes=None)
    profiler = Profiler(contract)
    with tempfile.TemporaryDirectory(prefix="sluice-") as folder:
        try:
            outcome = validate_part(
                _arrival(file, objects=objects),
                part,
                _text(file, plan, number, objects=objects),
                contract,
                datetime.fromisoformat(plan["accepted_at"]),
                Path(folder),
                limits,
                count=profiler.add,
                in_key=keys.columns_in(file["key"], contract.data.columns),
            )
        except (InputError, NotFoundError) as error:
            result = refused(error)
        else:
            objects.upload(outcome.accepted_path, _key(file, ACCEPTED, number))
            objects.upload(outcome.quarantine_path, _key(file, REFUSED, number), "application/jsonl")
            result = to_json(outcome) | {"profile": kept(profiler)}
    _write(_key(file, RESULT, number), result, objects=objects)
    return {"part": number}


def join_parts(file: Json, *, objects: ObjectStore, ledger: Ledger, alerts: Alerts, events: Events) -> Json:
    """The terminal record of the file, with all that belongs to it; the order of effects is that of `validate_dataset`.

    Raises InputError and NotFoundError, which `record_failure` records.
    """
    if (ended := _ended(file, objects=objects, ledger=ledger, alerts=alerts, events=events)) is not None:
        return ended
    upload = _upload(file)
    plan = read_json(_key(file, PLAN), objects=objects)
    contract, numbers = Contract.model_validate(plan["contract"]), range(len(plan["parts"]))
    profiler = Profiler(contract)

    def results() -> Iterator[Json]:
        for number in numbers:
            result = read_json(_key(file, RESULT, number), objects=objects)
            if "profile" in result:
                profiler.merge(restored(result.pop("profile")))
            yield result

    in_key = keys.columns_in(upload.key, contract.data.columns)
    whole = joined(results(), contract, _text(file, plan, 0, objects=objects), in_key)
    record = record_of(upload, whole, notes_of(whole, contract) | {"parts": len(numbers)})
    content, contract_version = plan["sha256"], plan["contract_version"]
    if whole.refusals and (twin := ledger.same_content(upload.project, content)):
        record["notes"]["same_content_as"] = twin
    if whole.refusals or whole.quarantined:
        summary = {**record, "key": upload.key, "version_id": upload.version, "refusals": whole.refusals}
        _write_refused(file, numbers, summary, objects=objects)
    if whole.refusals:
        report_dataset(upload.key, record, objects=objects, alerts=alerts)
    else:
        for number in numbers:
            objects.copy(_key(file, ACCEPTED, number), keys.accepted_part(upload.project, upload.dataset, number))
        accepted_at = datetime.fromisoformat(plan["accepted_at"])
        record = listed(
            upload,
            whole,
            record,
            profiler,
            accepted_at,
            content,
            contract_version,
            objects=objects,
            ledger=ledger,
            alerts=alerts,
            events=events,
        )
    return recorded(upload, {"contract_version": contract_version, **record}, ledger=ledger)


def record_failure(
    file: Json, failure: Json, *, objects: ObjectStore, ledger: Ledger, alerts: Alerts, events: Events
) -> Json:
    """The terminal record of a file that could not be judged in parts; of one whose dataset is listed, that it was.

    `failure`: what the state machine kept of the error.
    """
    if (ended := _ended(file, objects=objects, ledger=ledger, alerts=alerts, events=events)) is not None:
        return ended
    upload = _upload(file)
    kind, said = str(failure["error"]), reason_of(str(failure.get("cause") or ""))
    error = error_of(kind, said)
    if isinstance(error, NotFoundError):
        record = gone(upload, "this version of it was deleted", alerts=alerts)
    elif type(error).__name__ == kind:
        record = failed(upload, error, alerts=alerts)
    else:
        told = f"it is judged in parts, and that failed ({failure.get('state')}: {kind}: {said}). Upload it again"
        record = failed(upload, GivenUpError(told), alerts=alerts)
    return recorded(upload, {"contract_version": None, **record}, ledger=ledger)


def _ended(file: Json, *, objects: ObjectStore, ledger: Ledger, alerts: Alerts, events: Events) -> Json | None:
    """The terminal record of a file that has one, or whose dataset is listed; None for any other."""
    upload = _upload(file)
    if (known := ledger.arrival(upload.bucket, upload.key, upload.version)) is not None:
        return known
    if (begun := ledger.judged(upload.project, upload.dataset)) is None:
        return None
    record = finished(upload, begun, objects=objects, ledger=ledger, alerts=alerts, events=events)
    return recorded(upload, record, ledger=ledger)


def _upload(file: Json) -> Upload:
    return Upload(file["bucket"], file["key"], file["version_id"], file["project"])


def _write(key: str, content: Json, *, objects: ObjectStore) -> None:
    # members keep their order: the contract's columns are the fields of a file without a header
    objects.write(key, json.dumps(content).encode(), "application/json")


def _key(file: Json, name: str, number: int | None = None) -> str:
    return keys.part(file["project"], file["dataset_id"], name, number)


def _arrival(file: Json, *, objects: ObjectStore) -> Arrival:
    key, version = file["key"], _upload(file).version_to_read

    def fetch(start: int, end: int) -> bytes:
        return b"".join(objects.chunks(key, version, start, end))

    seekable: Any = RangedFile(fetch, file["size"])
    return Arrival(lambda: objects.chunks(key, version), seekable=seekable)


def _text(file: Json, plan: Json, number: int, *, objects: ObjectStore) -> Opener:
    """Starts the text of one part, in UTF-8 without byte order mark."""
    start, end, _ = plan["parts"][number]
    if not plan["in_place"]:
        return lambda: objects.chunks(_key(file, TEXT, number))
    version = _upload(file).version_to_read
    return lambda: objects.chunks(file["key"], version, start + plan["shift"], end + plan["shift"])


def _written(source: Source, size: int, file: Json, folder: Path, *, objects: ObjectStore) -> Iterator[Part]:
    """The parts, each written to parts/ when its end is found."""
    ahead = _Ahead(source.opened.chunks, folder / TEXT)
    tapped = replace(source, opened=replace(source.opened, chunks=ahead.chunks))
    for number, part in enumerate(tapped.parts(size)):
        objects.write_chunks(_key(file, TEXT, number), ahead.take(part.end - part.start))
        yield part


class _Ahead:
    """What was read of a text and not yet taken, on the disk."""

    def __init__(self, text: Opener, path: Path) -> None:
        self._text = text
        self._file = path.open("w+b")

    def chunks(self) -> Chunks:
        for chunk in self._text():
            self._file.seek(0, 2)
            self._file.write(chunk)
            yield chunk

    def take(self, size: int) -> Iterator[bytes]:
        """The first `size` bytes; what is behind them, which is little, is kept."""
        self._file.seek(0)
        left = size
        while left and (chunk := self._file.read(min(left, 2**20))):
            left -= len(chunk)
            yield chunk
        rest = self._file.read()
        self._file.seek(0)
        self._file.truncate()
        self._file.write(rest)


def _write_refused(file: Json, numbers: Iterable[int], summary: Json, *, objects: ObjectStore) -> None:
    def chunks() -> Iterator[bytes]:
        for number in numbers:
            yield from objects.chunks(_key(file, REFUSED, number))

    objects.write_chunks(keys.quarantined_rows(file["project"], file["dataset_id"]), chunks(), "application/jsonl")
    write_summary(summary, islice(_lines(chunks), ROWS), objects=objects)


def _lines(chunks: Callable[[], Iterator[bytes]]) -> Iterator[str]:
    rest = b""
    for chunk in chunks():
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode() for line in whole)
