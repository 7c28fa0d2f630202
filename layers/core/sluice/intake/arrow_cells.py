"""A column of Arrow's types as values that a contract can judge: as text, or in the contract's type.

A number keeps its digits. NaN is missing, as pandas writes it. Some cells have no value: an infinite number, a time
outside the years 1 to 9999, and bytes that are not UTF-8 where text is expected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sluice.intake.arrow_types import CODED, EXACT_INTEGERS, MANY_CODES
from sluice.intake.rules import mapped
from sluice.model.values import INTEGER_LIMIT, number_text

# Digits as `number_text` writes them: no exponent, and no zero at the end of a fraction.
_PLAIN_DIGITS = r"^(\d+|-[1-9]\d*|-?\d+\.\d*[1-9])$"
_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_FIRST = (datetime(1, 1, 1) - datetime(1970, 1, 1)).days * 86_400
_END = ((date(9999, 12, 31) - date(1970, 1, 1)).days + 1) * 86_400
"""Seconds since 1970: the first one of the years 1 to 9999, and the one after them."""


@dataclass(frozen=True)
class Cells:
    """`values` without dictionaries, NaN and unreadable cells, all three of which are null where they cannot be kept.

    `bad`: the unreadable cells as a mask, None if there is none; `what` they hold, and how one is `shown`.
    """

    values: pa.Array
    nan: int = 0
    cut: int = 0
    """Times with a part of a microsecond, which was cut off."""
    bad: pa.Array | None = None
    what: str = ""
    shown: Callable[[int], str] = str


def is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
    )


def read_cells(values: pa.Array, seconds: pa.Array | None = None) -> Cells:
    """`seconds`: the same times in seconds, of those with 96 bits, whose nanoseconds do not fit into 64."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    if pa.types.is_floating(kind):
        return _numbers(_of_16_bits(values) if pa.types.is_float16(kind) else values)
    if seconds is not None:
        return _times_of_96_bits(values, seconds)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _times(values, values)
    if is_text(kind):
        return _utf8(values)
    if isinstance(kind, pa.UuidType):
        return Cells(pa.array([None if cell is None else str(cell) for cell in values.to_pylist()], pa.string()))
    return Cells(values)


def _numbers(values: pa.Array) -> Cells:
    if pc.all(pc.is_finite(values), min_count=0).as_py():
        return Cells(values)
    is_nan = pc.fill_null(pc.is_nan(values), False)
    nan = _count(is_nan)
    values = pc.if_else(is_nan, pa.scalar(None, values.type), values)
    infinite = pc.fill_null(pc.is_inf(values), False)
    if not pc.any(infinite).as_py():
        return Cells(values, nan)
    return Cells(_without(values, infinite), nan, 0, infinite, "an infinite number", lambda place: "infinity")


def _of_16_bits(values: pa.Array) -> pa.Array:
    """The numbers that the shortest decimals stand for: 0.1, and not 0.0999755859375."""
    bits = values.view(pa.uint16()).dictionary_encode()
    numbers = bits.dictionary.to_numpy().view(np.float16)
    return pa.array([float(str(number)) for number in numbers], pa.float64()).take(bits.indices)


def _times_of_96_bits(values: pa.Array, seconds: pa.Array) -> Cells:
    """`values` in nanoseconds, of which the highest bits are lost for the years before 1677 and after 2262."""
    whole = seconds.view(pa.int64())
    # modulo 2^64, as the sums of Arrow are
    micros, is_cut = _micros(pc.subtract(values.view(pa.int64()), pc.multiply(whole, 10**9)))
    found = _times(pc.add(pc.multiply(whole, 10**6), micros).view(pa.timestamp("us")), seconds)
    return replace(found, cut=_count(is_cut if found.bad is None else pc.and_not(is_cut, found.bad)))


