"""Rows of the same key, and equal rows."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 (Spark's own convention)

from cleaning.canonical import by_name
from cleaning.chosen_rows import MOMENT
from cleaning.columns import all_there, quoted
from cleaning.folds import fold_of
from cleaning.losses import Loss, share
from cleaning.plan import Plan


def deduplicate(rows: DataFrame, plan: Plan) -> DataFrame:
    """One row for each key (the latest `_arrived_at`, then the highest `_row`); every row where there is no key.

    Rows that are equal stay, since different people may answer alike; `data.duplicates: remove` takes them together
    where there is no key. A row whose key is missing is nobody's older version: it stays too.

    Adds `_fold` (see `fold_of`), `_fraction` in [0, 1) from its SHA-256, and `_exact`, `_superseded`: how many rows
    this one stands for beyond itself, as exact copies and as older rows of the key.
    """
    names, kinds = list(plan.columns), dict(rows.dtypes)
    content = F.to_json(F.struct(*map(quoted, names)))
    place = F.concat_ws("/", content, "_dataset", F.col("_row").cast("string"))
    identity = F.sha2(content if plan.remove_duplicates and not plan.key else place, 256)
    if plan.key:
        complete = all_there(plan.key)
        identity = F.when(complete, F.sha2(F.to_json(F.struct(*map(quoted, plan.key))), 256)).otherwise(identity)
    rows = rows.withColumn("_whole", F.sha2(content, 256)).withColumn("_hash", identity)
    # null where the file of the row has no row numbers
    rows = rows.withColumn("_place", F.concat("_dataset", F.lit("/"), F.col("_row").cast("string")))
    rows = rows.withColumn("_fold", fold_of(kinds, plan)).withColumn("_stored", F.to_json(by_name(F.col("_stored"))))
    origin = ["_whole", "_place", "_stored", "_fold", MOMENT]
    if plan.key or plan.remove_duplicates:
        # The row's own hash breaks ties, so that two rows of equal age and number always give the same winner.
        age = ["_arrived_at", "_row"]
        candidate = F.struct(*age, *origin, F.struct(*map(quoted, names)).alias("_values"))
        first = F.min(F.struct(*age, *origin))
        grouped = rows.groupBy("_hash", "_whole").agg(
            F.max(candidate).alias("_latest"), first.alias("_first"), F.count(F.lit(1)).alias("_n")
        )
        # of equal rows the eldest has the fold: those that come later must not move it
        fold = "_winner._fold" if plan.key else "_eldest._fold"
        result = (
            grouped.groupBy("_hash")
            .agg(
                F.max("_latest").alias("_winner"),
                F.min("_first").alias("_eldest"),
                (F.sum("_n") - F.count(F.lit(1))).alias("_exact"),
                (F.count(F.lit(1)) - 1).alias("_superseded"),
            )
            .select(
                "_winner._values.*", *[f"_winner.{name}" for name in origin if name != "_fold"],
                F.col(fold).alias("_fold"), "_hash", "_exact", "_superseded",
            )
        )  # fmt: skip
    else:
        none = F.lit(0).cast("bigint")
        result = rows.select(*map(quoted, names), *origin, "_hash", none.alias("_exact"), none.alias("_superseded"))
    # 13 hex digits are 52 bits: exact in a double.
    number = F.conv(F.substring(F.sha2("_fold", 256), 1, 13), 16, 10).cast("double")
    return result.withColumn("_fraction", number / F.lit(float(1 << 52)))


def losses_by_duplicates(rows: DataFrame, read: list[dict[str, Any]], plan: Plan) -> tuple[list[Loss], int, int]:
    """Equal and superseded rows, as losses and as the two counts."""
    total = sum(group["n"] for group in read)
    datasets = tuple(group["_dataset"] for group in read)
    measures = [F.count(F.lit(1)).alias("n"), F.sum("_exact").alias("exact"), F.sum("_superseded").alias("old")]
    measures.append(F.countDistinct("_whole").alias("distinct"))
    keyless = ~all_there(plan.key) if plan.key else F.lit(False)
    measures.append(F.sum(keyless.cast("bigint")).alias("keyless"))
    groupless = ~all_there(plan.group) if plan.group else F.lit(False)
    measures.append(F.sum(groupless.cast("bigint")).alias("groupless"))
    counted = rows.agg(*measures).first()
    exact, old, keyless_rows, alone = (int(counted[name] or 0) for name in ("exact", "old", "keyless", "groupless"))
    equal = counted["n"] - counted["distinct"]
    key = ", ".join(plan.key)
    found = []

    def add(reason: str, count: int, text: str) -> None:
        if count:
            found.append(Loss(reason, None, datasets, count, total, f"{share(count, total)} rows {text}"))

    if plan.key:
        add("superseded_by_key", exact + old, f"are replaced by a later row of the same key ({key})")
        add("key_missing", keyless_rows, f"have no key ({key}): each is kept as a row of its own")
    else:
        add("equal_removed", exact, "are equal to another row and are removed (data.duplicates: remove)")
        # the same file dropped twice looks like this
        add(
            "equal_kept",
            equal,
            "are equal to another row and are kept; if they are copies, set data.duplicates: remove",
        )
    add("group_missing", alone, f"have no group ({', '.join(plan.group)}): each is split by itself")
    return found, exact, old
