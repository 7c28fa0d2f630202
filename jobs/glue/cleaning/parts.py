"""The parts as CSV files, whose rows and bytes are the same at every run."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 (Spark's own convention)

from cleaning.columns import quoted
from cleaning.compared_windows import COMPARED, IN_WINDOW
from cleaning.plan import Plan
from cleaning.store import Store


def write_parts(rows: DataFrame, parts: list[str], plan: Plan, output: str, store: Store) -> None:
    """Writes one CSV for each of `parts`; `rows` holds `_part` and `_hash`."""
    marks = [name for name in rows.columns if name.startswith("_seen_by_") or name in (IN_WINDOW, COMPARED)]
    names = [*plan.columns, *marks]
    text = []
    for name, kind in rows.select(*map(quoted, names)).dtypes:
        column = quoted(name)
        if kind.startswith("timestamp"):
            column = F.regexp_replace(column.cast("timestamp_ntz").cast("string"), " ", "T")
        text.append(column.alias(name))
    order = [quoted(plan.time)] if plan.split_by == "time" and plan.time else []
    staging = f"{output}_staging"
    (
        rows.where(F.col("_part").isin(parts))
        .repartition(2, "_part")
        .sortWithinPartitions("_part", *order, "_hash")
        .select(*text, "_part")
        .write.mode("overwrite")
        .option("header", True)
        .option("quote", '"')
        .option("escape", '"')
        .option("nullValue", "")
        .option("ignoreLeadingWhiteSpace", False)
        .option("ignoreTrailingWhiteSpace", False)
        .partitionBy("_part")
        .csv(staging)
    )
    # A training channel takes every object below its prefix: only data.csv may be there.
    for part in parts:
        store.move_only_file(f"{staging}/_part={part}", f"{output}{part}/data.csv")
    store.remove(staging)
