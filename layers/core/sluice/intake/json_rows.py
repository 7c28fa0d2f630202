"""JSON lines (one object in each line) to batches of text."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from sluice.intake.batches import ROWS_PER_BATCH, Batches, Broken, Notes, Number, text_batch
from sluice.intake.blocks import Blocks, Opener, lines_of
from sluice.intake.limits import UNLIMITED, Limits
from sluice.model.values import number_text


def looks_like_json(text: Opener, limits: Limits = UNLIMITED) -> bool:
    """Whether the first filled line starts an object (or an array, which the reader then refuses line by line)."""
    content = (Blocks(text(), limits).next_filled() or "").strip()
    return content.startswith("{") or content in ("[", "[]") or content.startswith("[{")


def read_json_lines(text: Opener, wanted: list[str], notes: Notes, limits: Limits = UNLIMITED) -> Batches:
    """Batches with the `wanted` columns; `notes.columns` has the names that were found."""
    seen: dict[str, None] = {}
    values: list[list[str | None]] = []
    rows: list[int] = []
    broken: list[Broken] = []
    for number, line in enumerate(lines_of(text(), limits), 1):
        content = line.strip()
        if not content:
            notes.blank_lines += 1
            continue
        record, problem = _parse(content)
        if problem is None:
            seen.update(dict.fromkeys(record))
            for name in wanted:
                if (what := _NO_VALUE.get(type(record.get(name)))) is not None:
                    problem = f"{name!r} holds {what}"
                    break
        if problem is not None:
            broken.append(Broken(number, "json", problem, record if isinstance(record, dict) else content))
        else:
            values.append([_text(record.get(name)) for name in wanted])
            rows.append(number)
        if len(values) + len(broken) >= ROWS_PER_BATCH:
            notes.columns = list(seen)
            yield text_batch(wanted, values, rows, broken)
            values, rows, broken = [], [], []
    notes.columns = list(seen)
    if values or broken:
        yield text_batch(wanted, values, rows, broken)


def json_names(text: Opener, limits: Limits = UNLIMITED) -> list[str]:
    """The names in all objects of the file, in the order in which they first occur; [] when no line is an object."""
    seen: dict[str, None] = {}
    for line in lines_of(text(), limits):
        record, problem = _parse(line.strip())
        if problem is None:
            seen.update(dict.fromkeys(record))
    return list(seen)


def no_object(text: Opener) -> str:
    """What to say of a file of which no line is a JSON object."""
    lines = Blocks(text())
    content = (lines.next_filled() or "").strip()
    number = max(1, lines.number)
    if content.startswith("["):
        return (
            "the file is a JSON array; write JSON lines: one object on each line, without brackets around them and "
            "commas between (`jq -c '.[]'` makes them)"
        )
    _, problem = _parse(content)
    return (
        f"no line of the file is a JSON object; JSON lines need one object on each line. The first, line {number}: "
        f"{problem}"
    )


class _Doubled(ValueError):  # noqa: N818 (internal signal)
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for at, name in enumerate(names) if name in names[:at])
        raise _Doubled(f"the object has the name {doubled[:100]!r} twice")
    return record


class _Beyond(str):
    """A number that no double holds, as it was written."""

    __slots__ = ()


_NO_VALUE: dict[Any, str] = {
    list: "a list where one value is expected",
    dict: "an object where one value is expected",
    _Beyond: "an infinite number, or one beyond the range of a double",
}
_SHORT = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]*[1-9]")


def _integer(digits: str) -> str:
    if len(digits) > 308 and not math.isfinite(float(digits)):
        return _Beyond(digits)
    return Number("0" if digits == "-0" else digits)


def _float(digits: str) -> str:
    """Digits as any other reader of the number would write them, since only its value counts."""
    if len(digits) <= 16 and _SHORT.fullmatch(digits):
        return Number(digits)
    value = float(digits)
    return Number(number_text(value)) if math.isfinite(value) else _Beyond(digits)


def _constant(name: str) -> str | None:
    """Python writes a missing number as NaN."""
    return None if name == "NaN" else _Beyond(name)


_DECODER = json.JSONDecoder(parse_float=_float, parse_int=_integer, parse_constant=_constant, object_pairs_hook=_object)


def _parse(content: str) -> tuple[Any, str | None]:
    try:
        record = _DECODER.decode(content)
        content.encode("utf-8")
    except _Doubled as error:
        return None, str(error)
    except json.JSONDecodeError as error:
        return None, f"not JSON: {error.msg} at character {error.colno}"
    except RecursionError:
        return None, "not JSON that can be read: nested too deeply"
    if not isinstance(record, dict):
        return None, "one JSON object is expected on each line"
    return record, None


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return Number("true" if value else "false")
    if type(value) is Number:
        return value
    # an escaped lone surrogate ("\\ud800") is not text that Parquet can hold
    return str(value).encode("utf-8", "replace").decode("utf-8")
