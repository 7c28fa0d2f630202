"""Glue job: accepted Parquet becomes typed train, validation and test CSV files, with one row for each key.

    clean_dataset.py --accepted s3://b/accepted/shop/ --inputs s3://b/runs/shop/r1/run.json
                     --output s3://b/runs/shop/r1/prepared/ --run-id r1
                     --champion-prepared s3://b/runs/shop/r0/prepared/ --anchor-prepared none

`--inputs` freezes what is read: {"datasets": ["<dataset_id>", ...], "contract": {...}}. Only those dataset folders
below `--accepted` are read, so that a replay sees the same rows (a job bookmark would be hidden state).
`--champion-prepared` and `--anchor-prepared` are what this job wrote for the runs of the models that the candidate is
compared with, or "none".

Writes `<output>/{train,validation,test}/data.csv`, `<output>/trained_on/` and `<output>/manifest.json`. CSV: RFC 4180
with header, nulls as empty fields, booleans true/false, timestamps ISO 8601 in UTC without offset. Row order and bytes
are reproducible.

A row keeps its fold for life: see `fold_of`. `trained_on` has the ids of every row of train and validation. Against
those of an earlier run the test rows are marked that its model was trained on: the column `_seen_by_champion`.

Rows are never removed because they are equal, unless the contract has a key or says `data.duplicates: remove`.
Whatever is removed, becomes missing or changes is counted in the manifest's `losses`, each with a sentence; beyond
`data.expectations.max_lost_rows` the job stops instead and says what would go.

A value means here what it means to intake (`sluice.model.values`), which this script does not import: it is shipped
to Glue alone. Tests hold the two against each other.

Every failure is an exception whose message says what to do: Glue shows the last line as the run's ErrorMessage.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
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
UNLABELLED = ("clustering", "anomaly")
COMPARED = ("champion", "anchor")
"""The models that the candidate is compared with."""
NO_MODEL = "none"
"""Stands for the address of a model's prepared data where there is no such model."""
MAX_LOST_ROWS = 0.05
KINDS = {
    "string": "text", "bigint": "integer", "int": "integer", "double": "number", "float": "number",
    "boolean": "boolean", "timestamp": "timestamp", "timestamp_ntz": "timestamp",
}  # fmt: skip
"""Spark's types of accepted columns as the contract calls them."""
BLANK = r"[\t\n\x0b\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,5})?"
CLOCK = (
    r"(?:.([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:[.,]([0-9]{1,6})[0-9]*)?)?)?"
    r"(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
TIMESTAMP = rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}){CLOCK}"
WEEK_DATE = r"([0-9]{4})-W([0-9]{2})(?:-([1-7])(?![0-9]))?"
INTEGER_LIMIT = 10**18
TRUE, FALSE = ("true", "t", "yes", "y", "1", "1.0"), ("false", "f", "no", "n", "0", "0.0")
NAMED = 3
"""Datasets that a sentence names; more are counted."""
FOLD_RULE = 2
"""Counts the ways in which this script has dealt rows to folds: 1 hashed the row as the contract of the run read it."""
EXACT_WHOLE = 1e15
"""Whole doubles below it are known by their digits, as integers are; other doubles by a hash of their bits."""
UNEVEN = 0.05
"""A part whose share of the rows is this far from what data.split asks for is reported."""


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
    kinds: dict[str, str] = field(default_factory=dict)
    """Declared column to the contract's type."""
    missing: dict[str, list[str]] = field(default_factory=dict)
    """Declared column to the texts that mean "missing" in it."""
    remove_duplicates: bool = False
    group: list[str] = field(default_factory=list)
    """Columns whose values decide the fold: all rows that share them lie in one."""
    max_lost: float = MAX_LOST_ROWS

    @classmethod
    def of(cls, contract: dict[str, Any]) -> Plan:
        """The plan of a contract given as plain JSON (the shape of project.yaml with its defaults filled in)."""
        data, problem = contract["data"], contract["problem"]
        declared = data.get("columns") or {}
        key, time, target = list(data.get("key") or []), data.get("time"), problem.get("target")
        wanted = dict.fromkeys([*key, *([time] if time else []), *declared, *([target] if target else [])])
        if problem["type"] in UNLABELLED:
            # labels of anomalies are a column like others: rows without one are learned from
            target = None
        unknown = {str(c["type"]) for c in declared.values()} - set(SPARK_TYPES)
        if unknown:
            raise CleaningError(f"column type {', '.join(sorted(unknown))} is unknown; known: {', '.join(SPARK_TYPES)}")
        types = {name: SPARK_TYPES[declared[name]["type"]] if name in declared else None for name in wanted}
        if time and types[time] is None:
            types[time] = SPARK_TYPES["timestamp"]
        split = data.get("split") or {}
        of_all = (data.get("format") or {}).get("missing") or []
        expectations = data.get("expectations") or {}
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
            kinds={name: str(column["type"]) for name, column in declared.items()},
            missing={name: _markers(column, of_all) for name, column in declared.items()},
            remove_duplicates=data.get("duplicates", "keep") == "remove",
            group=list(split.get("group") or []),
            max_lost=float(expectations.get("max_lost_rows", MAX_LOST_ROWS)),
        )
        if plan.split_by not in ("random", "time"):
            raise CleaningError(f"data.split.by is {plan.split_by!r}; known: random, time")
        if plan.group and plan.split_by == "time":
            raise CleaningError(
                "data.split.group and data.split.by: time exclude each other: a group has several times"
            )
        if plan.split_by == "time" and not time:
            raise CleaningError("data.split.by is time, but the contract names no data.time column")
        if time and plan.split_by == "time" and plan.kinds.get(time, "timestamp") != "timestamp":
            raise CleaningError(
                f"data.split.by is time, but {time!r} is declared as {plan.kinds[time]}, whose order is not that of "
                "time; declare it as timestamp and drop the files again, or split by random"
            )
        if unknown_group := [name for name in plan.group if name not in plan.columns]:
            raise CleaningError(
                f"data.split.group names the column {unknown_group[0]}, which data.columns does not have"
            )
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


