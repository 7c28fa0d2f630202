"""JSON lines (one object a line) to batches of text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sluice.intake.batches import ROWS_PER_BATCH, Batches, Broken, Notes, text_batch


def looks_like_json(path: Path) -> bool:
    """Whether the first filled line starts an object (or an array, which the reader then refuses line by line)."""
    with path.open("r", encoding="utf-8", newline="") as file:
        for line in file:
            if content := line.strip():
                return content.startswith("{") or content in ("[", "[]") or content.startswith("[{")
    return False


def read_json_lines(path: Path, wanted: list[str], notes: Notes) -> Batches:
    """Batches with the `wanted` columns; `notes.columns` tells which names were met. Numbers keep their spelling."""
    seen: dict[str, None] = {}
    values: list[list[str | None]] = []
    rows: list[int] = []
    broken: list[Broken] = []
    with path.open("r", encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            content = line.strip()
            if not content:
                notes.blank_lines += 1
                continue
            record, problem = _parse(content)
            if problem is None:
                seen.update(dict.fromkeys(record))
                nested = [name for name in wanted if isinstance(record.get(name), list | dict)]
                if nested:
                    problem = f"{nested[0]!r} holds a list or an object where one value is expected"
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


def json_names(path: Path) -> list[str]:
    """The names in all objects of the file, in the order in which they first occur; [] when no line is an object."""
    seen: dict[str, None] = {}
    with path.open("r", encoding="utf-8") as file:
        for line in file:
            record, problem = _parse(line.strip())
            if problem is None:
                seen.update(dict.fromkeys(record))
    return list(seen)


class _Doubled(ValueError):  # noqa: N818 (internal signal)
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise _Doubled("the object has a name twice")
    return record


# Numbers stay text, so that 0.10 and 12345678901234567890 are judged as they were written.
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_object)


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
        return "true" if value else "false"
    # an escaped lone surrogate ("\\ud800") is no text that Parquet could hold
    return str(value).encode("utf-8", "replace").decode("utf-8")
