"""Glue job: accepted Parquet becomes typed, de-duplicated train, validation and test CSV files.

    clean_dataset.py --accepted s3://b/accepted/shop/ --inputs s3://b/runs/shop/r1/run.json
                     --output s3://b/runs/shop/r1/prepared/ --run-id r1

`--inputs` freezes what is read: {"datasets": ["<dataset_id>", ...], "contract": {...}}. Only those dataset folders
below `--accepted` are read, so that a replay sees the same rows (a job bookmark would be hidden state).

Writes `<output>/{train,validation,test}/data.csv` and `<output>/manifest.json`. CSV: RFC 4180 with header, nulls as
empty fields, booleans true/false, timestamps ISO 8601 in UTC without offset. Row order and bytes are reproducible.

Every failure is an exception whose message says what to do: Glue shows the last line as the run's ErrorMessage.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 (Spark's own convention)

SPARK_TYPES = {
    "integer": "bigint",
    "number": "double",
    "category": "string",
    "text": "string",
    "boolean": "boolean",
    "timestamp": "timestamp_ntz",
}
PARTS = ("train", "validation", "test")
CLASSIFICATION = ("binary", "multiclass")


class CleaningError(Exception):
    """The inputs cannot become a training set; the message says why."""


@dataclass(frozen=True)
class Plan:
    """What the contract asks of this job."""

    columns: dict[str, str | None]
    """Column to Spark type, in output order; None keeps the type found in the Parquet files."""
    key: list[str]
    time: str | None
    target: str | None
    problem: str
    split_by: str
    validation: float
    test: float
    known_classes: frozenset[str] = frozenset()
    """Values of the target that the contract itself names."""

    @classmethod
    def of(cls, contract: dict[str, Any]) -> Plan:
        """The plan of a contract given as plain JSON (the shape of project.yaml with its defaults filled in)."""
        data, problem = contract["data"], contract["problem"]
        declared = data.get("columns") or {}
        key, time, target = list(data.get("key") or []), data.get("time"), problem.get("target")
        wanted = dict.fromkeys([*key, *([time] if time else []), *declared, *([target] if target else [])])
        unknown = {str(c["type"]) for c in declared.values()} - set(SPARK_TYPES)
        if unknown:
            raise CleaningError(f"column type {', '.join(sorted(unknown))} is unknown; known: {', '.join(SPARK_TYPES)}")
        types = {name: SPARK_TYPES[declared[name]["type"]] if name in declared else None for name in wanted}
        if time and types[time] is None:
            types[time] = SPARK_TYPES["timestamp"]
        split = data.get("split") or {}
        plan = cls(
            columns=types,
            key=key,
            time=time,
            target=target,
            problem=problem["type"],
            split_by=split.get("by", "random"),
            validation=float(split.get("validation", 0.2)),
            test=float(split.get("test", 0.2)),
            known_classes=_known_classes(declared.get(target) or {}, problem),
        )
        if plan.split_by not in ("random", "time"):
            raise CleaningError(f"data.split.by is {plan.split_by!r}; known: random, time")
        if plan.split_by == "time" and not time:
            raise CleaningError("data.split.by is time, but the contract names no data.time column")
        if plan.validation + plan.test >= 1:
            raise CleaningError(f"data.split leaves no rows to train on: {plan.validation} + {plan.test} >= 1")
        return plan

    @property
    def required(self) -> list[str]:
        """Columns that every dataset must hold."""
        return [*self.key, *([self.time] if self.time else []), *([self.target] if self.target else [])]

    @property
    def parts(self) -> list[str]:
        """The parts that must hold rows: one whose share is zero is not written."""
        shares = {"train": 1.0, "validation": self.validation, "test": self.test}
        return [part for part in PARTS if shares[part] > 0]


def _known_classes(column: dict[str, Any], problem: dict[str, Any]) -> frozenset[str]:
    # true and false are a type's values, not a row's
    named = [*(column.get("values") or []), problem.get("positive"), "true", "false"]
    return frozenset(str(name) for name in named if name is not None)


class Store:
    """Reads, writes and moves files through Hadoop's FileSystem of each path: s3:// on Glue, file:// in a test."""

    def __init__(self, spark: SparkSession) -> None:
        self._jvm = spark._jvm
        self._configuration = spark._jsc.hadoopConfiguration()

    def _open(self, path: str) -> tuple[Any, Any]:
        java_path = self._jvm.org.apache.hadoop.fs.Path(path)
        return java_path.getFileSystem(self._configuration), java_path

    def read(self, path: str) -> bytes:
        file_system, java_path = self._open(path)
        if not file_system.exists(java_path):
            raise CleaningError(f"{path} does not exist")
        stream = file_system.open(java_path)
        try:
            return bytes(self._jvm.org.apache.commons.io.IOUtils.toByteArray(stream))
        finally:
            stream.close()

    def write(self, path: str, body: bytes) -> None:
        file_system, java_path = self._open(path)
        stream = file_system.create(java_path, True)
        stream.write(bytearray(body))
        stream.close()

    def remove(self, path: str) -> None:
        file_system, java_path = self._open(path)
        file_system.delete(java_path, True)

    def move_only_file(self, folder: str, destination: str) -> None:
        """Moves the one data file of `folder` (as Spark wrote it) to `destination`."""
        file_system, java_folder = self._open(folder)
        found = [s.getPath() for s in file_system.listStatus(java_folder) if s.getPath().getName().startswith("part-")]
        if len(found) != 1:
            raise CleaningError(f"{folder} holds {len(found)} part files instead of one")
        _, target = self._open(destination)
        file_system.mkdirs(target.getParent())
        file_system.delete(target, False)
        if not file_system.rename(found[0], target):
            raise CleaningError(f"cannot move {found[0]} to {destination}")


