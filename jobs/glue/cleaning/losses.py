"""What is removed, becomes missing or changes, in words; and the limit beyond which the job stops.

`sluice.changes.losses` says the same of a changed contract before a run: tests hold the two against each other. It is
without Spark, so that they can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cleaning.errors import CleaningError
from cleaning.plan import Plan

NAMED = 3
"""Datasets that a sentence names; more are counted."""


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


def losses_when_read(
    read: list[dict[str, Any]], columns: dict[str, dict[str, str]], checked: dict[str, str], plan: Plan
) -> list[Loss]:
    """What does not come through from the datasets to the contract's columns, one loss for a reason and a column.

    `read`: see `reading.count_read`; `columns` and `checked`: `found` and `checked` of `reading.Accepted`.
    """
    found: list[Loss] = []
    grouped: dict[tuple[str, str, str], list[tuple[str, int, int]]] = {}
    for group in read:
        dataset, rows, present = group["_dataset"], group["n"], columns[group["_dataset"]]
        unreadable = {name: int(group[flag] or 0) for name, flag in checked.items()}
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
            text = sentence(reason, column, source, plan.kinds.get(column, ""), share(count, of), where(datasets))
            found.append(Loss(reason.removesuffix("_of_type"), column, datasets, count, of, text))
    return found


def sentence(reason: str, column: str, source: str, kind: str, share: str, where: str) -> str:
    """A loss in words. `source` and `kind`: the column's type in the files and in the contract."""
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


def share(count: int, of: int) -> str:
    """`12 of 34,567`, or `all 12`."""
    return f"all {of:,}" if count == of else f"{count:,} of {of:,}"


def where(datasets: tuple[str, ...]) -> str:
    """Names the datasets, or counts them."""
    if len(datasets) <= NAMED:
        return " and ".join([", ".join(datasets[:-1]), datasets[-1]]) if len(datasets) > 1 else datasets[0]
    return f"{len(datasets)} datasets ({', '.join(datasets[:NAMED])}, …)"


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