def _markers(column: dict[str, Any], otherwise: list[str]) -> list[str]:
    own = column.get("missing")
    return list(otherwise if own is None else own)


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

    def exists(self, path: str) -> bool:
        file_system, java_path = self._open(path)
        return bool(file_system.exists(java_path))

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


@dataclass(frozen=True)
class Loss:
    """Rows or values that are removed, missing or changed, for one reason; `text` is a sentence for people."""

    reason: str
    column: str | None
    datasets: tuple[str, ...]
    rows: int
    of: int
    text: str

    def to_json(self) -> dict[str, Any]:
        named = {"reason": self.reason, "column": self.column, "rows": self.rows, "of": self.of, "text": self.text}
        return {**named, "datasets": list(self.datasets[:20]), "datasets_affected": len(self.datasets)}


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
            _stored(frame).alias("_stored"),
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
    column = _quoted(name)
    kind = plan.kinds.get(name) or ("timestamp" if name == plan.time else None)
    source = KINDS.get(present)
    if kind is None or source is None:
        # An undeclared key or target keeps its own type, except zoned timestamps: output is UTC without offset.
        column = F.when(~F.isnan(column), column) if source == "number" else column
        return column.cast(wanted or ("timestamp_ntz" if present == "timestamp" else present)), None
    markers = [marker.strip() for marker in plan.missing.get(name, [])]
    there = column.isNotNull()
    if source == "text":
        there = there & (_trimmed(column) != "") & ~_trimmed(column).isin(markers)
    elif source in ("number", "integer"):
        numbers = [number for marker in markers if (number := _as_number(marker)) is not None]
        there = there & ~column.cast("double").isin(numbers)
        there = there & ~F.isnan(column) if source == "number" else there
    value = F.when(there, CONVERSIONS[source](column, kind)).cast(str(wanted))
    if source == kind or (source == "text" and kind == "category"):
        return value, None
    lost = there & value.isNull()
    if (source, kind) == ("integer", "number"):
        lost = lost | (there & (value.cast("decimal(38,0)") != column.cast("decimal(38,0)")))
    return value, None if kind in ("text", "category") else lost


