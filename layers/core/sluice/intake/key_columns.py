"""Columns whose value stands in the key of a file: `raw/shop/year=2024/month=05/part-0.parquet`.

The folders of Hive and Spark. A value counts for each row of the file. A column that the contract names may stand in
the key, in the file or in both, if both agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sluice.contract.models import Column, Contract
from sluice.errors import HeaderMismatchError
from sluice.intake.batches import Batch, Batches, Notes
from sluice.intake.rules import judge, typed_values
from sluice.model.values import PLAIN


class KeyColumns:
    """`values`: name → text, None where it is missing. `labels`: the columns of a file of labels.

    Raises HeaderMismatchError for a value that the contract does not allow.
    """

    def __init__(
        self, values: Mapping[str, str | None], contract: Contract, labels: Mapping[str, Column] | None = None
    ) -> None:
        self._columns = contract.data.columns if labels is None else labels
        self._readings = contract.readings
        self._texts = {name: text for name, text in values.items() if name in self._columns}
        self.unused = [name for name in values if name not in self._texts]
        """Names that are not among the columns."""
        for name, text in self._texts.items():
            column, key = self._columns[name], name in contract.data.key
            _, broken = judge(name, column, pa.array([text], pa.string()), key=key, native=True)
            if broken:
                raise HeaderMismatchError(
                    f"the folder {name}=… in the key: its value {broken[0].message}. Correct the key and upload again"
                )

    def in_fields(self, names: Sequence[str]) -> list[str]:
        """The names that are fields of a file without a header: those that do not stand in the key."""
        return [name for name in names if name not in self._texts]

    def header(self, found: Sequence[str]) -> list[str]:
        """The columns of the file, and those of its key."""
        return [*found, *(name for name in self._texts if name not in found)]

    def asked(self, wanted: Sequence[str], notes: Notes) -> list[str]:
        """The wanted columns that are to be read from the file. Any object of JSON may have each of them."""
        return [name for name in wanted if name not in self._texts or notes.is_json or name in notes.columns]

    def filled(self, batches: Batches, wanted: Sequence[str], notes: Notes) -> Batches:
        """The batches with the wanted columns of the key; raises HeaderMismatchError where a row has another value."""
        texts = {name: text for name, text in self._texts.items() if name in wanted}
        notes.key_columns, notes.key_columns_ignored = list(texts), self.unused
        if not texts:
            yield from batches
            return
        for batch in batches:
            yield self._filled(batch, texts)

    def _filled(self, batch: Batch, texts: Mapping[str, str | None]) -> Batch:
        columns, native = dict(batch.columns), dict(batch.native)
        for name, text in texts.items():
            if name in columns:
                self._compare(name, text, batch)
            columns[name] = pa.repeat(pa.scalar(text, pa.string()), len(batch.rows))
            # programs write the keys: the formats of the contract are those of people
            native[name] = True

        def raw(places: Sequence[int]) -> list[dict[str, Any]]:
            return [{**row, **texts} for row in batch.texts(places)]

        return replace(batch, columns=columns, native=native, raw=raw)

    def _compare(self, name: str, text: str | None, batch: Batch) -> None:
        column, reading = self._columns[name], self._readings.get(name, PLAIN)
        found = batch.columns[name]
        if pa.types.is_dictionary(found.type):
            found = found.dictionary_decode()
        typed, missing = typed_values(column.type, found, reading, batch.native.get(name, False))
        expected, _ = typed_values(column.type, pa.array([text], pa.string()), native=True)
        differs = pc.and_(pc.fill_null(pc.not_equal(typed, expected[0]), True), pc.invert(missing))
        if pc.any(differs, min_count=0).as_py():
            row = batch.rows[pc.index(differs, True).as_py()].as_py()
            raise HeaderMismatchError(
                f"the key and the file differ: row {row} has another {name!r} than the folder {name}=… in the key. "
                "Upload the file under the key of its values, or take the column out of one of them"
            )
