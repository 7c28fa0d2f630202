"""What a dataset's profile already answers, so that the rows need not be read."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sluice.changes.accepted_rows import Counts, DatasetFacts, needed
from sluice.changes.differences import Differences
from sluice.contract import Contract


def facts_of_profile(
    profile: dict[str, Any], dataset: str, contract: Contract, changed: Differences
) -> DatasetFacts | None:
    """The facts of a dataset by its profile; None where only the rows can tell."""
    columns = profile["columns"]
    kinds = {name: "text" if each["type"] == "category" else str(each["type"]) for name, each in columns.items()}
    wanted = needed(kinds, contract, changed)
    if changed.key or any(not _as_before(name, kind, contract, changed) for name, kind in wanted.items()):
        return None
    facts = DatasetFacts(dataset, int(profile["rows"]), kinds)
    facts.counts = {name: Counts(kept=int(columns[name]["count"])) for name in wanted}
    target, moment = str(contract.problem.learned_target), contract.data.time
    if target in wanted:
        facts.unlabelled = int(columns[target]["missing"])
        if contract.problem.type != "regression":
            counts = columns[target].get("counts")
            if counts is None:
                return None
            facts.classes = Counter(counts)
    if contract.data.split.by == "time" and moment in wanted:
        facts.undated = int(columns[moment]["missing"])
        if facts.undated and facts.unlabelled:
            # rows that lack both count once, and the profile does not say how many there are
            return None
    return facts


def _as_before(name: str, kind: str, contract: Contract, changed: Differences) -> bool:
    column = contract.data.columns[name]
    markers = contract.data.format.missing if column.missing is None else column.missing
    same = kind == column.type or (kind == "text" and column.type == "category")
    return same and not markers and name not in changed.limits
