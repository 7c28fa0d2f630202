"""Rows and target of train, validation and test, and whether the split can be used."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 (Spark's own convention)

from cleaning.columns import quoted
from cleaning.errors import CleaningError
from cleaning.losses import Loss
from cleaning.plan import CLASSIFICATION, Plan

UNEVEN = 0.05
"""A part whose share of the rows is this far from what data.split asks for is reported."""


def summarise(rows: DataFrame, plan: Plan) -> tuple[dict[str, int], dict[str, Any], list[Loss]]:
    """Rows and target of each part, and where the parts are not as asked for; refuses an unusable split."""
    measures = [F.count(F.lit(1)).alias("n")]
    classes = plan.target is not None and plan.problem in CLASSIFICATION
    grouping = ["_part"]
    if classes:
        rows = rows.withColumn("_class", quoted(str(plan.target)).cast("string"))
        grouping.append("_class")
    elif plan.target is not None:
        target = quoted(plan.target).cast("double")
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
    counts = rows.groupBy(quoted(plan.time)).count().agg(F.count(F.lit(1)).alias("times"), F.max("count").alias("most"))
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
