"""The form of an answer that a caller accepts: content negotiation after RFC 9110, section 12.5.1.

The form with the highest quality is chosen. Of several with the same quality, one that the caller names comes before
one that only a wildcard covers; then JSON comes before JSON lines, and JSON lines before CSV.

>>> answer_form("application/json, text/plain, */*")
'application/json'
>>> answer_form("application/json;q=0.5, text/csv; header=present")
'text/csv; header=present'
>>> answer_form("image/png") is None
True
"""

from __future__ import annotations

import re
from functools import lru_cache

from sluice.model.payloads import CSV, JSON, JSON_LINES_NAMES, TABLE, parameters

_OFFERED = (JSON, *JSON_LINES_NAMES, CSV)
# A comma within quotes separates nothing.
_PARTS = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*"?)+')
_EXACT, _TYPE, _ANY = 2, 1, 0


@lru_cache(64)
def answer_form(accept: str | None) -> str | None:
    """The content type to answer in, or None when the caller accepts none that there is. No header accepts all."""
    ranges = [_range(part) for part in _PARTS.findall(accept or "") if part.strip(" \t")]
    if not ranges:
        return JSON
    best: tuple[float, int] = (0.0, 0)
    chosen = None
    for offered in _OFFERED:
        # the most specific range says how much a form is wanted, whatever the wider ones say
        fitting = [(fit, quality, table) for kind, quality, table in ranges if (fit := _fit(kind, offered)) is not None]
        if not fitting:
            continue
        fit = max(fitting)[0]
        _, quality, table = max((found for found in fitting if found[0] == fit), key=lambda found: found[1])
        if quality > 0 and (quality, fit) > best:
            best, chosen = (quality, fit), TABLE if table and offered == CSV else offered
    return chosen


def _range(text: str) -> tuple[str, float, bool]:
    """Media range, quality, and whether a header is asked for."""
    kind = text.split(";", 1)[0].strip().lower()
    found = parameters(text)
    return "*/*" if kind == "*" else kind, _quality(found.get("q", "1")), found.get("header") == "present"


def _quality(text: str) -> float:
    """A quality that is not a number counts as none given."""
    return min(1.0, float(text)) if re.fullmatch(r"\d{0,4}\.?\d{0,9}", text) and text.strip(".") else 1.0


def _fit(kind: str, offered: str) -> int | None:
    if kind == offered:
        return _EXACT
    if kind == "*/*":
        return _ANY
    return _TYPE if kind.endswith("/*") and offered.startswith(kind[:-1]) else None