def read_accepted(spark: SparkSession, accepted: str, datasets: list[str], plan: Plan) -> DataFrame:
    """Rows of the listed datasets with the plan's columns and types, `_arrived_at`, `_row` and `_dataset`.

    Datasets are read one by one and cast, since the contract may have changed between two of them: a feature that
    came later is null in older datasets, but key, time and target must be there.
    """
    if not datasets:
        raise CleaningError("the run lists no datasets: nothing to prepare")
    frames = []
    for dataset in datasets:
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
        chosen = [_typed(name, present.get(name), wanted) for name, wanted in plan.columns.items()]
        arrived = F.col("_arrived_at") if "_arrived_at" in present else F.lit(None)
        row = F.col("_row") if "_row" in present else F.lit(None)
        frames.append(
            frame.select(
                *chosen,
                arrived.cast("timestamp_ntz").alias("_arrived_at"),
                row.cast("bigint").alias("_row"),
                F.lit(dataset).alias("_dataset"),
            )
        )
    whole = frames[0]
    for frame in frames[1:]:
        whole = whole.unionByName(frame)
    return whole


def _typed(name: str, present: str | None, wanted: str | None) -> Column:
    if present is None:
        return F.lit(None).cast(wanted or "string").alias(name)
    # An undeclared key or target keeps its own type, except zoned timestamps: output is UTC without offset.
    target_type = wanted or ("timestamp_ntz" if present == "timestamp" else present)
    column = _quoted(name)
    if present in ("double", "float"):
        column = F.when(~F.isnan(column), column)
    return column.cast(target_type).alias(name)


def _quoted(name: str) -> Column:
    return F.col("`" + name.replace("`", "``") + "`")


