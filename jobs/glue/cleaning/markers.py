"""What the contract's missing markers mean, as `sluice.model.values.Reading` reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0+")
_TIME = re.compile(
    r"[0-9]{4}-(?:[0-9]{2}-[0-9]{2}|W[0-9]{2}(?:-[0-9])?)"
    r"(?:[Tt_\s][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2}(?:[.,][0-9]+)?)?)?(?:\s*[Z+-].*)?)?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Markers:
    """The markers of one column; `dates` are the patterns in which its times are written."""

    given: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.given)

    @cached_property
    def texts(self) -> list[str]:
        """Without blanks around them, also as categories are written."""
        found = {marker.strip() for marker in self.given}
        return sorted(found | {_category(marker) for marker in found})

    @cached_property
    def numbers(self) -> list[float]:
        """Numbers in the spelling of JSON: -999 names a number, and 00 does not, since 0 is a value beside it."""
        found = [marker for marker in self.texts if _NUMBER.fullmatch(marker) and math.isfinite(float(marker))]
        return sorted({float(marker) for marker in found if _digits(float(marker)) == marker})

    @cached_property
    def times(self) -> list[datetime]:
        """Times in UTC without an offset, of markers in one of `dates` or in ISO 8601."""
        found = (moment for marker in self.texts for moment in (_by_pattern(marker, self.dates), _iso(marker)))
        return sorted({moment for moment in found if moment is not None})


def _category(text: str) -> str:
    if text.lower() in ("true", "false"):
        return text.lower()
    whole = _WHOLE.fullmatch(text)
    return text if whole is None else "0" if whole[1] == "-0" else whole[1]


def _digits(number: float) -> str:
    text = format(Decimal(repr(number)), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _by_pattern(text: str, patterns: Iterable[str]) -> datetime | None:
    for pattern in patterns:
        try:
            return _utc(datetime.strptime(text, pattern))
        except (ValueError, OverflowError):
            continue
    return None


def _iso(text: str) -> datetime | None:
    try:
        return _utc(datetime.fromisoformat(text)) if _TIME.fullmatch(text) else None
    except (ValueError, OverflowError):
        return None


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