def _stored(frame: DataFrame) -> Column:
    kinds = {name: kind for name, kind in frame.dtypes if name not in ("_arrived_at", "_row")}
    texts = [text for name, kind in sorted(kinds.items()) for text in (F.lit(name), _canonical(_quoted(name), kind))]
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


def _identity(columns: dict[str, str]) -> Column:
    """JSON of the columns' canonical texts in the order of their names; `columns`: name to Spark type."""
    texts = [_canonical(_quoted(name), kind).alias(name) for name, kind in sorted(columns.items())]
    return F.to_json(F.struct(*texts), {"ignoreNullFields": "true"})


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _quoted(name: str) -> Column:
    return F.col("`" + name.replace("`", "``") + "`")


def _trimmed(text: Column) -> Column:
    return F.regexp_replace(text, rf"\A{BLANK}+|{BLANK}+\z", "")


def _matches(text: Column, pattern: str) -> Column:
    return text.rlike(rf"\A(?:{pattern})\z")


def _from_text(column: Column, kind: str) -> Column:
    text = _trimmed(column)
    if kind == "text":
        return column
    if kind == "category":
        whole = F.regexp_replace(F.regexp_extract(text, r"\A(-?(?:0|[1-9][0-9]*))\.0+\z", 1), r"\A-0\z", "0")
        truth = F.lower(text).isin("true", "false")
        return F.when(truth, F.lower(text)).when(whole != "", whole).otherwise(text)
    if kind == "boolean":
        folded = F.lower(text)
        return F.when(folded.isin(*TRUE), True).when(folded.isin(*FALSE), False)
    if kind == "timestamp":
        text = _without_week_date(text)
        group = [F.regexp_extract(text, rf"(?s)\A{TIMESTAMP}\z", number) for number in range(7)]
        parts = [F.when(part == "", "00").otherwise(part) for part in group[2:6]]
        zone = F.when(
            F.length(group[6]) == 5, F.concat(F.substring(group[6], 1, 3), F.lit(":"), F.substring(group[6], 4, 2))
        )
        zone = zone.when(F.length(group[6]) == 3, F.concat(group[6], F.lit(":00"))).otherwise(group[6])
        clock = F.concat_ws(":", *parts[:3])
        moment = F.concat(group[1], F.lit(" "), clock, F.lit("."), parts[3], zone)
        return F.when(group[1] != "", moment.cast("timestamp").cast("timestamp_ntz"))
    number = F.when(_matches(text, NUMBER), text.cast("double"))
    number = F.when(F.abs(number) < float("inf"), number)
    if kind == "number":
        return number
    digits = F.regexp_extract(text, r"\A([+-]?[0-9]+)(?:\.0*)?\z", 1).cast("decimal(38,0)")
    return F.when(F.abs(digits) < INTEGER_LIMIT, digits.cast("bigint"))


def _without_week_date(text: Column) -> Column:
    """The text with the date of a week (2026-W05-1; Monday, where no day is said) as year, month and day."""
    group = [F.regexp_extract(text, rf"(?s)\A{WEEK_DATE}{CLOCK}\z", number) for number in range(4)]
    year, week = group[1].cast("int"), group[2].cast("int")
    day = F.when(group[3] == "", 1).otherwise(group[3].cast("int"))
    # 4 January is always in week 1
    fourth = F.make_date(F.when(year > 0, year), F.lit(1), F.lit(4))
    monday = F.date_add(fourth, (week - 1) * 7 - F.weekday(fourth))
    date = F.date_add(monday, day - 1)
    # a week belongs to the year of its Thursday: many years have no week 53
    there = (week > 0) & (F.year(F.date_add(monday, 3)) == year) & F.year(date).between(1, 9999)
    rest = F.regexp_replace(text, rf"\A{WEEK_DATE}", "")
    return F.when(group[0] == "", text).when(there, F.concat(F.date_format(date, "yyyy-MM-dd"), rest))


def _from_number(column: Column, kind: str) -> Column:
    if kind in ("category", "text"):
        return _number_text(column)
    if kind == "integer":
        return _whole(column)
    if kind == "boolean":
        return F.when(column == 1, True).when(column == 0, False)
    return F.when(F.abs(column) < float("inf"), column) if kind == "number" else F.lit(None)


