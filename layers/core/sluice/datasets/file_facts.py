"""What a file's record and alert say about its reasons and columns: the first ones, and how many others there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sluice.model.shortening import listed, more
from sluice.ports import Json

MAX_TOLD = 10
"""Reasons in a sentence."""
MAX_FACTS = 20
"""Reasons in an alert's facts, beside their number; the summary in quarantine/ has all of them."""
MAX_COLUMNS = 100
"""Names of columns in a record, beside their number."""
OF_FILE = ("max_invalid_rows", "min_rows", "max_nulls", "correction")
"""Rules that a file as a whole breaks, and none of its rows."""
_PLAIN = "comma, UTF-8, header at line 1"
"""The usual layout of a CSV file, of which an alert says nothing."""
_COUNTED = {
    "repeated_headers": "Rows that repeat the header and were left out",
    "empty_rows": "Rows without a value in any column, which were kept",
    "hidden_rows": "Hidden rows of the sheet, which were read too",
    "unnamed_columns": "Cells in columns without a name, which were left out",
    "nan": "NaN counts as missing",
    "rounded": "Numbers were rounded, since they have more digits than a double keeps",
    "shortened": "Keys such as 1.23457E+11, whose digits were lost before the upload (in a spreadsheet?)",
    "like_missing": "Labels such as NA and none count as classes (data.columns.<target>.missing can say otherwise)",
    "cut_times": "Times were truncated to the precision that is kept",
    "without_offset": "Times without an offset, in a column where others have one, were read as UTC",
    "without_target": "Rows without the target, from which no run learns as they are",
}
"""What notes count, in all or for each column, and the words for it."""
_NAMED = {
    "key_columns": "Columns that are in the key",
    "key_columns_ignored": "In the key, but not read",
}
"""What notes list."""


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


def reading_told(notes: Json) -> str:
    """Sentences for an alert on how a file was read, and on what was left out or changed. They begin with a blank."""
    told = "" if (read_as := notes.get("read_as")) in (None, _PLAIN) else f" Read as: {read_as}."
    for note, what in _COUNTED.items():
        if count := notes.get(note):
            told += f" {what}: {_count(count)}."
    for note, what in _NAMED.items():
        if names := notes.get(note):
            told += f" {what}: {listed(names, MAX_TOLD, 'the record')}."
    return told


def _count(count: int | Mapping[str, int]) -> str:
    """A number, or one for each column."""
    if isinstance(count, int):
        return str(count)
    return listed([f"{cells} in {column!r}" for column, cells in count.items()], MAX_TOLD, "the record")


def _reason(reason: Json) -> str:
    at = f" in {reason['column']!r}" if reason["column"] else ""
    return f"{reason['rows']} × {reason['rule']}{at}"
