"""What an input of the coverage-guided fuzzer is: two bytes for the contract and the file's kind, and the file.

The fuzzer changes bytes at random. What it could never get right, such as the checksum of a ZIP archive, is made here.
"""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.messy import mutated
from tests.messy.generated import generate
from tests.messy.judge import Judgement
from tests.messy.workbooks import number, rows, workbook
from tests.messy.workbooks import text as text_cell

COLUMNS = {
    "key": {"type": "text"},
    "n": {"type": "integer"},
    "x": {"type": "number", "decimal": ",", "thousands": "."},
    "yes": {"type": "boolean"},
    "at": {"type": "timestamp"},
    "kind": {"type": "category", "values": ["a", "b"]},
    "a.b": {"type": "number"},
}
SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"flatten": True},
    {"line_end": "\r"},
    {"header": 0, "quote": "'", "escape": "\\"},
    {"encoding": "gbk"},
    {"delimiter": ";", "header": 2, "encoding": "cp1252"},
)
MAX_BYTES = 8192
_SEEDS = 200
_TEXTS = (
    'key,n,x,yes,at,kind,a.b\nr1,1,"1.234,5",yes,2026-01-01,a,1\nr2,,,,,\n',
    'key;n;x;yes;at;kind;a.b\r\n"r""1";-7;0,5;0;2026-01-01T00:00:00Z;b;0.12345678901234567890\r\n\r\nkey;a;b;c;d;e;f\r\n',
    '{"key": "r1", "n": 1, "x": 1.5, "yes": true, "at": "2026-01-01", "kind": "a"}\n{"key": null}\n',
    '{"key": "r1", "n": 1, "x": 1, "yes": 0, "at": null, "kind": null, "a": {"b": 12345678901234567890.5}}\n',
    '[{"key": "r1", "n": 1, "x": 1.5, "yes": true, "at": null, "kind": "b", "a.b": 1e-400}, {"key": "\\ud800"}]',
    '{"key": "a", "n": null, "x": null, "yes": null, "at": null, "kind": null, "a.b": null}{"key": "b", "n": 2.0}',
    "key,n,x,yes,at,kind,a.b\n'r1',1\n,,,,,\n\"open,1,2\n",
    'key,n,x,yes,at,kind,a.b\n"two\nlines",1,"1,5",0,2026-01-01,a,1\n"r2,1,"1,5",0,2026-01-01,a,1\n',
    "a report\n\nkey\tn\tx\tyes\tat\tkind\ta.b\nr1\t1\t1\t1\t2026-02-30\tc\t1e400\n",
    "\ufeffkey|n|x|yes|at|kind|a.b\r\nr1|9223372036854775808|NaN|TRUE|01.02.2026|A|-0\r\n",
)


def _zipped(body: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("data.csv"), body)
    return out.getvalue()


def _sheet(body: bytes) -> bytes:
    return workbook(body.decode("utf-8", "replace"))


def _unchanged(body: bytes) -> bytes:
    return body


MADE: tuple[Callable[[bytes], bytes], ...] = (
    _unchanged,
    _sheet,
    lambda body: gzip.compress(body, 1, mtime=0),
    bz2.compress,
    lambda body: pa.compress(body, "zstd", asbytes=True),
    _zipped,
)
_PLAIN, _SHEET = 0, 1


def answer(data: bytes) -> Judgement:
    """Sluice's answer to an input, with what is wrong with it."""
    settings, made, body = data[0:1] or b"\0", data[1:2] or b"\0", data[2:]
    file = MADE[made[0] % len(MADE)](body)
    return mutated.send(file, "file", COLUMNS, 0, SETTINGS[settings[0] % len(SETTINGS)])


def seeds() -> Iterator[bytes]:
    """The inputs that the fuzzer starts from: text in many dialects, JSON, Parquet, sheets, and all of it packed."""
    for text in _TEXTS:
        for settings in range(len(SETTINGS)):
            yield bytes([settings, _PLAIN]) + text.encode()
        for made in range(_SHEET + 1, len(MADE)):
            yield bytes([0, made]) + text.encode()
    bodies = (generate(seed).body for seed in range(_SEEDS))
    yield from (bytes([0, _PLAIN]) + body for body in bodies if len(body) < MAX_BYTES // 2)
    for body in _parquet_files():
        yield bytes([0, _PLAIN]) + body
        yield bytes([1, _PLAIN]) + body
    for xml in _sheets():
        yield bytes([0, _SHEET]) + xml.encode()
        yield bytes([0, _PLAIN]) + workbook(xml)


def _parquet_files() -> Iterator[bytes]:
    """Most without checksums, since with them nearly every change would only be a corrupt page."""
    names = list(COLUMNS)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    whole: list[list[Any]] = [["r1", 1, 1.5, True, at, "a", 0.5], ["r2", None, None, None, None, None, None]]
    table = pa.table({name: [row[place] for row in whole] for place, name in enumerate(names)})
    nested = table.drop_columns(["a.b"]).append_column("a", pa.array([{"b": 1.0}, None]))
    written: tuple[tuple[pa.Table, dict[str, Any]], ...] = (
        (table, {"compression": "none"}),
        (table, {"compression": "none", "use_dictionary": False, "data_page_version": "2.0"}),
        (table, {"compression": "snappy", "row_group_size": 1, "write_page_checksum": True}),
        (table, {"compression": "zstd", "use_deprecated_int96_timestamps": True}),
        (table.slice(0, 0), {"compression": "gzip"}),
        (nested, {"compression": "none"}),
    )
    for one, settings in written:
        out = io.BytesIO()
        # the schema of Arrow would be half of the file
        pq.write_table(one, out, store_schema=False, **settings)
        yield out.getvalue()


def _sheets() -> Iterator[str]:
    cells = [
        text_cell("r1"),
        number(1),
        number("1E3"),
        number(1, t="b"),
        number(45000, s="1"),
        text_cell("a"),
        number("0.5"),
    ]
    table = rows([text_cell(name) for name in COLUMNS], cells)
    yield table
    yield f'{table}<row r="9" hidden="1"><c r="B9"><f>A1</f></c></row><mergeCell ref="A2:B3"/>'
    yield f'{table}<row r="3"><c t="e"><v>#N/A</v></c><c r="XFD3" t="str"><v>_x000D_</v></c></row>'