def _micros(nanoseconds: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Whole microseconds, the earlier ones, and where there was more."""
    micros = pc.divide(nanoseconds, 1000)
    rest = pc.subtract(nanoseconds, pc.multiply(micros, 1000))
    # Arrow divides towards zero, which before 1970 is the later one
    return pc.subtract(micros, pc.less(rest, 0).cast(pa.int64())), pc.not_equal(rest, 0)


def _count(mask: pa.Array) -> int:
    return pc.sum(mask).as_py() or 0


def _times(values: pa.Array, told: pa.Array) -> Cells:
    kind = told.type
    ticks = told.view(pa.int32()).cast(pa.int64()) if pa.types.is_date32(kind) else told.view(pa.int64())
    first, end = _FIRST, _END
    if pa.types.is_date32(kind):
        first, end, unit = first // 86_400, end // 86_400, "days"
    else:
        unit = "ms" if pa.types.is_date64(kind) else kind.unit
        if unit == "ns":
            micros, is_cut = _micros(ticks)
            return Cells(micros.view(pa.timestamp("us", kind.tz)), cut=_count(is_cut))
        first, end = first * _A_SECOND[unit], end * _A_SECOND[unit]
    ends = pc.min_max(ticks)
    if not ends["min"].is_valid or (first <= ends["min"].as_py() and ends["max"].as_py() < end):
        return Cells(values)
    beyond = pc.fill_null(pc.or_(pc.less(ticks, first), pc.greater_equal(ticks, end)), False)
    what = "a time outside the years 1 to 9999"
    return Cells(_without(values, beyond), 0, 0, beyond, what, lambda place: f"{ticks[place]} {unit} since 1970")


def _utf8(values: pa.Array) -> Cells:
    found = values.cast(pa.large_binary())
    try:
        return Cells(found.cast(pa.string()))  # which checks that it is UTF-8
    except pa.ArrowInvalid:
        cells = found.to_pylist()
    texts = [None if cell is None else _decoded(cell) for cell in cells]
    bad = pa.array([text is None and cell is not None for text, cell in zip(texts, cells, strict=True)])

    def shown(place: int) -> str:
        return str(cells[place].decode("utf-8", "backslashreplace"))

    return Cells(pa.array(texts, pa.string()), 0, 0, bad, "bytes that are not UTF-8, where text is expected", shown)


def _decoded(cell: bytes) -> str | None:
    try:
        return cell.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _without(values: pa.Array, bad: pa.Array) -> pa.Array:
    return pc.if_else(bad, pa.scalar(None, values.type), values)


def cells_as_text(values: pa.Array) -> pa.Array:
    """The values of `Cells` as text; null stays null."""
    kind = values.type
    if pa.types.is_string(kind):
        return values
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _digits(values.cast(pa.string()))
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return _zoned(values)
    return values.cast(pa.string())


def _zoned(values: pa.Array) -> pa.Array:
    """Times of a zone with their offset, which Arrow writes without its seconds: times that have some, as local mean
    times do until about 1900, are written in UTC instead."""
    text = values.cast(pa.string())
    minute = 60 * _A_SECOND[values.type.unit]
    offsets = pc.subtract(pc.local_timestamp(values).view(pa.int64()), values.view(pa.int64()))
    uneven = pc.not_equal(pc.multiply(pc.divide(offsets, minute), minute), offsets)
    if not pc.any(uneven, min_count=0).as_py():
        return text
    return pc.if_else(uneven, values.cast(pa.timestamp(values.type.unit, "UTC")).cast(pa.string()), text)


def typed_cells(values: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """The values of `Cells` in the type `kind` of a contract's column, where the rules would make the same of their
    text; None where they may not.

    A float of 32 bits may not: its text has the digits that were meant, and its value has others. Nor may an integer
    that is rounded as a double.
    """
    found = values.type
    if kind == CODED and pa.types.is_string(found):
        coded = values.dictionary_encode()
        return coded if len(coded.dictionary) * MANY_CODES <= len(coded) else None
    if kind == pa.bool_() and pa.types.is_boolean(found):
        return values
    if kind == pa.float64() and pa.types.is_float64(found):
        return pc.add(values, 0.0)  # minus zero is zero
    if kind in (pa.float64(), pa.int64()) and pa.types.is_integer(found):
        limit = INTEGER_LIMIT if kind == pa.int64() else EXACT_INTEGERS
        ends = pc.min_max(values)
        lowest, highest = ends["min"].as_py(), ends["max"].as_py()
        return values.cast(kind) if lowest is None or (lowest > -limit and highest < limit) else None
    if pa.types.is_timestamp(kind) and pa.types.is_timestamp(found):
        micros = values.cast(pa.timestamp("us", found.tz))
        # without the zone, which is of the text alone
        return micros.view(pa.int64()).view(pa.timestamp("us"))
    return None


def _digits(text: pa.Array) -> pa.Array:
    """Arrow writes `4e+10`, `1E-7` and `12.00`: the same number in digits."""
    plain = pc.match_substring_regex(text, _PLAIN_DIGITS)
    if pc.all(plain, min_count=0).as_py():
        return text
    odd = pc.if_else(plain, pa.scalar(None, pa.string()), text)
    written = mapped(odd, lambda digits: number_text(Decimal(digits)), pa.string())
    return pc.if_else(pc.fill_null(plain, True), text, written)
