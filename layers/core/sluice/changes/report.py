"""A comparison as plain JSON: what changed, which accepted rows it touches, and whether the next run can go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sluice.changes import losses
from sluice.changes.accepted_rows import DatasetFacts, Keys
from sluice.changes.differences import Differences
from sluice.changes.losses import Loss
from sluice.contract import Contract
from sluice.model.values import is_positive


@dataclass
class Compared:
    """Datasets that were read, and those that were not: (dataset, rows, why)."""

    read: list[DatasetFacts] = field(default_factory=list)
    unread: list[tuple[str, int, str]] = field(default_factory=list)
    keys: Keys = field(default_factory=Keys)


def report(compared: Compared, contract: Contract, changed: Differences) -> dict[str, Any]:
    """The facts and sentences of a comparison, as plain JSON."""
    lacking = losses.lacking(compared.read, contract)
    every = losses.when_read(compared.read, contract)
    told = [*lacking, *(loss for loss in every if loss.column in changed.columns)]
    told += losses.beside(compared.read, contract, changed)
    sentences = [loss.text for loss in told] + _keys(compared, contract, changed)
    sentences += _positive(compared.read, contract, changed)
    without = {dataset for loss in lacking for dataset in loss.datasets}
    usable = sum(
        each.rows - each.unlabelled - each.undated for each in compared.read if each.dataset not in without
    )  # fmt: skip
    rows = sum(each.rows for each in compared.read)
    unread = sum(count for _, count, _ in compared.unread)
    stops = _stops(lacking, every, compared.read, contract, rows)
    return {
        "differences": list(changed.sentences),
        "losses": [loss.to_json() for loss in told],
        "sentences": sentences,
        "rows": rows + unread,
        "datasets": [each.dataset for each in compared.read],
        "usable_rows": {"at_least": usable, "at_most": usable + unread},
        "unread": [{"dataset_id": dataset, "rows": count, "why": why} for dataset, count, why in compared.unread],
        "run_stops": bool(stops),
        "stops": stops,
    }


def _keys(compared: Compared, contract: Contract, changed: Differences) -> list[str]:
    """How many rows a later row replaces, under the new key."""
    key = contract.data.key
    if not (changed.key and key and compared.read) or any(not set(key) <= each.kinds.keys() for each in compared.read):
        return []
    names, replaced = ", ".join(key), compared.keys.replaced
    if compared.unread:
        why = "not every dataset was read"
        return [f"rows that a later row of the same key ({names}) replaces were not counted: {why}"]
    if replaced is None:
        return [f"rows that a later row of the same key ({names}) replaces were not counted: there are too many keys"]
    rows = sum(each.rows for each in compared.read)
    told = [f"{losses.share(replaced, rows)} rows are replaced by a later row of the same key ({names})"]
    if keyless := rows - compared.keys.rows:
        told.append(f"{losses.share(keyless, rows)} rows have no key ({names}): each is kept as a row of its own")
    return told


def _positive(read: Sequence[DatasetFacts], contract: Contract, changed: Differences) -> list[str]:
    target, positive = contract.problem.target, contract.problem.positive
    if contract.problem.type != "binary" or not (changed.positive or target in changed.columns) or not target:
        return []
    kind, classes = contract.data.columns[target].type, _classes(read)
    count = sum(rows for label, rows in classes.items() if is_positive(label, positive, kind))
    labels = sum(classes.values())
    shown = str(positive).lower() if isinstance(positive, bool) else positive
    return [f"{count:,} of {labels:,} labels are {shown}, which is problem.positive"] if labels else []


def _classes(read: Sequence[DatasetFacts]) -> Counter[str]:
    return sum((each.classes for each in read), Counter())


def _stops(
    lacking: Sequence[Loss], every: Sequence[Loss], read: Sequence[DatasetFacts], contract: Contract, rows: int
) -> list[str]:
    """Why a run with the datasets that were read fails, for certain."""
    found = [loss.text for loss in lacking]
    if found:
        return found
    if over := losses.limit_violation(every, rows, contract.data.expectations.max_lost_rows):
        return [over]
    classes = _classes(read)
    if contract.problem.type in ("binary", "multiclass") and rows and len(classes) < 2:
        what = "no row has a label" if not classes else f"every label of {contract.problem.target!r} is the same"
        return [f"{what}: there is nothing to learn"]
    return []