def _from_integer(column: Column, kind: str) -> Column:
    if kind == "boolean":
        return F.when(column == 1, True).when(column == 0, False)
    return F.lit(None) if kind == "timestamp" else column


def _from_boolean(column: Column, kind: str) -> Column:
    return column if kind in ("boolean", "category", "text") else F.lit(None)


def _from_timestamp(column: Column, kind: str) -> Column:
    moment = column.cast("timestamp_ntz")
    if kind == "timestamp":
        return moment
    if kind not in ("category", "text"):
        return F.lit(None)
    # six digits of a second or none, as Python's isoformat has them
    micros = F.pmod(F.unix_micros(column.cast("timestamp")), F.lit(1_000_000))
    fraction = F.when(micros == 0, "").otherwise(F.concat(F.lit("."), F.lpad(micros.cast("string"), 6, "0")))
    return F.concat(F.date_format(column.cast("timestamp"), "yyyy-MM-dd'T'HH:mm:ss"), fraction, F.lit("Z"))


CONVERSIONS = {
    "text": _from_text,
    "number": _from_number,
    "integer": _from_integer,
    "boolean": _from_boolean,
    "timestamp": _from_timestamp,
}
"""From a type to another, by the contract's names: null where the value is none of that type."""


def _whole(number: Column) -> Column:
    return F.when((number == F.floor(number)) & (F.abs(number) < float(INTEGER_LIMIT)), number.cast("bigint"))


def _number_text(number: Column) -> Column:
    """A double in the fewest digits that mean it, without exponent and without `.0`, as `values.number_text` has it.

    Python writes it, because Java has other digits for some doubles: 4.9E-324 for 5e-324.
    """

    # a function within a function: Spark's workers cannot import this script, so it must travel by value
    def shortest(value: float | None) -> str | None:
        from decimal import Decimal

        if value is None or value != value or value in (float("inf"), float("-inf")):
            return None
        text = format(Decimal(repr(value)), "f")
        text = text.rstrip("0").rstrip(".") if "." in text else text
        return "0" if text == "-0" else text

    return F.udf(shortest, "string")(number.cast("double"))


def fold_of(kinds: dict[str, str], plan: Plan) -> Column:
    """What decides a row's fold: its group where the contract has groups, else its key, else the row as accepted.

    None of the three depends on the order of the contract's columns, on which of them the model uses, or on other
    rows. So a row keeps its fold when the contract changes, and equal rows share one. (Hence the folds are not
    stratified: the classes of a fold are those of its rows, as chance has it. The manifest's `target` counts them.)
    """
    fold = F.to_json(_by_name(F.col("_stored")))
    for names in (plan.key, plan.group):
        if names:
            fold = F.when(_all_there(names), _identity({name: kinds[name] for name in names})).otherwise(fold)
    return fold


def _by_name(stored: Column) -> Column:
    return F.map_from_entries(F.array_sort(F.map_entries(stored)))


def deduplicate(rows: DataFrame, plan: Plan) -> DataFrame:
    """One row for each key (the latest `_arrived_at`, then the highest `_row`); every row where there is no key.

    Rows that are equal stay, since different people may answer alike; `data.duplicates: remove` takes them together
    where there is no key. A row whose key is missing is nobody's older version: it stays too.

    Adds `_fold` (see `fold_of`), `_fraction` in [0, 1) from its SHA-256, and `_exact`, `_superseded`: how many rows
    this one stands for beyond itself, as exact copies and as older rows of the key.
    """
    names, kinds = list(plan.columns), dict(rows.dtypes)
    content = F.to_json(F.struct(*map(_quoted, names)))
    place = F.concat_ws("/", content, "_dataset", F.col("_row").cast("string"))
    identity = F.sha2(content if plan.remove_duplicates and not plan.key else place, 256)
    if plan.key:
        complete = _all_there(plan.key)
        identity = F.when(complete, F.sha2(F.to_json(F.struct(*map(_quoted, plan.key))), 256)).otherwise(identity)
    rows = rows.withColumn("_whole", F.sha2(content, 256)).withColumn("_hash", identity)
    # null where the file of the row has no row numbers
    rows = rows.withColumn("_place", F.concat("_dataset", F.lit("/"), F.col("_row").cast("string")))
    rows = rows.withColumn("_fold", fold_of(kinds, plan)).withColumn("_stored", F.to_json(_by_name(F.col("_stored"))))
    origin = ["_whole", "_place", "_stored", "_fold"]
    if plan.key or plan.remove_duplicates:
        # The row's own hash breaks ties, so that two rows of equal age and number always give the same winner.
        age = ["_arrived_at", "_row"]
        candidate = F.struct(*age, *origin, F.struct(*map(_quoted, names)).alias("_values"))
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
                "_winner._values.*", *[f"_winner.{name}" for name in origin[:3]], F.col(fold).alias("_fold"),
                "_hash", "_exact", "_superseded",
            )
        )  # fmt: skip
    else:
        none = F.lit(0).cast("bigint")
        result = rows.select(*map(_quoted, names), *origin, "_hash", none.alias("_exact"), none.alias("_superseded"))
    # 13 hex digits are 52 bits: exact in a double.
    number = F.conv(F.substring(F.sha2("_fold", 256), 1, 13), 16, 10).cast("double")
    return result.withColumn("_fraction", number / F.lit(float(1 << 52)))


