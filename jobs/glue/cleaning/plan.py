"""What the contract asks of the cleaning job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cleaning.errors import CleaningError
from cleaning.markers import Markers

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
MAX_LOST_ROWS = 0.05


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
    missing: dict[str, Markers] = field(default_factory=dict)
    """Declared column to what means "missing" in it."""
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
        of_all = data.get("format") or {}
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


def _markers(column: dict[str, Any], of_all: dict[str, Any]) -> Markers:
    def chosen(name: str) -> tuple[str, ...]:
        own = column.get(name)
        return tuple((of_all.get(name) if own is None else own) or ())

    return Markers(chosen("missing"), chosen("dates"))


def _known_classes(column: dict[str, Any], problem: dict[str, Any]) -> frozenset[str]:
    # true and false are a type's values, not a row's
    named = [*(column.get("values") or []), problem.get("positive"), "true", "false"]
    return frozenset(str(name) for name in named if name is not None)
