"""A part of a file that is too large for one function: what it holds, and how much of the file stands before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """Bytes `start` to `end` of the text in UTF-8, without byte order mark; of Parquet row groups instead.

    `before`: lines of the text, or rows, before it.
    """

    start: int
    end: int
    before: int


Boundary = tuple[int, int, int]
"""Where a file may be cut: the place as `Part.start` counts it, and the bytes and the lines (or rows) before it."""


def parts_of(boundaries: Iterable[Boundary], size: int) -> Iterator[Part]:
    """Parts of at least `size` bytes, but the last.

    The first boundary is where the first row may stand; what is above it belongs to the first part.

    >>> list(parts_of([(5, 5, 1), (9, 9, 2), (13, 13, 3), (15, 15, 4)], 6))
    [Part(start=0, end=9, before=0), Part(start=9, end=15, before=2)]
    """
    start = before = end = size_before = 0
    for end, size_to, count in boundaries:
        if end > start and size_to - size_before >= size:
            yield Part(start, end, before)
            start, before, size_before = end, count, size_to
    if end > start or not end:
        yield Part(start, end, before)
