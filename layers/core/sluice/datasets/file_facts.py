"""What a file's record and alert say of its reasons and columns: the first ones, and how many others there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sluice.model.shortening import more
from sluice.ports import Json

MAX_TOLD = 10
"""Reasons in a sentence."""
MAX_FACTS = 20
"""Reasons in an alert's facts, beside their number; the summary in quarantine/ has all of them."""
MAX_COLUMNS = 100
"""Names of columns in a record, beside their number."""


def reasons_told(reasons: Sequence[Json], count: int | None = None) -> str:
    """`3 × type in 'pages', 1 × json and 2 more in summary.json`; `count`: how many there are, if not all are given."""
    of = len(reasons) if count is None else count
    named = [_reason(reason) for reason in reasons[:MAX_TOLD]]
    return ", ".join(named) + more(of - len(named), "summary.json")


def ignored_columns(names: Sequence[str]) -> Json:
    """For a record's notes; nothing where no column was ignored."""
    if not names:
        return {}
    return {"columns_ignored": list(names[:MAX_COLUMNS]), "columns_ignored_count": len(names)}


def missing_numbers(nan: Mapping[str, int]) -> Json:
    """For a record's notes: column → cells that hold NaN, which is missing; nothing where none does."""
    return {"nan": dict(nan)} if nan else {}


def counted_told(what: str, counts: Mapping[str, int] | None) -> str:
    """A sentence for an alert on a note that counts cells by column. It begins with a blank; empty without a count."""
    if not counts:
        return ""
    named = [f"{count} in {column!r}" for column, count in list(counts.items())[:MAX_TOLD]]
    return f" {what}: {', '.join(named)}{more(len(counts) - len(named), 'the record')}."


def _reason(reason: Json) -> str:
    at = f" in {reason['column']!r}" if reason["column"] else ""
    return f"{reason['rows']} × {reason['rule']}{at}"
