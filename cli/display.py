"""What `sluice follow` shows: lines that stay, and on a terminal one line of what is going on now."""

from __future__ import annotations

from typing import Any, Self

from rich.console import Console
from rich.status import Status
from rich.text import Text

from cli.options import print_json_line
from cli.text import say
from sluice.escaping import visible


class Display:
    """Lines for people. Facts that come with a line are for programs, and not shown."""

    def __init__(self) -> None:
        self._console = Console()
        self._status: Status | None = Status("", console=self._console) if self._console.is_terminal else None

    def __enter__(self) -> Self:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def line(self, words: str, **facts: Any) -> None:
        """Rich redraws the line of what is going on below whatever is printed."""
        say(words)

    def now(self, words: str) -> None:
        """Replaces the line of what is going on."""
        if self._status:
            self._status.update(Text(visible(words)))


class JsonDisplay(Display):
    """One JSON object for each line, with the facts alone."""

    def __init__(self) -> None:
        self._status = None

    def line(self, words: str, **facts: Any) -> None:
        if facts:
            print_json_line(facts)