def deduplicate(rows: DataFrame, plan: Plan) -> DataFrame:
    """One row for each key (the latest `_arrived_at`, then the highest `_row`), or each distinct row without a key.

    Adds `_fraction` in [0, 1), from SHA-256 of the key or the whole row, and `_exact`, `_superseded`: how many rows
    this one stands for beyond itself, as exact copies and as older rows of the key.
    """
    names = list(plan.columns)
    distinct = rows.groupBy(*[_quoted(name) for name in names]).agg(
        F.max(F.struct("_arrived_at", "_row")).alias("_latest"), F.count(F.lit(1)).alias("_copies")
    )
    whole_row = F.sha2(F.to_json(F.struct(*[_quoted(name) for name in names])), 256)
    if not plan.key:
        result = distinct.withColumn("_hash", whole_row).withColumn("_exact", F.col("_copies") - 1)
        result = result.withColumn("_superseded", F.lit(0).cast("bigint"))
    else:
        # The row's own hash breaks ties, so that two rows of equal age and number always give the same winner.
        candidate = F.struct(F.col("_latest"), whole_row.alias("_tie"), F.struct(*map(_quoted, names)).alias("_values"))
        key = F.struct(*[_quoted(name) for name in plan.key])
        result = (
            distinct.groupBy(F.sha2(F.to_json(key), 256).alias("_hash"))
            .agg(
                F.max(candidate).alias("_winner"),
                (F.sum("_copies") - F.count(F.lit(1))).alias("_exact"),
                (F.count(F.lit(1)) - 1).alias("_superseded"),
            )
            .select("_winner._values.*", "_hash", "_exact", "_superseded")
        )
    # 13 hex digits are 52 bits: exact in a double.
    fraction = F.conv(F.substring("_hash", 1, 13), 16, 10).cast("double") / F.lit(float(1 << 52))
    return result.withColumn("_fraction", fraction)


def split(rows: DataFrame, plan: Plan) -> DataFrame:
    """Adds `_part`. By time: whole instants stay together, the oldest in train, the newest in test."""
    if plan.split_by == "random":
        part = F.when(F.col("_fraction") < plan.test, "test")
        part = part.when(F.col("_fraction") < plan.test + plan.validation, "validation").otherwise("train")
        return rows.withColumn("_part", part)
    assert plan.time is not None  # noqa: S101 (Plan.of has checked it)
    cuts = [round(1 - plan.test - plan.validation, 9), round(1 - plan.test, 9)]
    seconds = F.unix_micros(_quoted(plan.time).cast("timestamp"))
    exact = rows.agg(F.percentile_approx(seconds, cuts, 1_000_000).alias("cuts")).first()["cuts"]
    if exact is None:
        raise CleaningError(f"no row has a {plan.time}: a split by time is impossible")
    part = F.when(seconds <= exact[0], "train").when(seconds <= exact[1], "validation").otherwise("test")
    return rows.withColumn("_part", part)