def _all_there(names: Iterable[str]) -> Column:
    whole = F.lit(True)
    for name in names:
        whole = whole & _quoted(name).isNotNull()
    return whole


def split(rows: DataFrame, plan: Plan) -> DataFrame:
    """Adds `_part`. By time: whole instants stay together, the oldest in train, the newest in test.

    By chance, test is cut from one end and validation from the other: another share moves rows between that part and
    train, and no others.
    """
    if plan.split_by == "random":
        part = F.when(F.col("_fraction") < plan.test, "test")
        part = part.when(F.col("_fraction") >= round(1 - plan.validation, 9), "validation").otherwise("train")
        return rows.withColumn("_part", part)
    assert plan.time is not None  # noqa: S101 (Plan.of has checked it)
    cuts = [round(1 - plan.test - plan.validation, 9), round(1 - plan.test, 9)]
    seconds = F.unix_micros(_quoted(plan.time).cast("timestamp"))
    exact = rows.agg(F.percentile_approx(seconds, cuts, 1_000_000).alias("cuts")).first()["cuts"]
    if exact is None:
        raise CleaningError(f"no row has a {plan.time}: a split by time is impossible")
    part = F.when(seconds <= exact[0], "train").when(seconds <= exact[1], "validation").otherwise("test")
    return rows.withColumn("_part", part)


def _ids(rows: DataFrame, contents: Column) -> DataFrame:
    """`_hash` and `id` (64 bits): by its place in the accepted files, by its content and by what decides its fold."""
    kinds = {"place": F.col("_place"), "row": contents, "fold": F.col("_fold")}
    hashed = [F.when(value.isNotNull(), F.xxhash64(F.lit(kind), value)) for kind, value in kinds.items()]
    return rows.select("_hash", F.explode(F.array(*hashed)).alias("id")).where("id is not null")


def _contents(columns: list[str]) -> Column:
    """The row as it was accepted, in these columns."""
    stored = F.from_json("_stored", "map<string,string>")
    return F.to_json(_by_name(F.map_filter(stored, lambda name, _: name.isin(columns))))


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


def write_parts(rows: DataFrame, parts: list[str], plan: Plan, output: str, store: Store) -> None:
    """Writes one CSV for each of `parts`; `rows` holds `_part` and `_hash`."""
    names = [*plan.columns, *(name for name in rows.columns if name.startswith("_seen_by_"))]
    text = []
    for name, kind in rows.select(*map(_quoted, names)).dtypes:
        column = _quoted(name)
        if kind.startswith("timestamp"):
            column = F.regexp_replace(column.cast("timestamp_ntz").cast("string"), " ", "T")
        text.append(column.alias(name))
    order = [_quoted(plan.time)] if plan.split_by == "time" and plan.time else []
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


