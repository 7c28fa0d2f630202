"""Cells that the accepted file holds less exactly than they came: numbers that are rounded, and times that are cut.

A number is a double there, which does not hold each integer beyond 2^53, nor more than 17 digits of a decimal. A time
has microseconds. Readers count themselves what only they can see (`sluice.intake.arrow_cells`). A fraction in a text is
meant as the nearest double, however many digits it has.
"""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from sluice.intake.arrow_types import EXACT_INTEGERS
from sluice.intake.batches import Notes
from sluice.model.values import PLAIN, Reading, number_text, plain_number

DOUBLE_DIGITS = 17
"""A double has no more digits that count."""
_SHORTENED = r"^[0-9](\.[0-9]+)?E\+[0-9]{2,3}$"
_OFFSET = r"([Tt_\s]\d\d(\d\d){0,2}|:\d\d)([.,]\d+)?\s*([Zz]|[+-]\d\d(:?\d\d){0,2}(\.\d+)?)\s*$"
"""At the end of a text, behind a time of day."""
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


def count_changed(
    name: str,
    text: pa.Array,
    typed: pa.Array,
    notes: Notes,
    reading: Reading = PLAIN,
    native: pa.Array | bool = False,
) -> None:
    """Counts the changed cells of a column in `notes`. `text`: from the file; `typed`: read from it by `reading`.

    `native`: as in `sluice.intake.rules.judge`. A column that its reader gave a type has lost nothing, or was counted.
    """
    if pa.types.is_timestamp(typed.type) and native is not True:
        _count_offsets(name, text, typed, notes)
    if not pa.types.is_string(text.type):
        return
    if pa.types.is_timestamp(typed.type):
        finer = pc.and_(pc.match_substring_regex(text, _FINER_THAN_MICROSECONDS), pc.is_valid(typed))
        if cut := pc.sum(finer).as_py():
            notes.cut_times[name] += cut
    elif pa.types.is_floating(typed.type):
        maybe = pc.greater_equal(pc.abs(typed), EXACT_INTEGERS)
        if native is True:
            # decimals of Parquet; with this many digits, they are longer for their point
            maybe = pc.or_(maybe, pc.greater(pc.binary_length(text), DOUBLE_DIGITS + 1))
        if rounded := _rounded(text.filter(pc.fill_null(maybe, False)), reading):
            notes.rounded[name] += rounded


def _count_offsets(name: str, text: pa.Array, times: pa.Array, notes: Notes) -> None:
    """Counts the times with an offset and those without, of a column that was text at its source."""
    there = len(times) - times.null_count
    if pa.types.is_string(text.type):
        zoned = pc.sum(pc.and_(pc.match_substring_regex(text, _OFFSET), pc.is_valid(times)), min_count=0).as_py()
    else:
        zoned = there if text.type.tz else 0
    if zoned:
        notes.with_offset[name] += zoned
    if there > zoned:
        notes.without_offset[name] += there - zoned


def count_shortened(name: str, keys: pa.Array, notes: Notes) -> None:
    """Counts texts that identify a row and that a spreadsheet has shortened: several rows may have got the same one."""
    if pa.types.is_dictionary(keys.type):
        keys = keys.cast(pa.string())
    # most keys have no such letters: their bytes are looked at once
    texts = keys.buffers()[2] if pa.types.is_string(keys.type) else None
    if texts is None or b"E+" not in texts.to_pybytes():
        return
    if count := pc.sum(pc.match_substring_regex(keys, _SHORTENED)).as_py():
        notes.shortened[name] += count


def _rounded(texts: pa.Array, reading: Reading) -> int:
    counts = texts.value_counts().to_pylist() if len(texts) else []
    return sum(one["counts"] for one in counts if is_rounded(Decimal(_plain(one["values"], reading))))


def _plain(text: str, reading: Reading) -> str:
    try:
        return plain_number(text, reading)
    except ValueError:
        # a number at its source, to which the format of the column does not apply
        return text
