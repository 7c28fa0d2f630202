"""`retrain.window` with several windows: which of them a row lies in, for the training jobs to compare and to choose.

A training job fits a quick model for each window on the rows that the window would have had some time ago, and measures
all of them on the newest rows, which none has learned from (`jobs/learn/windows.py`). Times are judged here alone:

IN_WINDOW   a character for each window of the contract: `1` if the row lies in it, `0` if not, `-` for a window that is
            not compared
COMPARED    NEW for the newest rows, else the same for the windows as they were before these came

The newest rows are a fifth of those for training, at most half of the shortest window's. Test rows are those of the
shortest window, which lie in all of them.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 (Spark's own convention)

from cleaning.chosen_rows import MOMENT, iso, newest_of, start_of
from cleaning.losses import Loss, share

IN_WINDOW, COMPARED, NEW = "_in_window", "_compared", "new"
NEWEST, OF_SHORTEST = 0.2, 0.5
_EXACT = 1_000_000


def mark_windows(
    rows: DataFrame, window: dict[str, Any] | None, created_at: str
) -> tuple[DataFrame, list[Loss], dict[str, Any] | None]:
    """The rows of the windows, marked if there is a choice; the losses; what the windows came to.

    `window` is that of run.json, of the kind `compared`; others are left to `within_window`. `rows` have MOMENT and
    `_part`. A window with fewer rows than `min_rows` is not compared, nor is one since a drift while none is known. If
    one is left, its rows are kept; if none is, all are.
    """
    if window is None or window["kind"] != "compared":
        return rows, [], window
    newest, learned = newest_of(rows, created_at), F.col("_part") != "test"
    moment = F.coalesce(F.col(MOMENT), F.lit(newest))
    starts = [start_of(each, newest) for each in window["windows"]]
    counts = [F.sum((learned & (moment >= start)).cast("bigint")) for start in starts if start is not None]
    kept = [F.sum((moment >= start).cast("bigint")) for start in starts if start is not None]
    found = rows.agg(F.count(F.lit(1)), F.sum(learned.cast("bigint")), *counts, *kept).first()
    total, own, known = int(found[0]), int(found[1] or 0), len(counts)
    every = iter(zip(found[2 : 2 + known], found[2 + known :]))
    facts, losses = [], []
    for each, start in zip(window["windows"], starts):
        fact = {**each, "from": None, "rows": None, "why_not": None}
        if start is None:
            fact["why_not"] = "no drift is known yet"
        else:
            fact["learned"], fact["rows"] = (int(number or 0) for number in next(every))
            fact["from"] = None if each["kind"] == "all" else iso(start)
            if each["kind"] != "all" and fact["rows"] < int(window["min_rows"]):
                few = f"{share(fact['rows'], total)} usable rows, and retrain.min_rows asks for {window['min_rows']:,}"
                fact["why_not"] = f"it holds {few}"
                text = f"the window {each['text']} of retrain.window is not compared: it holds {few}"
                losses.append(Loss("window_too_small", None, (), fact["rows"], total, text))
        facts.append(fact)
    usable = [(fact, start) for fact, start in zip(facts, starts) if start is not None and not fact["why_not"]]
    told = {**window, "windows": facts, "of": total, "used": bool(usable)}
    if not usable:
        return rows, losses, told
    longest, shortest = min(start for _, start in usable), max(start for _, start in usable)
    inside = moment >= F.when(learned, longest).otherwise(shortest)
    kept_rows = rows.where(inside)
    left = rows.agg(F.sum((~inside).cast("bigint"))).first()[0] or 0
    if left:
        named = f"older than the windows ({window['text']}), for the test older than the shortest"
        text = f"{share(int(left), total)} rows are {named}, and are left out"
        losses.append(Loss("older_than_window", None, (), int(left), total, text))
    if longest == shortest:
        return kept_rows, losses, told
    size = min(NEWEST * own, OF_SHORTEST * min(fact["learned"] for fact, _ in usable))
    cut = int(rows.where(learned).agg(F.percentile_approx(moment, 1 - size / own, _EXACT).alias("cut")).first()["cut"])
    marked = kept_rows.withColumn(IN_WINDOW, _marks(facts, starts, moment))
    earlier = [start_of(each, cut) for each in window["windows"]]
    before = _marks(facts, earlier, moment)
    marked = marked.withColumn(COMPARED, F.when(moment >= cut, NEW).otherwise(before))
    return marked, losses, {**told, "compared_from": iso(cut)}


def _marks(facts: list[dict[str, Any]], starts: list[int | None], moment: Column) -> Column:
    characters = [
        F.lit("-") if fact["why_not"] or start is None else F.when(moment >= start, "1").otherwise("0")
        for fact, start in zip(facts, starts)
    ]
    return F.concat(*characters)
