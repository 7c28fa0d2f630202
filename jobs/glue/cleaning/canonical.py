"""Texts that mean the same in every type that can hold a value: they tell rows apart, whatever a contract becomes."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 (Spark's own convention)

from cleaning.columns import quoted

EXACT_WHOLE = 1e15
"""Whole doubles below it are known by their digits, as integers are; other doubles by a hash of their bits."""


def stored_texts(frame: DataFrame) -> Column:
    """A map from each of the dataset's own columns that has a value to its canonical text."""
    kinds = {name: kind for name, kind in frame.dtypes if name not in ("_arrived_at", "_row")}
    texts = [text for name, kind in sorted(kinds.items()) for text in (F.lit(name), _canonical(quoted(name), kind))]
    return F.map_filter(F.create_map(*texts), lambda _, text: text.isNotNull())


def _canonical(column: Column, kind: str) -> Column:
    """A value as text that means the same in every type that can hold it: 12 and 12.0 and "12" are alike.

    A double that is not whole is hashed by its bits: how its digits are written depends on the version of Java.
    """
    if kind in ("double", "float") or kind.startswith("decimal"):
        number = column.cast("double")
        whole = (number == F.floor(number)) & (F.abs(number) < EXACT_WHOLE)
        bits = F.hex(F.xxhash64(number + F.lit(0.0)))
        return F.when(whole, number.cast("bigint").cast("string")).when(~F.isnan(number), bits)
    if kind.startswith("timestamp"):
        return F.unix_micros(column.cast("timestamp")).cast("string")
    return column.cast("string")


def identity(columns: dict[str, str]) -> Column:
    """JSON of the columns' canonical texts in the order of their names; `columns`: name to Spark type."""
    texts = [_canonical(quoted(name), kind).alias(name) for name, kind in sorted(columns.items())]
    return F.to_json(F.struct(*texts), {"ignoreNullFields": "true"})


def by_name(stored: Column) -> Column:
    """The map in the order of its keys, so that equal maps have equal JSON."""
    return F.map_from_entries(F.array_sort(F.map_entries(stored)))
