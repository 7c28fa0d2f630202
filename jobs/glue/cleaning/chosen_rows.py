"""Which of the usable rows a run learns from: those of no data fault, of the contract's window, and by their age.

run.json says it (`left_out`, `window`); here it is carried out and counted. A row's time is that of the contract's time
column, else that of its arrival.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 (Spark's own convention)

from cleaning.columns import quoted
from cleaning.losses import Loss, share
from cleaning.plan import Plan

MOMENT = "_moment"
"""The row's time in microseconds since 1970."""


def with_moment(rows: DataFrame, plan: Plan) -> DataFrame:
    """Adds MOMENT; null for a row that has neither time."""
    arrived = F.unix_micros(F.col("_arrived_at").cast("timestamp"))
    own = _own_time(plan)
    return rows.withColumn(MOMENT, arrived if own is None else F.coalesce(own, arrived))


def leave_out_faults(
    rows: DataFrame, left_out: list[dict[str, Any]], created_at: str, total: int, plan: Plan
) -> tuple[DataFrame, list[Loss], list[dict[str, Any]]]:
    """The rows that no fault covers, the losses, and for each fault its facts with `rows` of all that is left out.

    `left_out` is that of run.json. Datasets that arrived in a fault's time are not read at all; here the contract's
    time column finds the rows of that time in datasets that arrived later. `total`: rows that were read.
    """
    if not left_out:
        return rows, [], []
    own = _own_time(plan)
    place: Column = F.lit(None).cast("int")
    if own is not None:
        # a row belongs to the first fault that covers it
        for number, fault in reversed(list(enumerate(left_out))):
            since, until = micros(fault["since"]), micros(fault["until"] or created_at)
            place = F.when((own >= since) & (own < until), number).otherwise(place)
    marked = rows.withColumn("_fault", place)
    counts: dict[int, int] = {}
    if own is not None:
        counted = marked.where("_fault is not null").groupBy("_fault").agg(F.count(F.lit(1)).alias("n")).collect()
        counts = {int(group["_fault"]): int(group["n"]) for group in counted}
    everything = total + sum(int(fault["rows"]) for fault in left_out)
    losses, facts = [], []
    for number, fault in enumerate(left_out):
        later, arrived = counts.get(number, 0), int(fault["rows"])
        facts.append({**fault, "rows": arrived + later, "rows_by_arrival": arrived, "rows_by_time": later})
        if arrived + later:
            text = _of_fault(fault, arrived, later, everything)
            losses.append(Loss("data_fault", None, tuple(fault["datasets"]), arrived + later, everything, text))
    return marked.where("_fault is null").drop("_fault"), losses, facts


def start_of(window: dict[str, Any], end: int) -> int | None:
    """When a window begins that ends at `end`; None for one since a drift where none is known."""
    if window["kind"] == "last":
        return end - int(window["seconds"]) * 1_000_000
    if window["kind"] == "since_drift":
        return micros(window["since"]) if window.get("since") else None
    return 0


def within_window(
    rows: DataFrame, window: dict[str, Any] | None, created_at: str
) -> tuple[DataFrame, list[Loss], dict[str, Any] | None]:
    """The rows of the contract's window, the losses, and what the window came to; `rows` have MOMENT.

    `window` is that of run.json: `kind`, `seconds` or `since`, `min_rows`. The last N days are those before the newest
    row, or before the run where a row lies in its future. A window with too few rows is not used, and says so. Several
    windows are left to `mark_windows`.
    """
    if window is None or window["kind"] in ("all", "compared"):
        return rows, [], window
    # only a window of the last days ends at the newest row, which takes a look at all of them
    start = start_of(window, newest_of(rows, created_at) if window["kind"] == "last" else 0)
    if start is None:
        return rows, [], {**window, "used": False}
    inside = F.col(MOMENT).isNull() | (F.col(MOMENT) >= start)
    counted = rows.agg(F.count(F.lit(1)).alias("n"), F.sum(inside.cast("bigint")).alias("kept")).first()
    total, kept = int(counted["n"]), int(counted["kept"] or 0)
    facts = {**window, "from": iso(start), "rows": kept, "of": total, "used": kept >= int(window["min_rows"])}
    named = f"retrain.window {window['text']}, from {iso(start)}"
    if not facts["used"]:
        text = (
            f"the window ({named}) holds {share(kept, total)} usable rows, and retrain.min_rows asks for "
            f"{window['min_rows']:,}: all rows are learned from"
        )
        return rows, [Loss("window_too_small", None, (), kept, total, text)], facts
    if kept == total:
        return rows, [], facts
    text = f"{share(total - kept, total)} rows are older than the window ({named}) and are left out"
    return rows.where(inside), [Loss("older_than_window", None, (), total - kept, total, text)], facts


