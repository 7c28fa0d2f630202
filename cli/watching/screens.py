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
from cli.text import say, seconds_in_words
from cli.watching.digest import digest, heading, results
from cli.watching.tree import tree
from cli.watching.view import Change, Changes, View
from sluice.escaping import visible

_NUMBER = re.compile(r"\d[\d.,]*")
_AGAIN = timedelta(minutes=1)
_BRIEF = 2.0
"""Seconds: what is over sooner is not worth a line of its own beside its result."""


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
    """No more than lines, which stay."""

    def note(self, words: str, **facts: Any) -> None:
        say(words)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Results(_Plain):
    """For a pipe or a file: the result of each stage, and what goes on, which is said again once a minute."""

    def __init__(self) -> None:
        self._shown: set[str] = set()
        self._doing = ""
        self._told: datetime | None = None

    def show(self, view: View) -> None:
        found = digest(view)
        for line in (heading(view), *found.settled):
            if line.text not in self._shown:
                say(line.text)
                self._shown.add(line.text)
        if not found.now or found.seconds < _BRIEF:
            return
        if found.now != self._doing:
            say(f"  … {found.now}")
        elif self._told and view.at - self._told >= _AGAIN:
            say(f"  … {found.progress or found.now} ({seconds_in_words(found.seconds)} so far)")
        else:
            return
        self._doing, self._told = found.now, view.at


class Lines(_Plain):
    """For a pipe or a file with `--verbose`: what changed, a line each, with the time of day in UTC."""

    def __init__(self) -> None:
        self._changes = Changes()
        self._begun = False
        self._newest: datetime | None = None
        self._reasons: dict[str, datetime] = {}

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
    """Redraws the results, or with `--verbose` the tree, in place; the whole of it stays when the display ends."""

    def __init__(self, console: Console, *, verbose: bool) -> None:
        self._console, self._lines = console, tree if verbose else results
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._last: View | None = None

    def __enter__(self) -> Self:
        progress.stop()
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        if self._last:
            say("\n".join(line.text for line in self._lines(self._last)))

    def note(self, words: str, **facts: Any) -> None:
        self._live.console.print(Text(visible(words)))

    def show(self, view: View) -> None:
        self._last = view
        lines = self._lines(view, max(4, self._console.size.height - 1))
        drawn = [Text(visible(line.text), line.style, no_wrap=True, overflow="ellipsis") for line in lines]
        self._live.update(Group(*drawn), refresh=True)


def screen(*, as_json: bool, verbose: bool) -> Screen:
    """The one that fits where the output goes."""
    if as_json:
        return JsonLines()
    console = Console()
    if console.is_terminal:
        return Terminal(console, verbose=verbose)
    return Lines() if verbose else Results()
