"""The next blocks of a text, parsed in threads while the one before is used.

Where a block ends is found by one thread, since each begins where the one before ends. Arrow parses without Python, so
that two blocks of CSV take both cores. On one core there are no threads, and the rows are the same.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

import pyarrow as pa

from sluice.intake.blocks import Blocks
from sluice.intake.csv_blocks import BlockReader, Parsed, ReadBlock

_AHEAD = 2
"""Blocks that are parsed behind the one that is used, each in a thread."""


class BlocksAhead:
    """Hands out the blocks of a text in their order. `reader`: what parses them; None: nothing does.

    What the text raises is raised when its turn comes.
    """

    def __init__(self, text: Blocks, reader: BlockReader | None) -> None:
        self._text, self._reader = text, reader
        self._threads = ThreadPoolExecutor(_AHEAD, "parse") if reader is not None and pa.cpu_count() > 1 else None
        self._coming: deque[tuple[bytes, Future[Parsed] | None]] = deque()
        self._parsed: Future[Parsed] | None = None
        self._helps = True
        """Whether the last block was read from what was parsed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)

    def take(self) -> bytes:
        """The next block; none at the text's end."""
        if not self._coming:
            self._add()
        block, self._parsed = self._coming.popleft()
        return block

    def read(self, block: bytes, first_line: int) -> ReadBlock | None:
        """The rows of the block that was taken last, as `BlockReader.read` finds them."""
        if self._reader is None:
            return None
        self._look_ahead()
        found = self._reader.read(block, first_line, self._parsed.result() if self._parsed else None)
        self._parsed, self._helps = None, found is not None
        return found

    def following(self) -> bytes:
        """The block behind the one that was taken last. It is still to be taken."""
        if not self._coming:
            self._add()
        return self._coming[0][0]

    def give_back(self) -> None:
        """Lets the text continue behind the block that was taken last."""
        self._text.give_back([block for block, _ in self._coming])
        for _, parsed in self._coming:
            if parsed is not None:
                parsed.cancel()
        self._coming.clear()

    def _look_ahead(self) -> None:
        if self._threads is None or not self._helps:
            return
        try:
            while len(self._coming) < _AHEAD and (not self._coming or self._coming[-1][0]):
                self._add()
        except Exception:
            # it is raised again when the blocks before it are used up
            return

    def _add(self) -> None:
        block = self._text.take()
        parsed = None
        if block and self._reader is not None and self._threads is not None and self._helps:
            parsed = self._threads.submit(self._reader.parse, block, self._reader.asked())
        self._coming.append((block, parsed))
