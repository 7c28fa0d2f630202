"""Two columns that identify a row together, such as a customer and a month, where no column does alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice, product

from sluice.intake.batches import Batches

_PERIOD = re.compile(
    r"(?i)(^|[_\-. ])(date|day|week|month|quarter|year|period|time|season|round|wave|visit|datum|tag|monat|jahr)s?$"
)
MAX_PAIRS = 30


def is_period(name: str) -> bool:
    """Whether a column says by its name when something was.

    >>> is_period("order_month"), is_period("Jahr"), is_period("update"), is_period("amount")
    (True, True, False, False)
    """
    return bool(_PERIOD.search(name))


def pairs_of(ones: Sequence[str], periods: Sequence[str]) -> list[tuple[str, str]]:
    """What is tried: each of `ones` with each of `periods`."""
    return list(islice(((one, period) for one, period in product(ones, periods) if one != period), MAX_PAIRS))


def distinct_pairs(batches: Batches, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The pairs of columns whose values occur together only once, in the order of `pairs`."""
    seen: dict[tuple[str, str], set[int]] = {pair: set() for pair in pairs}
    for batch in batches:
        names = {name for pair in seen for name in pair}
        texts = {name: [(text or "").strip() for text in batch.columns[name].to_pylist()] for name in names}
        for pair, found in list(seen.items()):
            before = len(found)
            found.update(map(hash, zip(texts[pair[0]], texts[pair[1]], strict=True)))
            if len(found) < before + len(batch.rows):
                del seen[pair]
        if not seen:
            break
    return list(seen)
