"""Numbers and shares as people read them: no power of ten where digits do, and no 0 % or 100 % of what is not."""

from __future__ import annotations

import math


def plain(value: float, digits: int = 5) -> str:
    """`digits` digits that count, and never fewer than stand before the point; powers of ten only at the extremes.

    >>> plain(17203.4), plain(105319.0), plain(0.5392614), plain(-1.50), plain(2026.0)
    ('17,203', '105,319', '0.53926', '-1.5', '2026')
    >>> plain(1.23456e15), plain(5.048851e-13)
    ('1.2346e+15', '5.0489e-13')
    """
    if not math.isfinite(value) or (value and not 1e-4 <= abs(value) < 1e15):
        return f"{value:.{digits}g}"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0
    # a year has no separator
    text = f"{value:{',' if abs(value) >= 10_000 else ''}.{places}f}"
    return text.rstrip("0").rstrip(".") if places else text


def percent(share: float, places: int = 1) -> str:
    """A share from 0 to 1. What rounding would make none or all is shown as less or more.

    >>> percent(0.5), percent(0.0), percent(1.0), percent(0.0004), percent(0.9999), percent(1_000_000 / 1_000_001, 2)
    ('50.0%', '0.0%', '100.0%', '<0.1%', '>99.9%', '>99.99%')
    """
    least = 10.0 ** -(places + 2)
    if 0 < share < least / 2:
        return f"<{least:.{places}%}"
    if 1 - least / 2 < share < 1:
        return f">{1 - least:.{places}%}"
    return f"{share:.{places}%}"