def count_read(accepted: Accepted, plan: Plan) -> list[dict[str, Any]]:
    """For each dataset: rows `n`, rows without a target and without a time, and values of each column not kept."""
    no_target, no_time = _unusable(plan)
    measures = [
        F.count(F.lit(1)).alias("n"),
        F.sum(no_target.cast("bigint")).alias("unlabelled"),
        F.sum((~no_target & no_time).cast("bigint")).alias("undated"),
    ]
    measures += [F.sum(F.col(flag).cast("bigint")).alias(flag) for flag in accepted.checked.values()]
    found = accepted.rows.groupBy("_dataset").agg(*measures).collect()
    return sorted((group.asDict() for group in found), key=lambda group: str(group["_dataset"]))


def _unusable(plan: Plan) -> tuple[Column, Column]:
    no_target = F.lit(False) if plan.target is None else _quoted(plan.target).isNull()
    no_time = _quoted(plan.time).isNull() if plan.split_by == "time" and plan.time else F.lit(False)
    return no_target, no_time


def losses_when_read(read: list[dict[str, Any]], accepted: Accepted, plan: Plan) -> list[Loss]:
    """What does not come through from the datasets to the contract's columns, one loss for a reason and a column."""
    found: list[Loss] = []
    grouped: dict[tuple[str, str, str], list[tuple[str, int, int]]] = {}
    for group in read:
        dataset, rows, present = group["_dataset"], group["n"], accepted.found[group["_dataset"]]
        unreadable = {name: int(group[flag] or 0) for name, flag in accepted.checked.items()}
        for reason, column, count in (
            ("no_target", plan.target, group["unlabelled"]),
            ("no_time", plan.time, group["undated"]),
        ):
            if count and column:
                converted = min(count, unreadable.pop(column, 0))
                grouped.setdefault((f"{reason}_of_type", column, present[column]), []).append(
                    (dataset, converted, rows)
                )
                grouped.setdefault((reason, column, ""), []).append((dataset, count - converted, rows))
        for name, count in unreadable.items():
            grouped.setdefault(("not_converted", name, present.get(name, "")), []).append((dataset, count, rows))
        for name in plan.columns:
            if name not in present:
                grouped.setdefault(("column_absent", name, ""), []).append((dataset, rows, rows))
        for name in present:
            if name not in plan.columns:
                grouped.setdefault(("column_left_out", name, ""), []).append((dataset, rows, rows))
    for (reason, column, source), places in grouped.items():
        affected = [place for place in places if place[1]]
        if affected:
            datasets, count, of = (
                tuple(d for d, _, _ in affected),
                sum(n for _, n, _ in affected),
                sum(r for *_, r in affected),
            )
            text = _sentence(reason, column, source, plan.kinds.get(column, ""), _share(count, of), _where(datasets))
            found.append(Loss(reason.removesuffix("_of_type"), column, datasets, count, of, text))
    return found


def _sentence(reason: str, column: str, source: str, kind: str, share: str, where: str) -> str:
    if reason == "no_target_of_type":
        why = f"target {column!r} is {source} there and the contract says {kind}"
        return f"{share} rows of {where} have no label because {why}"
    if reason == "no_time_of_type":
        return f"{share} rows of {where} have no time because {column!r} is {source} there and the contract says {kind}"
    if reason == "no_target":
        return f"{share} rows of {where} have no label: target {column!r} is missing"
    if reason == "no_time":
        return f"{share} rows of {where} have no time: {column!r} is missing, and the split is by time"
    if reason == "not_converted":
        return (
            f"{share} values of {column!r} in {where} cannot be kept: the column is {source} there, the contract says "
            f"{kind}, and they are not {kind} values"
        )
    if reason == "column_absent":
        return f"{column!r} is missing in all rows of {where}, which came without that column"
    return f"{column!r} of {where} is left out: the contract has no such column"


def _share(count: int, of: int) -> str:
    return f"all {of:,}" if count == of else f"{count:,} of {of:,}"


def _where(datasets: tuple[str, ...]) -> str:
    if len(datasets) <= NAMED:
        return " and ".join([", ".join(datasets[:-1]), datasets[-1]]) if len(datasets) > 1 else datasets[0]
    return f"{len(datasets)} datasets ({', '.join(datasets[:NAMED])}, …)"


