"""Which of the first lines is the header, and which above it may be rows: of CSV and of a sheet alike."""

from __future__ import annotations

from collections.abc import Sequence

from sluice.intake.batches import Broken

MAX_HEADER_LINES = 30
"""Filled lines among which the header is looked for."""


def is_header_below(known: int, above: int, needed: int, filled: int) -> bool:
    """Whether a line below the first one is a header beyond doubt: else values of a row would be taken for names.

    It shows `known` of the `needed` names in `filled` fields, where no line above it shows more than `above`.
    """
    return known > above and (known == needed or 2 * known >= filled)


def may_be_row(cells: Sequence[str], width: int) -> bool:
    """Whether a line above the header may be a row: most of the header's fields are filled, and it is not a comment."""
    filled = [cell for cell in cells if cell.strip()]
    return len(cells) == width > 1 and 2 * len(filled) > width and not filled[0].startswith("#")


def broken_above(row: int, header: int, values: object) -> Broken:
    told = f"it is above the header; if it is not a row, set data.file.header: {header} in the contract"
    return Broken(row, "above_header", told, values)
