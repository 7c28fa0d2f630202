"""What a run would lose of the accepted rows, in the sentences that the cleaning job itself writes.

`when_read`, `limit_violation` and the sentences follow jobs/glue/cleaning/losses.py, which is shipped to Glue alone;
tests/unit/changes/test_same_words.py runs the job's own functions beside these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sluice.changes.accepted_rows import Counts, DatasetFacts
from sluice.changes.differences import Differences
from sluice.contract import Contract

NAMED = 3
"""Datasets that a sentence names; more are counted."""


@dataclass(frozen=True)
class Loss:
    """Rows or values that are left out, missing or changed, for one reason; `text` is a sentence for people."""

    reason: str
    column: str
    datasets: tuple[str, ...]
    rows: int
    of: int
    text: str

    def to_json(self) -> dict[str, object]:
        named = {"reason": self.reason, "column": self.column, "rows": self.rows, "of": self.of, "text": self.text}
        return {**named, "datasets": list(self.datasets[:20]), "datasets_affected": len(self.datasets)}


Place = tuple[str, int, int]


def required(contract: Contract) -> list[str]:
    """Columns that every dataset must hold, or the job stops."""
    data, target = contract.data, contract.problem.learned_target
    return list(dict.fromkeys([*data.key, *([data.time] if data.time else []), *([target] if target else [])]))


def lacking(datasets: Sequence[DatasetFacts], contract: Contract) -> list[Loss]:
    """Required columns that datasets came without: a run that includes one of them stops."""
    found = []
    for name in required(contract):
        without = [each for each in datasets if name not in each.kinds]
        if without:
            names, rows = tuple(each.dataset for each in without), sum(each.rows for each in without)
            verb = "lacks" if len(names) == 1 else "lack"
            what = f"{_role(name, contract)} {name!r}"
            text = f"{where(names)} ({rows:,} rows) {verb} the {what}, which every dataset must have"
            found.append(Loss("column_lacking", name, names, rows, rows, text))
    return found


def _role(name: str, contract: Contract) -> str:
    if name == contract.problem.learned_target:
        return "target"
    return "time column" if name == contract.data.time else "key column"


def when_read(datasets: Sequence[DatasetFacts], contract: Contract) -> list[Loss]:
    """What does not come through from the datasets to the contract's columns, one loss for a reason and a column."""
    places: dict[tuple[str, str, str], list[Place]] = {}
    target, moment = contract.problem.learned_target, contract.data.time
    for facts in datasets:
        lost = {name: counts.lost for name, counts in facts.counts.items()}
        for reason, name, count in (("no_target", target, facts.unlabelled), ("no_time", moment, facts.undated)):
            if count and name:
                by_type = min(count, lost.pop(name, 0))
                kind = facts.kinds[name]
                places.setdefault((f"{reason}_of_type", name, kind), []).append((facts.dataset, by_type, facts.rows))
                places.setdefault((reason, name, ""), []).append((facts.dataset, count - by_type, facts.rows))
        for name, count in lost.items():
            places.setdefault(("not_converted", name, facts.kinds[name]), []).append((facts.dataset, count, facts.rows))
        for name in contract.data.columns:
            if name not in facts.kinds and name not in required(contract):
                places.setdefault(("column_absent", name, ""), []).append((facts.dataset, facts.rows, facts.rows))
        for name in facts.kinds:
            if name not in contract.data.columns:
                places.setdefault(("column_left_out", name, ""), []).append((facts.dataset, facts.rows, facts.rows))
    return _summed(places, contract)


def beside(datasets: Sequence[DatasetFacts], contract: Contract, changed: Differences) -> list[Loss]:
    """What the change does beside losses: values that are read as another type, become missing, break new limits."""
    places: dict[tuple[str, str, str], list[Place]] = {}
    for facts in datasets:
        for name, counts in facts.counts.items():
            for reason, count in _beside(name, counts, facts, contract, changed):
                place = (facts.dataset, count, facts.rows)
                places.setdefault((reason, name, facts.kinds[name]), []).append(place)
    return _summed(places, contract)


