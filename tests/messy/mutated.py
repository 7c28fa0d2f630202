"""Files of which nothing is known but that they once were right: bytes are flipped, cut, doubled and moved.

Whatever Sluice answers, it answers: no exception, in bounded time and memory, and its counts are those of its objects.
"""

from __future__ import annotations

import io
import json
import random
from typing import Any
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq

from tests.messy.entry import contract, deliver
from tests.messy.generated import generate
from tests.messy.judge import Judgement
from tests.messy.memory import Growth
from tests.messy.tables import Column
from tests.messy.workbooks import number, text, workbook
from tests.messy.workbooks import rows as sheet

INTERESTING = (
    b'"',
    b",",
    b"\r",
    b"\n",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\\",
    b"{",
    b"[",
    b"PK\x03\x04",
    b"\x1f\x8b",
    b"PAR1",
)


def run(seed: int) -> Judgement:
    """Sends a mutated file through Sluice."""
    rng = random.Random(seed)
    columns, body, name = _whole(rng, seed)
    body = mutate(rng, body)
    if name.endswith(".xlsx"):
        # mutated as a whole, nearly all would only have a wrong checksum
        body = workbook(body.decode("utf-8", "replace"))
    return send(body, name, {c.name: c.rules for c in columns}, seed)


def send(
    body: bytes, name: str, columns: dict[str, Any], seed: int, settings: dict[str, Any] | None = None
) -> Judgement:
    """Judges by what holds for any bytes at all. `settings`: what the contract names of its files."""
    growth = Growth()
    try:
        answer = deliver(body, name, contract(columns, settings))
    except Exception as error:
        return Judgement(seed, "crash", {"crash": f"{type(error).__name__}: {error}"[:200]})
    found = Judgement(seed, answer.record["status"], {}, answer.seconds, answer.record.get("error", ""))
    found.measure(growth)
    counted = (answer.record["rows"], answer.record["quarantined_rows"])
    if answer.accepted and counted != (len(answer.rows), len(answer.refused)):
        found.add("counts", f"the record counts {counted}, the objects hold {len(answer.rows)}, {len(answer.refused)}")
    return found


def mutate(rng: random.Random, body: bytes) -> bytes:
    """One to four mutations."""
    changed = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        at, end = sorted((rng.randint(0, len(changed)), rng.randint(0, len(changed))))
        match rng.randrange(6):
            case 0 if changed:
                changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
            case 1:
                del changed[at : min(end, at + rng.randint(1, 40))]
            case 2:
                changed[at:at] = rng.choice(INTERESTING)
            case 3:
                changed[at:at] = changed[at : min(end, at + 200)]
            case 4:
                del changed[end:]
            case _:
                changed[at:at] = rng.randbytes(rng.randint(1, 8))
    return bytes(changed)


def _whole(rng: random.Random, seed: int) -> tuple[list[Column], bytes, str]:
    """A file that is right, as CSV, JSON lines, a JSON array, Parquet with page checksums or the XML of a sheet."""
    file = generate(seed, plain=True)
    kind = rng.choice(["csv", "csv", "jsonl", "json", "parquet", "xlsx"])
    if kind == "csv":
        return file.columns, file.body, file.name
    names = [column.name for column in file.columns]
    rows = [dict(zip(names, (one.value for one in row.cells), strict=True)) for row in file.rows]
    if kind == "parquet":
        out = io.BytesIO()
        table = pa.Table.from_pylist(rows)
        pq.write_table(
            table,
            out,
            compression=rng.choice(["none", "snappy", "zstd", "gzip"]),
            row_group_size=rng.choice([2, 10, 1000]),
            use_dictionary=rng.random() < 0.5,
            write_page_checksum=True,
        )
        return file.columns, out.getvalue(), f"{seed}.parquet"
    if kind == "xlsx":
        cells = [
            [text(escape(str(value))) if isinstance(value, str) else number(value) for value in row.values()]
            for row in rows
        ]
        return (
            file.columns,
            sheet([text(escape(name)) for name in names], *cells).encode("utf-8", "replace"),
            f"{seed}.xlsx",
        )
    texts = [json.dumps(row, default=str, ensure_ascii=rng.random() < 0.5) for row in rows]
    if kind == "json":
        return file.columns, f"[{', '.join(texts)}]".encode("utf-8", "surrogatepass"), f"{seed}.json"
    return file.columns, "\n".join(texts).encode("utf-8", "surrogatepass"), f"{seed}.jsonl"
