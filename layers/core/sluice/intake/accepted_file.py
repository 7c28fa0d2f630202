"""The accepted rows of a file as Parquet: in groups that do not depend on the blocks that the rows were read in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from sluice.contract.models import Contract
from sluice.intake.arrow_types import CODED
from sluice.intake.rules import ARROW_TYPES
from sluice.intake.stages import Behind

ROWS_PER_GROUP, BYTES_PER_GROUP = 65_536, 16 * 2**20
"""A group is written as soon as it has this many rows or bytes. It is in memory until then; smaller ones cost more time
for each row, to write, to profile and to read."""
Count = Callable[[Iterable[tuple[str, pa.Array]], int], None]


def accepted_schema(contract: Contract) -> pa.Schema:
    """Types of an accepted Parquet file."""
    fields = [pa.field(name, ARROW_TYPES[column.type]) for name, column in contract.data.columns.items()]
    return pa.schema([*fields, pa.field("_arrived_at", pa.timestamp("us")), pa.field("_row", pa.int64())])


class AcceptedFile:
    """`count` gets the rows of each group: the typed columns of the contract, and their number."""

    def __init__(self, path: Path, contract: Contract, count: Count | None = None) -> None:
        self._names = list(contract.data.columns)
        self._count = count
        self._waiting: list[pa.Table] = []
        self._rows = self._bytes = 0
        self._writing, self._counting = Behind("write"), Behind("count")
        # a category is written with its codes; without Arrow's own schema in the file, readers see text
        coded = [name for name, column in contract.data.columns.items() if column.type == "category"]
        schema = accepted_schema(contract)
        for name in coded:
            schema = schema.set(schema.get_field_index(name), pa.field(name, CODED))
        self._schema = schema
        self._writer = pq.ParquetWriter(
            path,
            schema,
            store_schema=False,
            write_statistics=False,  # every reader reads all rows
            write_batch_size=ROWS_PER_GROUP,
            **_packed(schema, coded),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._writer, self._counting, self._writing:
            if kind is None:
                self._end_group()

    def table(self, columns: Sequence[pa.Array]) -> pa.Table:
        """The rows that `add` takes, from the columns of `accepted_schema`."""
        kinds = self._schema.types
        typed = [
            each.dictionary_encode() if _lacks_codes(each, kind) else each
            for each, kind in zip(columns, kinds, strict=True)
        ]
        return pa.table(typed, schema=self._schema)

    def add(self, rows: pa.Table) -> None:
        self._waiting.append(rows)
        self._rows += rows.num_rows
        self._bytes += rows.nbytes
        if self._rows >= ROWS_PER_GROUP or self._bytes >= BYTES_PER_GROUP:
            self._end_group()

    def _end_group(self) -> None:
        if self._rows:
            self._writing.call(partial(self._write, self._waiting))
        self._waiting, self._rows, self._bytes = [], 0, 0

    def _write(self, tables: list[pa.Table]) -> None:
        # one dictionary for the whole group: the writer keeps codes only as long as their dictionary is the same
        group = pa.concat_tables(tables).unify_dictionaries()
        tables.clear()
        if self._count is not None:
            self._counting.call(partial(self._counted, self._count, group))
        self._writer.write_table(group)

    def _counted(self, count: Count, group: pa.Table) -> None:
        # one column at a time is in memory twice
        count(((name, group.column(name).combine_chunks()) for name in self._names), group.num_rows)


def _lacks_codes(values: pa.Array, kind: pa.DataType) -> bool:
    return kind == CODED and values.type != CODED


def _packed(schema: pa.Schema, coded: Sequence[str]) -> dict[str, Any]:
    """How the columns are written; `coded`: by codes, which take few bits as they are.

    Integers and times are written by their differences, which takes less time and space than to compress them. Doubles
    take the fast Snappy: Zstandard takes twice its time, and makes the whole file a tenth smaller.
    """
    kinds = {field.name: field.type for field in schema}
    whole = [name for name, kind in kinds.items() if pa.types.is_integer(kind) or pa.types.is_timestamp(kind)]
    packing = {name: "SNAPPY" if pa.types.is_floating(kind) else "ZSTD" for name, kind in kinds.items()}
    small = [*whole, *coded, *(name for name, kind in kinds.items() if pa.types.is_boolean(kind))]
    return {
        "use_dictionary": list(coded),
        "column_encoding": dict.fromkeys(whole, "DELTA_BINARY_PACKED"),
        "compression": packing | dict.fromkeys(small, "NONE"),
    }
