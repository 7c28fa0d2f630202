"""Cells that the accepted file holds less exactly than they came: numbers that are rounded, and times that are cut.

A number is a double there, which keeps 17 digits at most and not each integer beyond 2^53. A time has microseconds.
What is lost is counted column by column, as the readers count what they can see alone (`sluice.intake.arrow_cells`).
"""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from sluice.intake.arrow_types import DOUBLE_DIGITS, EXACT_INTEGERS
from sluice.intake.batches import Notes
from sluice.model.values import PLAIN, Reading, number_text, plain_number

_FINER_THAN_MICROSECONDS = r"[.,]\d{6}\d*[1-9]"


def exact_text(digits: str) -> str:
    """A number as `number_text` writes it, of the double that is meant; with all its digits if a double has fewer.

    >>> exact_text("0.10"), exact_text("12345678901234567890.5"), exact_text("1e3")
    ('0.1', '12345678901234567890.5', '1000')
    """
    value = float(digits)
    if len(digits) > DOUBLE_DIGITS and value and is_rounded(exact := Decimal(digits)):
        return number_text(exact)
    return number_text(value)


def is_rounded(number: Decimal) -> bool:
    """Whether a double has other digits, by more than the last of those that it keeps."""
    value = float(number)
    if number == Decimal(repr(value)):
        return False
    return abs(value) >= EXACT_INTEGERS or len(number.normalize().as_tuple().digits) > DOUBLE_DIGITS


def count_changed(name: str, text: pa.Array, typed: pa.Array, notes: Notes, reading: Reading = PLAIN) -> None:
    """Counts the changed cells of a column in `notes`. `text`: from the file; `typed`: read from it by `reading`.

    A column that its reader gave a type at once has lost nothing, or the reader counted it.
    """
    if not pa.types.is_string(text.type):
        return
    if pa.types.is_timestamp(typed.type):
        finer = pc.and_(pc.match_substring_regex(text, _FINER_THAN_MICROSECONDS), pc.is_valid(typed))
        if cut := pc.sum(finer).as_py():
            notes.cut_times[name] += cut
    elif pa.types.is_floating(typed.type) and (rounded := _rounded(text, typed, reading)):
        notes.rounded[name] += rounded


def _rounded(text: pa.Array, values: pa.Array, reading: Reading) -> int:
    # a fraction of so many digits has a point, too
    is_long = pc.greater(pc.binary_length(text), DOUBLE_DIGITS + 1)
    beyond = pc.greater_equal(pc.abs(values), EXACT_INTEGERS)
    maybe = pc.fill_null(pc.and_(pc.or_(is_long, beyond), pc.is_valid(values)), False)
    if not pc.any(maybe, min_count=0).as_py():
        return 0
    counts = text.filter(maybe).value_counts().to_pylist()
    return sum(one["counts"] for one in counts if is_rounded(Decimal(_plain(one["values"], reading))))


def _plain(text: str, reading: Reading) -> str:
    try:
        return plain_number(text, reading)
    except ValueError:
        # a number at its source, to which the format of the column does not apply
        return text
