"""Says that something is going on, once it takes more than a second: on a terminal with a spinner and the time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sluice.escaping import visible

PATIENCE = 1.0
"""Seconds of silence."""
_working: list[_Working] = []


class _Working:
    """One thing that goes on. On a terminal its line goes away; elsewhere a line says once that it goes on."""

    def __init__(self, what: str) -> None:
        self._what = visible(what)
        self._lock = threading.Lock()
        self._over = False
        self._shown: Progress | None = None
        self._timer = threading.Timer(PATIENCE, self._show)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        with self._lock:
            self._over = True
            self._timer.cancel()
            if self._shown:
                self._shown.stop()
                self._shown = None

    def _show(self) -> None:
        with self._lock:
            if self._over:
                return
            console = Console(stderr=True)
            if not console.is_terminal:
                console.out(f"… {self._what}", highlight=False)
                return
            columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
            # what is printed meanwhile goes where it was meant to: stdout may be a file
            self._shown = Progress(
                *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
            )
            self._shown.add_task(self._what, total=None)
            self._shown.start()


@contextmanager
def working(what: str) -> Iterator[None]:
    """While the block runs. What was going on before is not shown any more."""
    stop()
    mine = _Working(what)
    _working.append(mine)
    try:
        yield
    finally:
        mine.end()
        if mine in _working:
            _working.remove(mine)


def stop() -> None:
    """Before something is printed: the line of what goes on goes away, and does not come back."""
    while _working:
        _working.pop().end()