def losses_by_duplicates(rows: DataFrame, read: list[dict[str, Any]], plan: Plan) -> tuple[list[Loss], int, int]:
    """Equal and superseded rows, as losses and as the two counts."""
    total = sum(group["n"] for group in read)
    datasets = tuple(group["_dataset"] for group in read)
    measures = [F.count(F.lit(1)).alias("n"), F.sum("_exact").alias("exact"), F.sum("_superseded").alias("old")]
    measures.append(F.countDistinct("_whole").alias("distinct"))
    keyless = ~_all_there(plan.key) if plan.key else F.lit(False)
    measures.append(F.sum(keyless.cast("bigint")).alias("keyless"))
    groupless = ~_all_there(plan.group) if plan.group else F.lit(False)
    measures.append(F.sum(groupless.cast("bigint")).alias("groupless"))
    counted = rows.agg(*measures).first()
    exact, old, keyless_rows, alone = (int(counted[name] or 0) for name in ("exact", "old", "keyless", "groupless"))
    equal = counted["n"] - counted["distinct"]
    key = ", ".join(plan.key)
    found = []

    def add(reason: str, count: int, text: str) -> None:
        if count:
            found.append(Loss(reason, None, datasets, count, total, f"{_share(count, total)} rows {text}"))

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


def check_limit(losses: list[Loss], total: int, plan: Plan) -> None:
    """Raises CleaningError when more rows, or more of a column's values, would go than the contract allows.

    Rows that a later row of their key replaces do not count: the contract asks for that.
    """
    gone = [loss for loss in losses if loss.reason in ("no_target", "no_time", "equal_removed")]
    rows = sum(loss.rows for loss in gone)
    too_much = gone if rows > plan.max_lost * total else []
    values: dict[str, int] = {}
    for loss in losses:
        if loss.reason == "not_converted" and loss.column:
            values[loss.column] = values.get(loss.column, 0) + loss.rows
    worst = [name for name, count in values.items() if count > plan.max_lost * total]
    too_much = [*too_much, *(loss for loss in losses if loss.reason == "not_converted" and loss.column in worst)]
    if too_much:
        raise CleaningError(
            f"{'; '.join(loss.text for loss in too_much[:8])}. That is more than data.expectations.max_lost_rows "
            f"allows ({plan.max_lost:.4g} of {total:,} rows): correct the contract, or correct the files and drop them "
            "again, or raise that limit"
        )


def summarise(rows: DataFrame, plan: Plan) -> tuple[dict[str, int], dict[str, Any], list[Loss]]:
    """Rows and target of each part, and where the parts are not as asked for; refuses an unusable split."""
    measures = [F.count(F.lit(1)).alias("n")]
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
            f"validation {plan.validation}, test {plan.test}{_ties(rows, plan)}; bring more data or change data.split"
        )
    if classes:
        _check_classes(targets, counts, plan)
    return counts, targets, _uneven(rows, counts, total, plan)


def _check_classes(targets: dict[str, dict[str, int]], counts: dict[str, int], plan: Plan) -> None:
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
    alike = [part for part in plan.parts if len(targets[part]) < 2]
    if alike:
        told = " and ".join(f"all {counts[part]:,} rows of {part}" for part in alike)
        raise CleaningError(
            f"{told} have the same {plan.target}: nothing can be measured on them; bring more data or change data.split"
        )


def _ties(rows: DataFrame, plan: Plan) -> str:
    if plan.split_by != "time" or plan.time is None:
        if plan.group:
            return f"; rows of one group ({', '.join(plan.group)}) lie in one part"
        return "" if plan.key else "; equal rows lie in one part, unless data.key names what identifies each"
    counts = (
        rows.groupBy(_quoted(plan.time)).count().agg(F.count(F.lit(1)).alias("times"), F.max("count").alias("most"))
    )
    found = counts.first()
    if found["most"] is None or found["most"] == 1:
        return ""
    return (
        f"; the rows have {found['times']:,} different {plan.time!r}, up to {found['most']:,} rows share one, and rows "
        "of one time stay together"
    )


