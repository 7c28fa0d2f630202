"""The states that a run enters, across its lifecycle execution and the three nested ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cli.connection import Connection
from cli.executions import Histories
from cli.state_sentences import BAKE, QUIET, REPEATED, sentence
from sluice.model.shortening import shortened
from sluice.ports import Json

_FAILURES = ("ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut")


@dataclass(frozen=True)
class Step:
    """A state that was entered, or a failure. `state` is the state's name, empty for a failure."""

    at: datetime
    machine: str
    state: str
    failure: str = ""

    @property
    def words(self) -> str:
        """What to print."""
        if self.failure:
            return f"{self.machine} ended in an error: {self.failure}"
        return sentence(self.machine, self.state)


@dataclass
class Progress:
    """The states that a run's executions entered since the last poll."""

    connection: Connection
    project: str
    run_id: str

    def __post_init__(self) -> None:
        self._histories = Histories(self.connection, self.project, self.run_id)

    def fresh(self) -> list[Step]:
        """Steps since the last call, in order of time."""
        steps = []
        for machine, event in self._histories.fresh():
            state, failure = _told(event)
            if state or failure:
                steps.append(Step(event["timestamp"], machine, state, failure))
        return steps


def _told(event: Any) -> tuple[str, str]:
    """The state that was entered, and how the execution failed: at most one of them is not empty."""
    details = event.get("stateEnteredEventDetails")
    if details:
        return str(details["name"]), ""
    if event["type"] in _FAILURES:
        kind = event["type"][0].lower() + event["type"][1:]
        why = event.get(f"{kind}EventDetails") or {}
        return "", f"{event['type']}: {why.get('error', 'no error was given')}"
    return "", ""


@dataclass
class Narrator:
    """Chooses what is worth a line: states that only repeat what others say have none."""

    _last: str = ""
    _in_bake: set[str] = field(default_factory=set)

    def fresh(self, step: Step) -> str:
        """The line, or nothing."""
        if step.state == BAKE:
            self._in_bake.clear()
        if step.state in QUIET or step.words == self._last or step.state in self._in_bake:
            return ""
        if step.state in REPEATED:
            self._in_bake.add(step.state)
        self._last = step.words
        return step.words


def end_of(execution: Json) -> str:
    why = ": ".join(shortened(str(execution[part]), 300) for part in ("error", "cause") if execution.get(part))
    return f"its execution is {execution['status']}" + (f": {why}" if why else "")
