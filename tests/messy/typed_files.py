"""JSON and Parquet files whose truth is known: a random table in random types, encodings and layouts.

`generate(seed)` gives a `GeneratedFile` as the text files are, so that the same judge looks at the answer.
"""

from __future__ import annotations

import io
import json
import math
import random
from collections.abc import Callable
from datetime import UTC
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.messy.generated import GeneratedFile, Row, Style
from tests.messy.tables import KEY, Cell, Column, cell, columns

LAYOUTS = ("jsonl", "jsonl", "json array", "concatenated", "parquet", "parquet", "parquet")
WHOLE = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
NARROW = {"float": np.float32, "halffloat": np.float16}
"""Numbers of these types may be read as they are, or as the shortest decimal that gives them back."""


def generate(seed: int) -> GeneratedFile:
    rng = random.Random(seed)
    layout = rng.choice(LAYOUTS)
    table = [Column(c.name, c.type) for c in columns(rng)]
    rows = []
    for number in range(rng.choice([1, 2, 5, 20, 300])):
        key = f"r{number:06}"
        cells = [Cell(key, key), *(cell(rng, c, ",\"\n'", True) for c in table[1:])]
        row = Row(key, cells, number + 1)
        row.readings = [[one.value for one in cells]]
        rows.append(row)
    style = Style(container=layout if layout in ("json array", "concatenated") else None)
    file = GeneratedFile(seed, style, table, rows)
    file.name = f"{seed}.{'parquet' if layout == 'parquet' else 'json' if layout != 'jsonl' else 'jsonl'}"
    file.body = _parquet(rng, file) if layout == "parquet" else _json(rng, file, layout)
    return file


def _json(rng: random.Random, file: GeneratedFile, layout: str) -> bytes:
    """Objects with their members in any order; a member without a value is null or left out."""
    share, texts = rng.choice([0, 0, 0.1]), []
    for row in file.rows:
        members = {c.name: one.value for c, one in zip(file.columns, row.cells, strict=True)}
        # the first object names all members, since one that no object has is a missing column
        if rng.random() < share and row is not file.rows[0]:
            _damage_json(rng, row, members, file.columns, layout)
        kept = [(n, v) for n, v in members.items() if v is not None or row is file.rows[0] or rng.random() < 0.5]
        rng.shuffle(kept)
        text = json.dumps(dict(kept), default=_iso, ensure_ascii=rng.random() < 0.5, allow_nan=True)
        if row.damage == "cut object" and layout == "jsonl":
            text = text[: rng.randint(1, len(text) - 1)]
        texts.append(text)
    ends = {"jsonl": rng.choice(["\n", "\r\n"]), "json array": rng.choice([",", ",\n", " , "]), "concatenated": ""}
    text = ends[layout].join(texts)
    return (f"[{text}]" if layout == "json array" else text).encode()


def _iso(value: Any) -> str:
    return value.isoformat()


def _damage_json(rng: random.Random, row: Row, members: dict[str, Any], table: list[Column], layout: str) -> None:
    damages = ["bad type", "nested", "NaN", "overflow"] + ["cut object"] * (layout == "jsonl")
    row.damage = rng.choice(damages)
    kinds = {"bad type": ("integer", "number", "timestamp"), "NaN": ("number",), "overflow": ("integer",)}
    fitting = [c.name for c in table if c.name != KEY and c.type in kinds.get(row.damage, (c.type,))]
    if not fitting:
        row.damage = ""
        return
    if row.damage != "cut object":
        wrong = {"bad type": "abc", "nested": {"a": [1]}, "NaN": math.nan, "overflow": 10**30}
        members[rng.choice(fitting)] = wrong[row.damage]
    row.readings = [list(members.values())] if row.damage == "NaN" else []


