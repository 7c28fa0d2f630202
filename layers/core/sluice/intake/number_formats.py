"""Excel's number formats as far as they change what a number is: a date, a time of day, a duration, a code with zeros.

Excel stores a date as the number of days since 1900; only the format of the cell says that it is one.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

_ASIDE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[(?!(?:h+|m+|s+)\])[^\]]*\]', re.IGNORECASE | re.DOTALL)
"""Text to show, blanks of a width, a filler, colours and conditions."""
_WORDS = re.compile(r'"[^"]*\w[^"]*"|\\\w')
_DAY = 86_400_000_000
_DRIFT = 5
"""Microseconds by which a day and its fraction miss a millisecond in 15 digits, as LibreOffice writes them."""


class CellFormat(NamedTuple):
    kind: Literal["number", "date", "time", "moment", "duration"] = "number"
    """`date` has no time of day and `time` no day; `moment` has both."""
    zeros: int = 0
    """Digits of a code such as 00137, which is stored as 137. A format with words has none: its 005 would be neither
    the value 5 nor the Kd-005 that is shown."""


PLAIN = CellFormat()
BUILT_IN = (
    {str(number): CellFormat("date") for number in (*range(14, 18), *range(27, 32), 36, *range(50, 59))}
    | {str(number): CellFormat("time") for number in (*range(18, 22), *range(32, 36), 45, 47)}
    | {"22": CellFormat("moment"), "46": CellFormat("duration")}
)
"""By the numbers of ECMA-376, 18.8.30, those of East Asian versions included."""


def cell_format(code: str) -> CellFormat:
    """What a format's code makes of a number.

    >>> cell_format("yyyy-mm-dd").kind, cell_format("h:mm AM/PM").kind, cell_format('0.0 "days"').kind
    ('date', 'time', 'number')
    >>> cell_format("00000").zeros, cell_format('"Kd-"000').zeros
    (5, 0)
    """
    shown = _ASIDE.sub("", code).split(";")[0].lower()
    if re.fullmatch("0{2,}", shown):
        return PLAIN if _WORDS.search(code.split(";")[0]) else CellFormat(zeros=len(shown))
    if re.search(r"\[(h+|m+|s+)\]", shown):
        return CellFormat("duration")
    if shown.strip() == "general":
        return PLAIN
    clock = re.search(r"am/pm|a/p", shown) is not None
    letters = set(re.sub(r"am/pm|a/p", "", shown))
    time = clock or bool(letters & set("hs"))
    day = bool(letters & set("yd")) or ("m" in letters and not time)
    return CellFormat("moment" if day and time else "date" if day else "time" if time else "number")


def shown_time(days: float, kind: str, is_1904: bool) -> str | None:
    """The date, time of day or duration that this many days mean, as text; None where they mean none.

    >>> shown_time(45293.5, "moment", False), shown_time(45293.0, "date", False), shown_time(0.25, "time", False)
    ('2024-01-02 12:00:00', '2024-01-02', '06:00:00')
    >>> shown_time(1.5, "duration", False), shown_time(60.0, "date", False)
    ('36:00:00', None)
    """
    if not math.isfinite(days) or not 0 <= days < 3_000_000:
        return None
    micros = round(days * _DAY)
    millis = round(micros / 1000) * 1000
    micros = millis if abs(micros - millis) <= _DRIFT else micros
    if kind == "duration" or (kind == "time" and micros < _DAY):
        seconds, rest = divmod(micros, 1_000_000)
        fraction = f".{rest:06}".rstrip("0") if rest else ""
        return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"
    if is_1904:
        first = datetime(1904, 1, 1)
    elif micros < _DAY or 60 * _DAY <= micros < 61 * _DAY:
        # Excel has a day 0 of January 1900, and the 29th of February 1900, which there was not
        return None
    else:
        first = datetime(1899, 12, 31 if micros < 60 * _DAY else 30)
    try:
        at = first + timedelta(microseconds=micros)
    except OverflowError:
        return None
    return str(at.date()) if kind == "date" and micros % _DAY == 0 else at.isoformat(" ")