def _uneven(rows: DataFrame, counts: dict[str, int], total: int, plan: Plan) -> list[Loss]:
    """Parts that are far from the share that the contract asks for, as rows that stay together bring about."""
    asked = {"train": 1 - plan.validation - plan.test, "validation": plan.validation, "test": plan.test}
    # by chance a part of few rows is that far off, too: four standard deviations are not chance
    chance = 0.0 if plan.split_by == "time" else 4.0
    far = {
        part: count
        for part, count in counts.items()
        if abs(count / total - asked[part]) > max(UNEVEN, chance * (asked[part] * (1 - asked[part]) / total) ** 0.5)
    }
    if not far:
        return []
    told = ", ".join(
        f"{part} holds {count:,} of {total:,} rows ({asked[part]:.0%} asked for)" for part, count in far.items()
    )
    return [Loss("uneven_split", plan.time, (), sum(far.values()), total, told + _ties(rows, plan))]


def clean(
    spark: SparkSession, accepted: str, inputs: str, output: str, run_id: str, compared: dict[str, str]
) -> dict[str, Any]:
    """Does the job and returns the manifest that it wrote; for `compared` see `mark_seen`."""
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    spark.conf.set("spark.sql.ansi.enabled", "false")
    store = Store(spark)
    output = output.rstrip("/") + "/"
    frozen = json.loads(store.read(inputs))
    plan = Plan.of(frozen["contract"])
    datasets = sorted(set(frozen["datasets"]))
    raw = read_accepted(spark, accepted, datasets, plan)
    read = count_read(raw, plan)
    total = sum(group["n"] for group in read)
    losses = losses_when_read(read, raw, plan)
    check_limit(losses, total, plan)
    no_target, no_time = _unusable(plan)
    rows = deduplicate(raw.rows.where(~no_target & ~no_time), plan)
    rows = split(rows, plan).cache()
    duplicates, exact, superseded = losses_by_duplicates(rows, read, plan)
    losses += duplicates
    check_limit(losses, total, plan)
    counts, targets, uneven = summarise(rows, plan)
    losses += uneven
    write_trained_on(rows, plan, output)
    test, seen = mark_seen(rows, compared, spark, store)
    write_parts(rows, [part for part in plan.parts if part != "test" or not seen], plan, output, store)
    if seen:
        write_parts(test, ["test"], plan, output, store)
    types = dict(rows.dtypes)
    manifest = {
        "format": 1,
        "run_id": run_id,
        "inputs": [{"dataset_id": group["_dataset"], "rows": group["n"]} for group in read],
        "rows_read": total,
        "null_target_dropped": sum(group["unlabelled"] for group in read),
        "null_time_dropped": sum(group["undated"] for group in read),
        "exact_duplicates_removed": exact,
        "superseded_by_key_removed": superseded,
        "duplicates_removed": exact + superseded,
        "losses": [loss.to_json() for loss in losses],
        "max_lost_rows": plan.max_lost,
        "duplicates": "remove" if plan.remove_duplicates else "keep",
        "rows": counts,
        "target": targets,
        "columns": [{"name": name, "type": types[name]} for name in plan.columns],
        "key": plan.key,
        "split": {"by": plan.split_by, "validation": plan.validation, "test": plan.test, "group": plan.group},
        "folds": {"rule": FOLD_RULE, "stratified": False},
        "seen": seen,
        "script_sha256": hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
    }
    store.write(f"{output}manifest.json", json.dumps(manifest, indent=1, sort_keys=True).encode())
    return manifest


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("--accepted", "--inputs", "--output", "--run-id"):
        parser.add_argument(name, required=True)
    for role in COMPARED:
        parser.add_argument(f"--{role}-prepared", default=NO_MODEL)
    # Glue adds arguments of its own (--JOB_NAME, --TempDir, ...).
    arguments, _ = parser.parse_known_args(argv)
    spark = SparkSession.builder.appName("clean_dataset").getOrCreate()
    addresses = {role: getattr(arguments, f"{role}_prepared") for role in COMPARED}
    compared = {role: address for role, address in addresses.items() if address != NO_MODEL}
    manifest = clean(spark, arguments.accepted, arguments.inputs, arguments.output, arguments.run_id, compared)
    for loss in manifest["losses"]:
        print(loss["text"])
    print(json.dumps({"rows_read": manifest["rows_read"], "rows": manifest["rows"]}))


if __name__ == "__main__":
    main(sys.argv[1:])
