"""Broken data or real drift? A model must not learn from a broken feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sluice.model.values import category_text, is_missing, parse_json
from sluice.records.baseline import Baseline, CategoryColumn

MISSING_JUMP = 0.1
UNSEEN_SHARE = 0.1


def damage(baseline: Baseline, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Column → jump of the missing share, and share of categories that training never saw. For the report."""
    missing: dict[str, float] = {}
    unseen: dict[str, float] = {}
    for name, column in baseline.columns.items():
        values = [row.get(name) for row in rows]
        present = [value for value in values if not is_missing(value)]
        if values:
            missing[name] = round(1 - len(present) / len(values) - column.missing, 6)
        if isinstance(column, CategoryColumn) and present and column.shares:
            known = {category_text(value) for value in column.shares}
            strange = sum(1 for value in present if _name(value, column.boolean) not in known)
            unseen[name] = round(strange / len(present), 6)
    return {"missing_jump": missing, "unseen_share": unseen}


def broken(report: Mapping[str, Any]) -> list[str]:
    """Sentences that say why a window looks like a broken feed; none when it looks like real drift."""
    facts = report.get("damage") or {}
    found = [
        f"{name}: {jump:.0%} more missing values than in training"
        for name, jump in (facts.get("missing_jump") or {}).items()
        if jump > MISSING_JUMP
    ]
    found += [
        f"{name}: {share:.0%} of the values never occurred in training"
        for name, share in (facts.get("unseen_share") or {}).items()
        if share > UNSEEN_SHARE
    ]
    return found


def _name(value: Any, boolean: bool) -> str:
    """The text under which the encoder knows a category. A value of another type stays unchanged, as an unseen one."""
    try:
        found = parse_json(value, "boolean") if boolean else None
    except ValueError:
        found = None
    return category_text(value if found is None else found)