def _parquet(rng: random.Random, file: GeneratedFile) -> bytes:
    arrays = {}
    for at, column in enumerate(file.columns):
        values = [row.cells[at].value for row in file.rows]
        if column.type == "number" and rng.random() < 0.2:
            place = rng.randrange(len(values))
            values[place], file.rows[place].damage = math.nan, "NaN"
        arrays[column.name], expected = _array(rng, column, values)
        for row, value in zip(file.rows, expected, strict=True):
            row.readings[0][at] = value
            if column.type == "number" and str(arrays[column.name].type) in NARROW and value is not None:
                row.cells[at] = Cell(str(arrays[column.name].type), value)
    for row in file.rows:
        row.readings += [[_shortest(one, v, how) for one, v in zip(row.cells, row.readings[0])] for how in NARROW]
    out = io.BytesIO()
    pq.write_table(
        pa.table(arrays),
        out,
        compression=rng.choice(["none", "snappy", "zstd", "gzip", "lz4", "brotli"]),
        row_group_size=rng.choice([3, 100, 10_000]),
        use_dictionary=rng.random() < 0.5,
        data_page_version=rng.choice(["1.0", "2.0"]),
        write_page_checksum=True,
        store_schema=rng.random() < 0.8,
    )
    if rng.random() < 0.35 and len(file.rows) >= 20:
        return _corrupted(rng, out.getvalue(), file)
    return out.getvalue()


def _corrupted(rng: random.Random, body: bytes, file: GeneratedFile) -> bytes:
    """A bit of a page's data is flipped: its checksum says so."""
    group = pq.read_metadata(io.BytesIO(body)).row_group(0)
    chunk = group.column(rng.randrange(group.num_columns))
    end = chunk.data_page_offset + chunk.total_compressed_size - (chunk.data_page_offset - _start(chunk))
    changed = bytearray(body)
    changed[end - rng.randint(1, 3)] ^= 1 << rng.randrange(8)
    for row in file.rows:
        row.damage = "corrupt page"
    return bytes(changed)


def _start(chunk: Any) -> int:
    return chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset


def _shortest(one: Cell, value: Any, how: str) -> Any:
    kind = NARROW[how] if one.text == "halffloat" else np.float32
    return float(str(kind(value))) if one.text in NARROW else value


def _array(rng: random.Random, column: Column, values: list[Any]) -> tuple[pa.Array, list[Any]]:
    """The column in a random physical type, and the values that it then has."""
    made, expected = _KINDS[column.type](rng, values)
    return made, [None if isinstance(v, str) and not v.strip() else v for v in expected]


def _texts(rng: random.Random, values: list[Any]) -> tuple[pa.Array, list[Any]]:
    made = pa.array(values, rng.choice([pa.string(), pa.large_string()]))
    return (made.dictionary_encode() if rng.random() < 0.3 else made), values


def _whole(rng: random.Random, values: list[Any]) -> tuple[pa.Array, list[Any]]:
    name = rng.choice(WHOLE)
    limits = np.iinfo(name)
    kept = [v if v is not None and limits.min <= v <= limits.max else None for v in values]
    return pa.array(kept, name), kept


def _numbers(rng: random.Random, values: list[Any]) -> tuple[pa.Array, list[Any]]:
    kind = rng.choice(["float64", "float32", "float16", "decimal"])
    if kind == "decimal":
        exact = [None if v is None or not abs(v) < 1e9 else Decimal(str(round(v, 3))) for v in values]
        return pa.array(exact, pa.decimal128(18, 3)), [None if v is None else float(v) for v in exact]
    small = [None if v is None or (abs(v) > 6e4 and kind == "float16") else v for v in values]
    arrays = {"float64": np.float64, "float32": np.float32, "float16": np.float16}
    typed = [None if v is None else arrays[kind](v) for v in small]
    return pa.array(typed, getattr(pa, kind)()), [None if v is None else float(v) for v in typed]


def _booleans(rng: random.Random, values: list[Any]) -> tuple[pa.Array, list[Any]]:
    return pa.array(values, pa.bool_()), values


def _times(rng: random.Random, values: list[Any]) -> tuple[pa.Array, list[Any]]:
    zone = rng.choice([None, "UTC", "Europe/Berlin"])
    aware = [v if v is None or zone is None else v.replace(tzinfo=UTC) for v in values]
    return pa.array(aware, pa.timestamp(rng.choice(["s", "ms", "us", "ns"]), zone)), values


_KINDS: dict[str, Callable[[random.Random, list[Any]], tuple[pa.Array, list[Any]]]] = {
    "text": _texts,
    "integer": _whole,
    "number": _numbers,
    "boolean": _booleans,
    "timestamp": _times,
}
