"""Where a view goes: a terminal is redrawn, a pipe gets lines, a program gets one JSON object for each change."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from cli import progress
from cli.options import print_json_line
from cli.text import say
from cli.watching.tree import tree
from cli.watching.view import Change, Changes, View
from sluice.escaping import visible

_NUMBER = re.compile(r"\d[\d.,]*")
_AGAIN = timedelta(minutes=1)


class Screen(Protocol):
    """What `sluice watch` shows on."""

    def note(self, words: str, **facts: Any) -> None:
        """Something that is known before there is a run to show."""

    def show(self, view: View) -> None:
        """Called with each poll."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Plain:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Lines(_Plain):
    """For a pipe or a file: what changed, a line each, with the time of day in UTC."""

    def __init__(self) -> None:
        self._changes = Changes()
        self._begun = False
        self._newest: datetime | None = None
        self._reasons: dict[str, datetime] = {}

    def note(self, words: str, **facts: Any) -> None:
        say(words)

    def show(self, view: View) -> None:
        if not self._begun:
            say(f"{view.run_id} of {view.project} ({view.record.get('trigger')})")
            self._begun = True
        for change in self._changes.fresh(view):
            # what was found late is printed with the newest time: a log's times do not go back
            self._newest = max(change.at, self._newest or change.at)
            for line in change.words:
                if change.event == "end":
                    say(line)
                elif not self._said_lately(line, self._newest):
                    say(f"  {self._newest:%H:%M:%S}  {visible(line)}")

    def _said_lately(self, line: str, now: datetime) -> bool:
        """Whether it was said within a minute with other numbers, as the seconds of a bake, or how far a search is."""
        if not line.lstrip().startswith(("- ", "auto: ")):
            return False
        shape = _NUMBER.sub("#", line)
        before = self._reasons.get(shape)
        if before and now - before < _AGAIN:
            return True
        self._reasons[shape] = now
        return False


class JsonLines(_Plain):
    """For programs: each change as an object on a line of its own."""

    def __init__(self) -> None:
        self._changes = Changes()
        self._begun = False

    def note(self, words: str, **facts: Any) -> None:
        print_json_line({"event": "note", "words": words, **facts})

    def show(self, view: View) -> None:
        changes = self._changes.fresh(view)
        if not self._begun:
            facts = {"project": view.project, "run": view.run_id, "trigger": view.record.get("trigger")}
            changes = [Change(view.at, "run", facts), *changes]
            self._begun = True
        for change in changes:
            print_json_line(change.plain())


class Terminal:
    """Redraws the tree in place; the whole of it stays when the display ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._last: View | None = None

    def __enter__(self) -> Self:
        progress.stop()
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        if self._last:
            say("\n".join(line.text for line in tree(self._last)))

    def note(self, words: str, **facts: Any) -> None:
        self._live.console.print(Text(visible(words)))

    def show(self, view: View) -> None:
        self._last = view
        lines = tree(view, max(4, self._console.size.height - 1))
        drawn = [Text(visible(line.text), line.style, no_wrap=True, overflow="ellipsis") for line in lines]
        self._live.update(Group(*drawn), refresh=True)


def screen(*, as_json: bool) -> Screen:
    """The one that fits where the output goes."""
    if as_json:
        return JsonLines()
    console = Console()
    return Terminal(console) if console.is_terminal else Lines()
