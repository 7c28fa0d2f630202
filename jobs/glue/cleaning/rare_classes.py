"""Rows of classes so rare that train has none of them: no model could learn these classes, or answer them.

They are left out of validation and test, and counted; otherwise one misspelt label would stop every training. If a
class of many rows has none in train, chance is not the reason but the split: `balance` refuses that.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812 (Spark's own convention)

from cleaning.columns import quoted
from cleaning.losses import Loss, share
from cleaning.plan import Plan

RARE = 10
"""A class of fewer rows may lie outside train by chance. With the default shares, that is 4 in 10 of a class of one
row, and 3 in 10,000 of one of nine."""


def leave_out_rare_classes(rows: DataFrame, plan: Plan) -> tuple[DataFrame, list[Loss]]:
    """The rows whose class is in train or not rare, and what is left out. A binary target keeps all its rows.

    Nothing is left out if `data.expectations.max_lost_rows` does not allow it, or if only one class would remain.
    """
    if plan.target is None or plan.problem != "multiclass":
        return rows, []
    of_row = quoted(plan.target).cast("string")
    groups = (
        rows.groupBy(of_row.alias("class"))
        .agg(F.count(F.lit(1)).alias("n"), F.count(F.when(F.col("_part") == "train", 1)).alias("learned"))
        .collect()
    )
    total = sum(group["n"] for group in groups)
    gone = {str(group["class"]): int(group["n"]) for group in groups if not group["learned"] and group["n"] < RARE}
    count = sum(gone.values())
    if not gone or count > plan.max_lost * total or len(groups) - len(gone) < 2:
        return rows, []
    # no row may be quoted where Glue shows it: classes that the contract does not name are only counted
    named = sorted(gone) if plan.known_classes.issuperset(gone) else []
    whose = f"whose {plan.target} is {', '.join(named)}" if named else f"of {_classes(len(gone))} of {plan.target}"
    text = (
        f"{share(count, total)} rows {whose} are left out: train has no row of that class, so that no model could "
        "answer it"
    )
    return rows.where(~of_row.isin(list(gone))), [Loss("rare_class", plan.target, (), count, total, text)]


def _classes(count: int) -> str:
    return "a rare class" if count == 1 else f"{count:,} rare classes"
