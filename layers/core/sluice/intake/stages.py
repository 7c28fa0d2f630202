"""Stages of a stream in threads of their own, so that one block is read while the one before is judged and written.

Arrow and numpy leave Python to the other threads while they work. Everything keeps its order, errors too: what the rows
before had raised is raised first. On one core there are no threads.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any, Self, TypeVar

import pyarrow as pa

T = TypeVar("T")
_END: Any = object()


def ahead(source: Generator[T]) -> Generator[T]:
    """The items of the source; while one is used, the next one is made. Closes the source."""
    with closing(source):
        if pa.cpu_count() < 2:
            yield from source
            return
        with ThreadPoolExecutor(1, "read") as thread:
            coming = thread.submit(next, source, _END)
            while (item := coming.result()) is not _END:
                coming = thread.submit(next, source, _END)
                yield item


class Behind:
    """Calls that are made one after the other, behind the thread that asks for them, at most one of them at a time."""

    def __init__(self, name: str) -> None:
        self._thread = ThreadPoolExecutor(1, name) if pa.cpu_count() > 1 else None
        self._running: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.wait()
        finally:
            if self._thread is not None:
                self._thread.shutdown()

    def call(self, work: Callable[[], None]) -> None:
        """Waits for the call before; raises what that one raised."""
        self.wait()
        if self._thread is None:
            work()
        else:
            self._running = self._thread.submit(work)

    def wait(self) -> None:
        """Raises what the last call raised."""
        running, self._running = self._running, None
        if running is not None:
            running.result()