def thin_by_age(
    rows: DataFrame, window: dict[str, Any] | None, created_at: str
) -> tuple[DataFrame, list[Loss], dict[str, Any] | None]:
    """Rows for training and validation, kept with the chance 2^(-age / half life); the losses and the facts.

    `rows` have MOMENT, `_part` and `_hash`, which decides by itself whether a row is kept: the same rows give the
    same choice, and a row that is left out once stays out as it ages. Test rows are all kept.
    """
    half_life = (window or {}).get("half_life_seconds")
    if not half_life:
        return rows, [], None
    newest = newest_of(rows, created_at)
    age = F.greatest(F.lit(newest) - F.coalesce(F.col(MOMENT), F.lit(newest)), F.lit(0)) / F.lit(1e6)
    # of another hash than the fold's: the rows of a part must not lie in a part of its range
    chance = F.conv(F.substring(F.sha2(F.concat(F.lit("age/"), F.col("_hash")), 256), 1, 13), 16, 10).cast("double")
    kept = (F.col("_part") == "test") | (chance / F.lit(float(1 << 52)) < F.pow(F.lit(0.5), age / float(half_life)))
    learned = (F.col("_part") != "test").cast("bigint")
    counted = rows.agg(F.sum(learned).alias("n"), F.sum(learned * kept.cast("bigint")).alias("kept")).first()
    total, left = int(counted["n"] or 0), int(counted["kept"] or 0)
    facts = {"half_life_seconds": half_life, "rows": left, "of": total, "newest": iso(newest)}
    text = (
        f"{share(total - left, total)} rows for training are left out by their age: with retrain.half_life "
        f"{(window or {}).get('half_life')} a row of that age before {iso(newest)} is kept with a chance of one half"
    )
    losses = [Loss("thinned_by_age", None, (), total - left, total, text)] if left < total else []
    return rows.where(kept), losses, facts


def micros(moment: str) -> int:
    """Microseconds since 1970 of a time in ISO 8601; UTC where it has no offset."""
    parsed = dt.datetime.fromisoformat(moment)
    parsed = parsed if parsed.tzinfo else parsed.replace(tzinfo=dt.UTC)
    return (parsed - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def newest_of(rows: DataFrame, created_at: str) -> int:
    newest = rows.agg(F.max(MOMENT).alias("newest")).first()["newest"]
    now = micros(created_at)
    return now if newest is None else min(int(newest), now)


def iso(moment: int) -> str:
    return (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=moment)).isoformat()


def _own_time(plan: Plan) -> Column | None:
    """None where the contract has no time column."""
    if plan.time is None or plan.kinds.get(plan.time, "timestamp") != "timestamp":
        return None
    return F.unix_micros(quoted(plan.time).cast("timestamp"))


def _of_fault(fault: dict[str, Any], arrived: int, later: int, everything: int) -> str:
    columns = f" in {', '.join(fault['columns'])}" if fault["columns"] else ""
    parts = [f"{arrived:,} arrived in that time"] if arrived else []
    parts += [f"{later:,} are of that time"] if later else []
    return (
        f"{share(arrived + later, everything)} rows are left out because of a data fault ({fault['reason']}{columns}, "
        f"{fault['since']} to {fault['until'] or 'now'}): {' and '.join(parts)}. If the change is real, `sluice "
        f"accept-drift` brings them back (change {fault['change_id']})"
    )
