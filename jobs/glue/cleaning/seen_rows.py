"""Which rows a run's model is trained on, and which test rows the models of earlier runs were trained on."""

from __future__ import annotations

import json
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 (Spark's own convention)

from cleaning.canonical import by_name
from cleaning.plan import Plan
from cleaning.store import Store


def write_trained_on(rows: DataFrame, plan: Plan, output: str) -> None:
    """Writes what tells later runs which rows this run's model is trained on."""
    learned = _ids(rows.where("_part <> 'test'"), _contents(list(plan.columns)))
    learned.select("id").coalesce(1).write.mode("overwrite").parquet(f"{output}trained_on")


def mark_seen(
    rows: DataFrame, compared: dict[str, str], spark: SparkSession, store: Store
) -> tuple[DataFrame, dict[str, dict[str, Any]]]:
    """The test rows with `_seen_by_<role>` for each run that is compared with; and for each role how many are seen.

    `compared`: role to the address of that run's prepared data. A run of before FOLD_RULE 2 has no ids: no column.
    """
    found: dict[str, dict[str, Any]] = {}
    test = marked = rows.where("_part = 'test'")
    for role, prepared in sorted(compared.items()):
        folder = prepared.rstrip("/")
        if not store.exists(f"{folder}/trained_on") or not store.exists(f"{folder}/manifest.json"):
            found[role] = {"known": False, "rows": None}
            continue
        columns = [column["name"] for column in json.loads(store.read(f"{folder}/manifest.json"))["columns"]]
        learned = spark.read.parquet(f"{folder}/trained_on")
        seen = _ids(test, _contents(columns)).join(learned, "id", "left_semi").select("_hash").distinct().cache()
        found[role] = {"known": True, "rows": seen.count()}
        flag = f"_seen_by_{role}"
        marked = marked.join(seen.withColumn(flag, F.lit(True)), "_hash", "left")
        marked = marked.withColumn(flag, F.coalesce(flag, F.lit(False)))
    return marked, found


def _ids(rows: DataFrame, contents: Column) -> DataFrame:
    """`_hash` and `id` (64 bits): by its place in the accepted files, by its content and by what decides its fold."""
    kinds = {"place": F.col("_place"), "row": contents, "fold": F.col("_fold")}
    hashed = [F.when(value.isNotNull(), F.xxhash64(F.lit(kind), value)) for kind, value in kinds.items()]
    return rows.select("_hash", F.explode(F.array(*hashed)).alias("id")).where("id is not null")


def _contents(columns: list[str]) -> Column:
    """The row as it was accepted, in these columns."""
    stored = F.from_json("_stored", "map<string,string>")
    return F.to_json(by_name(F.map_filter(stored, lambda name, _: name.isin(columns))))
