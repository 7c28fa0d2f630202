"""Columns by their names."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812 (Spark's own convention)


def quoted(name: str) -> Column:
    """The column of this very name, dots and backticks in it included."""
    return F.col("`" + name.replace("`", "``") + "`")


def all_there(names: Iterable[str]) -> Column:
    """Whether none of the columns is missing."""
    whole = F.lit(True)
    for name in names:
        whole = whole & quoted(name).isNotNull()
    return whole
