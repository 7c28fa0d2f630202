"""Accepted datasets, read with the columns and types of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 (Spark's own convention)

from cleaning.canonical import stored_texts
from cleaning.columns import quoted
from cleaning.conversions import CONVERSIONS, trimmed
from cleaning.errors import CleaningError
from cleaning.markers import Markers
from cleaning.plan import Plan

KINDS = {
    "string": "text", "bigint": "integer", "int": "integer", "double": "number", "float": "number",
    "boolean": "boolean", "timestamp": "timestamp", "timestamp_ntz": "timestamp",
}  # fmt: skip
"""Spark's types of accepted columns as the contract calls them."""


@dataclass(frozen=True)
class Accepted:
    """The rows, and what each dataset's columns were: `found` maps dataset → column → the contract's type name."""

    rows: DataFrame
    found: dict[str, dict[str, str]]
    checked: dict[str, str]
    """Column → name of the flag beside it that is true where a value could not be kept."""


def read_accepted(spark: SparkSession, accepted: str, datasets: list[str], plan: Plan) -> Accepted:
    """Rows of the listed datasets with the plan's columns and types, `_arrived_at`, `_row`, `_dataset` and `_stored`.

    `_stored` maps the dataset's own columns to canonical texts: the row as it was accepted, whatever a later contract
    makes of it. Datasets are read one by one and converted, since the contract may have changed between two of them: a
    feature that came later is null in older datasets, but key, time and target must be there.
    """
    if not datasets:
        raise CleaningError("the run lists no datasets: nothing to prepare")
    opened = [(dataset, *_open(spark, accepted, dataset, plan)) for dataset in datasets]
    needed = dict.fromkeys(name for _, _, values in opened for name, (_, flag) in values.items() if flag is not None)
    checked = {name: f"_lost_{number}" for number, name in enumerate(needed)}
    whole: DataFrame | None = None
    for dataset, frame, values in opened:
        flags = []
        for name, flag_name in checked.items():
            flag = values[name][1]
            flags.append((F.lit(False) if flag is None else F.coalesce(flag, F.lit(False))).alias(flag_name))
        arrived = F.col("_arrived_at") if "_arrived_at" in frame.columns else F.lit(None)
        row = F.col("_row") if "_row" in frame.columns else F.lit(None)
        typed = frame.select(
            *[value.alias(name) for name, (value, _) in values.items()],
            *flags,
            arrived.cast("timestamp_ntz").alias("_arrived_at"),
            row.cast("bigint").alias("_row"),
            F.lit(dataset).alias("_dataset"),
            stored_texts(frame).alias("_stored"),
        )
        whole = typed if whole is None else whole.unionByName(typed)
    assert whole is not None  # noqa: S101 (there is a dataset)
    found = {
        dataset: {name: KINDS.get(kind, kind) for name, kind in frame.dtypes if not name.startswith("_")}
        for dataset, frame, _ in opened
    }
    return Accepted(whole, found, checked)


def _open(
    spark: SparkSession, accepted: str, dataset: str, plan: Plan
) -> tuple[DataFrame, dict[str, tuple[Column, Column | None]]]:
    folder = f"{accepted.rstrip('/')}/{dataset}/"
    try:
        frame = spark.read.parquet(folder)
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise CleaningError(f"dataset {dataset} cannot be read at {folder}: {reason}") from error
    present = dict(frame.dtypes)
    missing = [name for name in plan.required if name not in present]
    if missing:
        raise CleaningError(f"dataset {dataset} lacks the column {', '.join(missing)} ({folder})")
    return frame, {name: _typed(name, present.get(name), plan) for name in plan.columns}


def _typed(name: str, present: str | None, plan: Plan) -> tuple[Column, Column | None]:
    """The column's value, and whether a value that was there could not be kept as it is (None: it always could)."""
    wanted = plan.columns[name]
    if present is None:
        return F.lit(None).cast(wanted or "string"), None
    column = quoted(name)
    kind = plan.kinds.get(name) or ("timestamp" if name == plan.time else None)
    source = KINDS.get(present)
    if kind is None or source is None:
        # An undeclared key or target keeps its own type, except zoned timestamps: output is UTC without offset.
        column = F.when(~F.isnan(column), column) if source == "number" else column
        return column.cast(wanted or ("timestamp_ntz" if present == "timestamp" else present)), None
    markers = plan.missing.get(name, Markers())
    there = column.isNotNull() & ~_is_marker(column, source, kind, markers)
    if source == "text":
        there = there & (trimmed(column) != "")
    elif source == "number":
        there = there & ~F.isnan(column)
    value = F.when(there, CONVERSIONS[source](column, kind)).cast(str(wanted))
    named = _named(kind, markers)
    kept = F.when(~value.isin(named), value) if named else value
    if source == kind or (source == "text" and kind == "category"):
        return kept, None
    lost = there & value.isNull()
    if (source, kind) == ("integer", "number"):
        lost = lost | (there & (value.cast("decimal(38,0)") != column.cast("decimal(38,0)")))
    return kept, None if kind in ("text", "category") else lost


def _is_marker(column: Column, source: str, kind: str, markers: Markers) -> Column:
    """Whether a value is missing by how it was accepted."""
    if source == "text" and markers:
        as_category = F.lit(False) if kind == "text" else CONVERSIONS["text"](column, "category").isin(markers.texts)
        return trimmed(column).isin(markers.texts) | as_category
    if source in ("number", "integer") and markers.numbers:
        return column.cast("double").isin(markers.numbers)
    return column.cast("string").isin(markers.texts) if source == "boolean" and markers else F.lit(False)


def _named(kind: str, markers: Markers) -> list[Any]:
    """The values of this type that the markers name, in whichever spelling."""
    if kind == "timestamp":
        return [F.lit(moment.isoformat(sep=" ")).cast("timestamp_ntz") for moment in markers.times]
    if kind == "boolean":
        return [truth for truth in (True, False) if str(truth).lower() in markers.texts]
    return list(markers.numbers) if kind in ("integer", "number") else []


def count_read(accepted: Accepted, plan: Plan) -> list[dict[str, Any]]:
    """For each dataset: rows `n`, rows without a target and without a time, and values of each column not kept."""
    no_target, no_time = unusable(plan)
    measures = [
        F.count(F.lit(1)).alias("n"),
        F.sum(no_target.cast("bigint")).alias("unlabelled"),
        F.sum((~no_target & no_time).cast("bigint")).alias("undated"),
    ]
    measures += [F.sum(F.col(flag).cast("bigint")).alias(flag) for flag in accepted.checked.values()]
    found = accepted.rows.groupBy("_dataset").agg(*measures).collect()
    return sorted((group.asDict() for group in found), key=lambda group: str(group["_dataset"]))


def unusable(plan: Plan) -> tuple[Column, Column]:
    """Whether a row lacks the target, and whether it lacks the time that the split is by."""
    no_target = F.lit(False) if plan.target is None else quoted(plan.target).isNull()
    no_time = quoted(plan.time).isNull() if plan.split_by == "time" and plan.time else F.lit(False)
    return no_target, no_time
