"""JSON objects (on lines, in an array, or one after another) to batches of text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from sluice.intake.arrow_types import AS_TEXT, Plan
from sluice.intake.batches import ROWS_PER_BATCH, Batches, Broken, Notes, Number, text_batch
from sluice.intake.blocks import BLOCK, Blocks, Opener
from sluice.intake.changed_cells import exact_text
from sluice.intake.json_blocks import JsonBlocks, lines_in
from sluice.intake.json_texts import Piece, groups, layout, pieces
from sluice.intake.limits import UNLIMITED, Limits
from sluice.intake.parts import Boundary


def read_json(
    text: Opener,
    wanted: list[str],
    notes: Notes,
    limits: Limits = UNLIMITED,
    plan: Plan = AS_TEXT,
    *,
    before: int | None = None,
    flatten: bool = False,
) -> Batches:
    """Batches with the `wanted` columns; `notes.columns` has the names that were found.

    `plan`: which of them may come as more than text. `before`: lines of the file before this part of it,
    which has one object on each line. `flatten`: members of an object are columns (`address.city`).
    """
    seen: dict[str, None] = {}
    if not plan.columns:
        yield from _exact(pieces(text, limits), wanted, notes, seen, flatten)
        return
    reader = JsonBlocks(wanted, plan.columns, flatten)

    def texts(line: str) -> dict[str, Any]:
        record, _ = _parse(line, flatten)
        return {name: _text(record.get(name)) for name in wanted}

    def read(block: bytes, lines: Iterable[str], first: int) -> Batches:
        if not seen:
            # the names stand in the order in which they occur
            record, problem = _parse(block.partition(b"\n")[0].decode("utf-8").strip(), flatten)
            seen.update(dict.fromkeys(record) if problem is None else {})
        batch = reader.read(block, first, seen, texts)
        if batch is None:
            found = (Piece(number, line.strip()) for number, line in enumerate(lines, first))
            yield from _exact(found, wanted, notes, seen, flatten)
        else:
            notes.columns = list(seen)
            yield batch

    first = 1 + (before or 0)
    if before is None and layout(text) != "lines":
        for group in groups(pieces(text, limits), BLOCK):
            yield from read("\n".join(group).encode("utf-8"), group, first)
            first += len(group)
        return
    blocks = Blocks(text(), limits)
    while block := blocks.take():
        limits.check_time()
        lines = lines_in(block)
        yield from read(block, lines, first)
        first += len(lines)


def _exact(found: Iterable[Piece], wanted: list[str], notes: Notes, seen: dict[str, None], flatten: bool) -> Batches:
    parents = _parents(wanted) if flatten else {}
    values: list[list[str | None]] = []
    rows: list[int] = []
    broken: list[Broken] = []
    for piece in found:
        if not piece.text:
            notes.blank_lines += 1
            continue
        record, problem = _parse(piece.text, flatten)
        column = None
        if problem is None:
            # an object that is null has no members, and is not a column either
            seen.update(
                (name, None) for name, value in record.items() if name not in parents or value not in (None, {})
            )
            is_escaped = "\\u" in piece.text
            for name in wanted:
                cell = record.get(name)
                what = _NO_VALUE.get(type(cell))
                if what is None and is_escaped and not _is_text(cell):
                    what = f"{_NO_TEXT}, where text is expected"
                if what is not None:
                    problem, column = f"{name!r} holds {what}", name
                    break
            for parent, name in parents.items():
                if record.get(parent) not in (None, _NAN, {}):
                    problem, column = f"{parent!r} is not an object, as {name!r} needs it to be", name
        if problem is not None:
            kept = record if isinstance(record, dict) else piece.text
            broken.append(Broken(piece.number, "json", problem, kept, column))
        else:
            cells = [record.get(name) for name in wanted]
            if _NAN in cells:
                notes.nan.update(name for name, cell in zip(wanted, cells, strict=True) if cell is _NAN)
            values.append([_text(cell) for cell in cells])
            rows.append(piece.number)
        if len(values) + len(broken) >= ROWS_PER_BATCH:
            notes.columns = list(seen)
            yield text_batch(wanted, values, rows, broken)
            values, rows, broken = [], [], []
    notes.columns = list(seen)
    if values or broken:
        yield text_batch(wanted, values, rows, broken)


def json_boundaries(text: Opener, limits: Limits, size: int) -> Iterator[Boundary]:
    """Where a text of JSON lines may be cut, about every `size` bytes."""
    blocks, lines = Blocks(text(), limits), 0
    yield 0, 0, 0
    while block := blocks.take(size):
        if b"\r" in block and block.count(b"\r") != block.count(b"\r\n"):
            lines += len(lines_in(block))
        else:
            lines += block.count(b"\n") + (not block.endswith(b"\n"))
        yield blocks.taken, blocks.taken, lines


def _parents(wanted: list[str]) -> dict[str, str]:
    """Names that must be those of objects → the wanted member of each."""
    found: dict[str, str] = {}
    for name in wanted:
        for at, sign in enumerate(name):
            if sign == ".":
                found.setdefault(name[:at], name)
    return found


def json_names(text: Opener, limits: Limits = UNLIMITED, flatten: bool = False) -> list[str]:
    """The names in all objects of the file, in the order in which they first occur; [] when there is no object."""
    seen: dict[str, None] = {}
    for piece in pieces(text, limits):
        record, problem = _parse(piece.text, flatten)
        if problem is None:
            seen.update(dict.fromkeys(record))
    return list(seen)


def without_plain_values(text: Opener, limits: Limits = UNLIMITED, flatten: bool = False) -> dict[str, str]:
    """The names whose value is a list or an object in some row, and which of them."""
    found: dict[str, str] = {}
    for piece in pieces(text, limits):
        record, problem = _parse(piece.text, flatten)
        for name, value in record.items() if problem is None else ():
            if isinstance(value, list) or (isinstance(value, dict) and value):
                found.setdefault(name, f"{name!r} holds {_NO_VALUE[type(value)]}")
    return found


def no_object(text: Opener) -> str:
    """What to say about a file in which there is no JSON object."""
    first = next((piece for piece in pieces(text) if piece.text), None)
    if first is None:
        return "the JSON array of the file is empty: one object for each row is expected"
    _, problem = _parse(first.text)
    where = "value" if layout(text) == "stream" else "line"
    return (
        f"the file has no JSON object; one object for each row is expected: one on each line, in an array, or one "
        f"behind the other. The first {where} with content, {where} {first.number}: {problem}"
    )


def rows_within(text: Opener) -> str:
    """What to say where the rows seem to stand within the first object; empty if they do not."""
    first = next((piece for piece in pieces(text) if piece.text), None)
    record, problem = _parse(first.text if first else "")
    for name, value in (record if problem is None else {}).items():
        if isinstance(value, list) and value and isinstance(value[0], dict | list):
            what = "objects" if isinstance(value[0], dict) else "lists, and each row must be an object with names"
            return f". The rows seem to be in {name[:80]!r}, a list of {what}: write the rows alone, one on each line"
    return ""


class _Doubled(ValueError):  # noqa: N818 (internal signal)
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for at, name in enumerate(names) if name in names[:at])
        raise _Doubled(f"the object has the name {doubled[:100]!r} twice")
    return record


class _NotANumber(str):
    """NaN, which is missing."""

    __slots__ = ()


class _Beyond(str):
    """A number that no double holds, as it was written."""

    __slots__ = ()


_NAN = _NotANumber()
_NO_VALUE: dict[Any, str] = {
    list: "a list where one value is expected",
    dict: "an object where one value is expected",
    _Beyond: "an infinite number, or one beyond the range of a double",
}
_NO_TEXT = "half of a character (a surrogate without the other one)"
_SHORT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]*[1-9]")


def _integer(digits: str) -> str:
    if len(digits) > 308 and not math.isfinite(float(digits)):
        return _Beyond(digits)
    return Number("0" if digits == "-0" else digits)


def _float(digits: str) -> str:
    """Digits as any other reader of the number would write them, since only its value counts."""
    if len(digits) <= 16 and _SHORT.fullmatch(digits):
        return Number(digits)
    return Number(exact_text(digits)) if math.isfinite(float(digits)) else _Beyond(digits)


def _constant(name: str) -> str:
    """Python writes a missing number as NaN."""
    return _NAN if name == "NaN" else _Beyond(name)


_DECODER = json.JSONDecoder(parse_float=_float, parse_int=_integer, parse_constant=_constant, object_pairs_hook=_object)


def _flattened(record: dict[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in record.items():
        members = _flattened(value, f"{before}{name}.") if isinstance(value, dict) and value else {before + name: value}
        if doubled := found.keys() & members.keys():
            raise _Doubled(f"the object has the name {min(doubled)[:100]!r} twice, once as a member of an object")
        found |= members
    return found


def _parse(content: str, flatten: bool = False) -> tuple[Any, str | None]:
    try:
        record = _DECODER.decode(content)
        if flatten and isinstance(record, dict):
            record = _flattened(record)
        if "\\u" in content and isinstance(record, dict) and not all(map(_is_text, record)):
            return None, f"the name of a member is {_NO_TEXT}"
    except _Doubled as error:
        return None, str(error)
    except json.JSONDecodeError as error:
        return None, f"not JSON: {error.msg} at character {error.colno}"
    except RecursionError:
        return None, "not JSON that can be read: nested too deeply"
    if not isinstance(record, dict):
        return None, "one JSON object is expected for each row"
    return record, None


def _text(value: Any) -> str | None:
    if value is None or value is _NAN:
        return None
    if isinstance(value, bool):
        return Number("true" if value else "false")
    if type(value) is Number:
        return value
    return str(value)


def _is_text(value: Any) -> bool:
    """False for a text that UTF-8 cannot hold, as JSON can spell it: "\\ud800"."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return False
    return True