def _beside(
    name: str, counts: Counts, facts: DatasetFacts, contract: Contract, changed: Differences
) -> list[tuple[str, int]]:
    kind, wanted = facts.kinds[name], contract.data.columns[name].type
    found = []
    if name in changed.columns:
        if kind != wanted and not (kind == "text" and wanted == "category"):
            found.append(("read_as_type", counts.kept))
        found.append(("now_missing", counts.marked))
    if name in changed.limits:
        empty = facts.rows - counts.kept - counts.lost - counts.marked
        found.append(("outside_limits", counts.outside))
        found.append(("now_required", 0 if contract.data.columns[name].nullable else empty))
    return found


def _summed(places: dict[tuple[str, str, str], list[Place]], contract: Contract) -> list[Loss]:
    found = []
    for (reason, column, source), each in places.items():
        affected = [place for place in each if place[1]]
        if affected:
            datasets = tuple(dataset for dataset, _, _ in affected)
            count, of = sum(count for _, count, _ in affected), sum(rows for *_, rows in affected)
            kind = contract.data.columns[column].type if column in contract.data.columns else ""
            text = sentence(reason, column, source, kind, share(count, of), where(datasets))
            found.append(Loss(reason.removesuffix("_of_type"), column, datasets, count, of, text))
    return found


def sentence(reason: str, column: str, source: str, kind: str, share: str, where: str) -> str:
    """The cleaning job's sentence for a loss, or ours for what the job does not count."""
    there = f"is {source} there and the contract says {kind}"
    texts = {
        "no_target_of_type": f"{share} rows of {where} have no label because target {column!r} {there}",
        "no_time_of_type": f"{share} rows of {where} have no time because {column!r} {there}",
        "no_target": f"{share} rows of {where} have no label: target {column!r} is missing",
        "no_time": f"{share} rows of {where} have no time: {column!r} is missing, and the split is by time",
        "not_converted": (
            f"{share} values of {column!r} in {where} cannot be kept: the column is {source} there, the contract says "
            f"{kind}, and they are not {kind} values"
        ),
        "column_absent": f"{column!r} is missing in all rows of {where}, which came without that column",
        "column_left_out": f"{column!r} of {where} is left out: the contract has no such column",
        "read_as_type": f"{share} values of {column!r} in {where} are read as {kind}: the column is {source} there",
        "now_missing": f"{share} values of {column!r} in {where} become missing: they are missing markers now",
        "outside_limits": (
            f"{share} values of {column!r} in {where} break the new limits and stay: accepted rows are not judged again"
        ),
        "now_required": (
            f"{share} rows of {where} have no {column!r}, which new rows must have, and stay: accepted rows are not "
            "judged again"
        ),
    }
    return texts[reason]


def share(count: int, of: int) -> str:
    """
    >>> share(1000, 1000), share(12, 1000)
    ('all 1,000', '12 of 1,000')
    """
    return f"all {of:,}" if count == of else f"{count:,} of {of:,}"


def where(datasets: Sequence[str]) -> str:
    """
    >>> where(["a"]), where(["a", "b"]), where(["a", "b", "c", "d"])
    ('a', 'a and b', '4 datasets (a, b, c, …)')
    """
    if len(datasets) <= NAMED:
        return " and ".join([", ".join(datasets[:-1]), datasets[-1]]) if len(datasets) > 1 else datasets[0]
    return f"{len(datasets)} datasets ({', '.join(datasets[:NAMED])}, …)"


def limit_violation(losses: Sequence[Loss], total: int, max_lost: float) -> str | None:
    """Why the job would stop for what it loses; None when it goes on."""
    gone = [loss for loss in losses if loss.reason in ("no_target", "no_time")]
    too_much = gone if sum(loss.rows for loss in gone) > max_lost * total else []
    values: dict[str, int] = {}
    for loss in losses:
        if loss.reason == "not_converted":
            values[loss.column] = values.get(loss.column, 0) + loss.rows
    worst = [name for name, count in values.items() if count > max_lost * total]
    too_much = [*too_much, *(loss for loss in losses if loss.reason == "not_converted" and loss.column in worst)]
    if not too_much:
        return None
    return (
        f"{'; '.join(loss.text for loss in too_much[:8])}. That is more than data.expectations.max_lost_rows "
        f"allows ({max_lost:.4g} of {total:,} rows)"
    )
