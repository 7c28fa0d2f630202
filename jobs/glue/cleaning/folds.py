"""Which part a row lies in. It keeps its fold for life: see `fold_of`."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 (Spark's own convention)

from cleaning.canonical import by_name, identity
from cleaning.columns import all_there, quoted
from cleaning.errors import CleaningError
from cleaning.plan import Plan

FOLD_RULE = 2
"""Counts the ways in which this job has dealt rows to folds: 1 hashed the row as the contract of the run read it."""


def fold_of(kinds: dict[str, str], plan: Plan) -> Column:
    """What decides a row's fold: its group where the contract has groups, else its key, else the row as accepted.

    None of the three depends on the order of the contract's columns, on which of them the model uses, or on other
    rows. So a row keeps its fold when the contract changes, and equal rows share one. (Hence the folds are not
    stratified: the classes of a fold are those of its rows, as chance has it. The manifest's `target` counts them.)
    """
    fold = F.to_json(by_name(F.col("_stored")))
    for names in (plan.key, plan.group):
        if names:
            fold = F.when(all_there(names), identity({name: kinds[name] for name in names})).otherwise(fold)
    return fold


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
    seconds = F.unix_micros(quoted(plan.time).cast("timestamp"))
    exact = rows.agg(F.percentile_approx(seconds, cuts, 1_000_000).alias("cuts")).first()["cuts"]
    if exact is None:
        raise CleaningError(f"no row has a {plan.time}: a split by time is impossible")
    part = F.when(seconds <= exact[0], "train").when(seconds <= exact[1], "validation").otherwise("test")
    return rows.withColumn("_part", part)