def write_parts(rows: DataFrame, plan: Plan, output: str, store: Store) -> None:
    """Writes one CSV for each part; `rows` holds `_part` and `_hash`."""
    names = list(plan.columns)
    text = []
    for name, kind in rows.select(*map(_quoted, names)).dtypes:
        column = _quoted(name)
        if kind.startswith("timestamp"):
            column = F.regexp_replace(column.cast("timestamp_ntz").cast("string"), " ", "T")
        text.append(column.alias(name))
    order = [_quoted(plan.time)] if plan.split_by == "time" and plan.time else []
    staging = f"{output}_staging"
    (
        rows.repartition(2, "_part")
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
    for part in plan.parts:
        store.move_only_file(f"{staging}/_part={part}", f"{output}{part}/data.csv")
    store.remove(staging)


def summarise(rows: DataFrame, plan: Plan) -> tuple[dict[str, int], dict[str, Any], int, int]:
    """Rows and target of each part, exact duplicates and superseded rows; refuses an unusable split."""
    measures = [F.count(F.lit(1)).alias("n"), F.sum("_exact").alias("exact"), F.sum("_superseded").alias("old")]
    classes = plan.target is not None and plan.problem in CLASSIFICATION
    grouping = ["_part"]
    if classes:
        rows = rows.withColumn("_class", _quoted(str(plan.target)).cast("string"))
        grouping.append("_class")
    elif plan.target is not None:
        target = _quoted(plan.target).cast("double")
        measures += [F.min(target).alias("low"), F.avg(target).alias("mean"), F.max(target).alias("high")]
    groups = rows.groupBy(*grouping).agg(*measures).collect()
    counts = {part: sum(g["n"] for g in groups if g["_part"] == part) for part in plan.parts}
    targets: dict[str, Any] = {}
    for group in sorted(groups, key=lambda g: (g["_part"], g["_class"] if classes else "")):
        if classes:
            targets.setdefault(group["_part"], {})[group["_class"]] = group["n"]
        elif plan.target is not None:
            targets[group["_part"]] = {"min": group["low"], "mean": group["mean"], "max": group["high"]}
    total = sum(counts.values())
    empty = [part for part, count in counts.items() if count == 0]
    if empty:
        raise CleaningError(
            f"the split leaves {' and '.join(empty)} empty: {total} usable rows, by {plan.split_by}, "
            f"validation {plan.validation}, test {plan.test}; bring more data or change data.split"
        )
    if classes:
        seen = sorted({name for part in targets.values() for name in part})
        lacking = [name for name in seen if name not in targets.get("train", {})]
        # what Glue shows of a failure must quote no row: classes that the contract does not name are only counted
        if lacking:
            told = f"whose {plan.target} is {', '.join(lacking)}"
            if not plan.known_classes.issuperset(lacking):
                told = f"of {len(lacking)} of the {len(seen)} classes of {plan.target}"
            raise CleaningError(f"train holds no row {told}; bring more data or change data.split")
        if len(seen) < 2:
            told = f"{plan.target} = {seen[0]}" if seen[0] in plan.known_classes else f"the same {plan.target}"
            raise CleaningError(f"every row has {told}: there is nothing to learn")
    return counts, targets, sum(g["exact"] for g in groups), sum(g["old"] for g in groups)


def clean(spark: SparkSession, accepted: str, inputs: str, output: str, run_id: str) -> dict[str, Any]:
    """Does the job and returns the manifest that it wrote."""
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    store = Store(spark)
    output = output.rstrip("/") + "/"
    frozen = json.loads(store.read(inputs))
    plan = Plan.of(frozen["contract"])
    datasets = sorted(set(frozen["datasets"]))
    raw = read_accepted(spark, accepted, datasets, plan)
    target_null = F.lit(False) if plan.target is None else _quoted(plan.target).isNull()
    time_null = _quoted(plan.time).isNull() if plan.split_by == "time" and plan.time else F.lit(False)
    usable = raw.where(~target_null & ~time_null)
    read = (
        raw.groupBy("_dataset")
        .agg(
            F.count(F.lit(1)).alias("n"),
            F.sum(target_null.cast("bigint")).alias("unlabelled"),
            F.sum((~target_null & time_null).cast("bigint")).alias("undated"),
        )
        .collect()
    )
    rows = split(deduplicate(usable, plan), plan).cache()
    counts, targets, exact, superseded = summarise(rows, plan)
    write_parts(rows, plan, output, store)
    types = dict(rows.dtypes)
    manifest = {
        "format": 1,
        "run_id": run_id,
        "inputs": [{"dataset_id": g["_dataset"], "rows": g["n"]} for g in sorted(read, key=lambda g: g["_dataset"])],
        "rows_read": sum(g["n"] for g in read),
        "null_target_dropped": sum(g["unlabelled"] for g in read),
        "null_time_dropped": sum(g["undated"] for g in read),
        "exact_duplicates_removed": exact,
        "superseded_by_key_removed": superseded,
        "duplicates_removed": exact + superseded,
        "rows": counts,
        "target": targets,
        "columns": [{"name": name, "type": types[name]} for name in plan.columns],
        "key": plan.key,
        "split": {"by": plan.split_by, "validation": plan.validation, "test": plan.test},
        "script_sha256": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
    }
    store.write(f"{output}manifest.json", json.dumps(manifest, indent=1, sort_keys=True).encode())
    return manifest


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("--accepted", "--inputs", "--output", "--run-id"):
        parser.add_argument(name, required=True)
    # Glue adds arguments of its own (--JOB_NAME, --TempDir, ...).
    arguments, _ = parser.parse_known_args(argv)
    spark = SparkSession.builder.appName("clean_dataset").getOrCreate()
    manifest = clean(spark, arguments.accepted, arguments.inputs, arguments.output, arguments.run_id)
    print(json.dumps({"rows_read": manifest["rows_read"], "rows": manifest["rows"]}))


if __name__ == "__main__":
    main(sys.argv[1:])
