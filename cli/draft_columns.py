"""How the drafted contract declares the columns, and what is asked about the way in which their values are written."""

from __future__ import annotations

import json
import re
from collections import Counter

from cli.formats import Way
from cli.guessing import Scan, Seen
from cli.yaml_text import quoted, scalar
from sluice.model.shortening import listed

_SHOWN = 5


def column_lines(
    scan: Scan, target: Seen | None, target_type: str, key: Seen | None, decisions: list[str]
) -> list[str]:
    """`target_type`: what the problem makes of the target's type."""
    _ask_about_markers(scan, decisions)
    lines = ["  columns:"]
    for column in scan.columns:
        _ask_about_format(column, decisions)
        _ask_about_spellings(column, decisions)
        kind = target_type if column is target else column.type
        lines.append(f"    {_column(column, kind, scan, required=column is key)}")
    return lines


def _ask_about_markers(scan: Scan, decisions: list[str]) -> None:
    """One question for each kind of marker, whichever columns have it."""
    found: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for column in scan.columns:
        for texts, meaning in (
            (column.markers, "missing; is it?"),
            (column.doubtful, "a value; write `missing` if it means that none is known"),
        ):
            if texts:
                spellings = ", ".join(repr(text) for text, _ in texts.most_common(_SHOWN))
                more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
                found.setdefault((spellings + more, meaning), []).append((column.name, texts.total() / scan.rows))
    for (spellings, meaning), places in found.items():
        if len(places) == 1:
            ((name, share),) = places
            where, within = f"data.columns.{name}", f"{share:.1%} of the rows"
        else:
            where, within = "data.columns", listed([f"{name} ({share:.1%})" for name, share in places], _SHOWN)
        decisions.append(f"{where}: {spellings} in {within} is read as {meaning}")


def _ask_about_format(column: Seen, decisions: list[str]) -> None:
    """Say what was found in the way that a column is written, and what follows if it is meant otherwise."""
    where = f"data.columns.{column.name}"
    if column.coded:
        decisions.append(
            f"{where}: values such as {column.example!r} have leading zeros, so they are kept as codes; "
            "say integer if they are amounts"
        )
    elif column.formats.rows and column.formats.months:
        decisions.append(
            f"{where}: months such as {column.formats.odd[0]!r} are read as {column.type}, since a time has a day: "
            f"write {column.formats.odd[0]}-01 for one that orders the rows"
        )
    elif column.type in ("category", "text") and column.formats.nearly_numbers:
        share = column.formats.figures / max(1, column.rows - column.missing)
        odd = ", ".join(repr(text[:40]) for text in column.formats.odd)
        decisions.append(
            f"{where}: {share:.0%} of the values look like numbers or times, but no way of writing these fits them "
            f"all, such as {odd}: read as {column.type}. To learn from them as numbers, correct the file or name the "
            "markers of missing values in `missing`"
        )
    if column.way and column.way.options:
        options = _options(column.way)
        others = [_options(way) for way in column.formats.others]
        or_else = f", or {' or '.join(others)}: the values fit each" if others else ""
        decisions.append(f"{where}: the values are read with {options}{or_else}; is that how they are written?")
    elif column.formats.maybe_thousands:
        decisions.append(
            f"{where}: three digits stand behind each point, and 1.234 is read as a little more than 1; if the point "
            'parts thousands, add decimal: ",", thousands: "."'
        )


def _ask_about_spellings(column: Seen, decisions: list[str]) -> None:
    """Values of a category that differ in case, or in what stands between words, alone."""
    alike: dict[str, list[str]] = {}
    for value in column.values or () if column.type == "category" else ():
        alike.setdefault(re.sub(r"(?<=\w)[\s_-]+(?=\w)", " ", value.casefold()), []).append(value)
    for values in alike.values():
        if len(values) > 1:
            decisions.append(
                f"data.columns.{column.name}: {listed([repr(value) for value in values], _SHOWN, between=' and ')} are "
                "different values; if they mean the same, write them alike before the upload"
            )


def _options(way: Way) -> str:
    return ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in way.keys().items())


def _column(column: Seen, kind: str, scan: Scan, *, required: bool) -> str:
    parts = [f"type: {kind}"]
    notes = []
    if required:
        parts.append("nullable: false")
    if column.way and column.way.options:
        parts.append(_options(column.way))
        notes.append("DECIDE: is this its format?")
    elif column.formats.maybe_thousands and kind == "number":
        notes.append("DECIDE: does the point part thousands?")
    if column.markers:
        parts.append(f"missing: [{', '.join(quoted(text) for text, _ in column.markers.most_common())}]")
        notes.append(f"DECIDE: {column.markers.total() / scan.rows:.1%} marked as missing")
    if column.doubtful:
        spellings = ", ".join(quoted(text) for text, _ in column.doubtful.most_common(_SHOWN))
        notes.append(f"DECIDE: {spellings} in {column.doubtful.total() / scan.rows:.1%}: missing?")
    if column.coded:
        notes.append(f"DECIDE: codes with leading zeros such as {quoted(column.example or '')}?")
    elif kind in ("category", "text") and column.formats.nearly_numbers:
        notes.append("DECIDE: most values look like numbers")
    if kind == "category":
        listed = column.listed if kind == column.type else [value for value, _ in Counter(column.values).most_common()]
        if listed:
            parts.append(f"values: [{', '.join(quoted(value) for value in listed)}]")
    if kind == "category" and column.type == "boolean":
        notes.append("another spelling of yes or no is refused")
    if kind == "boolean" and column.values is not None and set(column.values) <= {"0", "1"}:
        notes.append("if a count: integer")
    if kind == "text" and column.unique and not required:
        notes.append("distinct in every row: add it to features.drop unless its words carry meaning")
    if not column.filled:
        notes.append("DECIDE: has no value in this file")
    comment = f"  # {'; '.join(notes)}" if notes else ""
    return f"{scalar(column.name)}: {{{', '.join(parts)}}}{comment}"
