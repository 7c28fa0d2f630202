"""Durations as people write them: `30s`, `10m`, `1h`, `7d`."""

from __future__ import annotations

import re

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_PATTERN = re.compile(r"(\d+)([smhd])")


def seconds(text: str) -> int:
    """Seconds of a duration such as `90s`, `10m`, `1h` or `7d`.

    >>> seconds("10m")
    600
    """
    match = _PATTERN.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a duration; write a whole number and s, m, h or d, for example 10m")
    return int(match[1]) * _UNITS[match[2]]


def rate_expression(text: str) -> str:
    """The EventBridge Scheduler expression of a duration of whole minutes.

    >>> rate_expression("1h")
    'rate(60 minutes)'
    """
    minutes, rest = divmod(seconds(text), 60)
    if rest or minutes < 1:
        raise ValueError(f"a schedule needs whole minutes, at least 1m; got {text!r}")
    return f"rate({minutes} minute{'s' if minutes > 1 else ''})"
