"""A view as a tree of lines, each with a style: the same on a terminal, in a pipe and in a test. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cli.commands.runs import outcome_told
from cli.text import moment, seconds_in_words
from cli.watching.states import State
from cli.watching.view import View, ending, how_to_decide, shares
from sluice.escaping import visible

_MARKS = {"done": "✓", "failed": "✗", "running": "●"}
_STYLES = {"done": "green", "failed": "red", "running": "cyan"}
_WIDTH = 44


@dataclass(frozen=True)
class Line:
    """`style` is a style of rich; "" is the terminal's own."""

    text: str
    style: str = ""


def tree(view: View, height: int | None = None) -> list[Line]:
    """All lines. With a `height`, stages that have ended are closed, the oldest first, until the rest fits."""
    closed = 0
    while True:
        lines = list(_lines(view, closed))
        if height is None or len(lines) <= height or closed >= len(view.states):
            return lines if height is None else lines[:1] + lines[1:][-(height - 1) :]
        closed += 1


def _lines(view: View, closed: int) -> Iterator[Line]:
    record = view.record
    started = f", started {moment(str(record['started_at']))} UTC" if record.get("started_at") else ""
    yield Line(
        f"{view.run_id} of {view.project}: {outcome_told(record)} · {seconds_in_words(view.seconds)}{started} "
        f"({record.get('trigger')})",
        "bold",
    )
    if not view.states:
        yield Line("  its execution has not begun yet", "dim")
    for place, state in enumerate(view.states):
        yield from _state(state, view.at, "", folded=place < closed and state.status == "done")
        if view.traffic and state is view.states[-1]:
            yield Line(f"  traffic: {shares(view.traffic)}", "bold")
    if view.waits:
        yield from (Line(f"  {line}", "yellow") for line in how_to_decide(view.run_id))
    if view.over:
        yield from (Line(line, "bold") for line in ending(view))


def _state(
    state: State, now: datetime, before: str, *, folded: bool, last: bool = True, deep: bool = False
) -> Iterator[Line]:
    branch = ("└ " if last else "├ ") if deep else ""
    times = f" ×{state.entered}" if state.entered > 1 else ""
    head = f"{before}{branch}{_MARKS[state.status]} {state.name}{times}"
    yield Line(f"{head:<{_WIDTH}} {seconds_in_words(state.seconds(now)):>8}", _STYLES[state.status])
    if folded:
        return
    below = before + (("  " if last else "│ ") if deep else "") + "  "
    rule = below[:-2] + ("│ " if state.children else "  ")
    if state.failure:
        yield Line(f"{rule}  {visible(state.failure)}", "red")
    for text in state.evidence.lines:
        yield Line(f"{rule}  {visible(text)}", "dim" if state.status == "done" else "")
    for child in state.children:
        yield from _state(child, now, below[:-2], folded=False, last=child is state.children[-1], deep=True)
