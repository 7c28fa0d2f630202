"""The states of a run, from the events of its executions: what was entered, how long it took, how it ended.

Pure: events in, states out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cli.executions import DRILL, LIFECYCLE
from cli.state_sentences import QUIET, sentence
from sluice.model.shortening import shortened
from sluice.ports import Json
from sluice.store.causes import reason_of

_ENDS = {
    "ExecutionSucceeded": "",
    "ExecutionFailed": "",
    "ExecutionAborted": "stopped",
    "ExecutionTimedOut": "too late",
}
STAGES = {"Prepare Data": "PrepareData", "Build Model": "BuildModel", "Release Model": "ReleaseModel"}
"""State of the lifecycle → the machine that it starts."""
WAITS = frozenset({"Bake", "Await Requests"})
"""States that wait for a token which may never come: that their time is over is their usual end."""
_REASON = 300  # characters


@dataclass(frozen=True)
class Evidence:
    """What was measured or decided in a state: `lines` for people, `facts` for programs."""

    lines: tuple[str, ...] = ()
    facts: Json = field(default_factory=dict)

    def and_also(self, other: Evidence) -> Evidence:
        return Evidence(self.lines + other.lines, {**self.facts, **other.facts})


@dataclass
class State:
    """One state, in all of its visits: `entered` counts them."""

    machine: str
    name: str
    began: datetime
    entered: int = 1
    ended: datetime | None = None
    again: datetime | None = None
    """When it was entered the last time; None for the first time."""
    before: float = 0.0
    """Seconds of the earlier visits."""
    failure: str = ""
    evidence: Evidence = Evidence()
    children: list[State] = field(default_factory=list)

    @property
    def status(self) -> str:
        if self.failure and self.ended:
            return "failed"
        return "done" if self.ended else "running"

    @property
    def words(self) -> str:
        return sentence(self.machine, self.name)

    @property
    def newest(self) -> datetime:
        """When its newest visit began."""
        return self.again or self.began

    def visit(self, now: datetime) -> float:
        """Seconds of its newest visit, until its end or until now."""
        return max(0.0, ((self.ended or now) - self.newest).total_seconds())

    def seconds(self, now: datetime) -> float:
        """The duration of all visits."""
        return self.before + self.visit(now)

    def plain(self, now: datetime) -> Json:
        """For programs, with everything below it."""
        return {
            "machine": self.machine,
            "state": self.name,
            "status": self.status,
            "began": self.began,
            "ended": self.ended,
            "seconds": round(self.seconds(now), 1),
            "entered": self.entered,
            "failure": self.failure or None,
            "facts": self.evidence.facts,
            "states": [child.plain(now) for child in self.children],
        }


@dataclass
class Timeline:
    """Adds up events. `ended`: machines whose execution has ended."""

    _states: dict[tuple[str, str], State] = field(default_factory=dict)
    _of_event: dict[tuple[str, int], str] = field(default_factory=dict)
    _parallel: dict[str, str] = field(default_factory=dict)
    _branches: dict[tuple[str, str], str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)

    def add(self, events: Iterable[tuple[str, Any]]) -> None:
        for machine, event in events:
            self._add(machine, event)

    def top(self) -> list[State]:
        """The lifecycle's states, or a drill's, with the states of the nested executions below them.

        States that only repeat what others say are left out.
        """
        own = [state for state in self._states.values() if state.name not in QUIET]
        nested: dict[str, list[State]] = {}
        for state in own:
            state.children = []
        for state in own:
            if parallel := self._states.get((state.machine, self._branches.get((state.machine, state.name), ""))):
                parallel.children.append(state)
            else:
                nested.setdefault(state.machine, []).append(state)
        found = nested.get(LIFECYCLE) or nested.get(DRILL) or []
        for state in found:
            if state.machine == LIFECYCLE:
                state.children = nested.get(STAGES.get(state.name, ""), [])
        return found

    def _add(self, machine: str, event: Any) -> None:
        at = event["timestamp"]
        if details := event.get("stateEnteredEventDetails"):
            name = str(details["name"])
            self._enter(machine, name, at)
            self._of_event[machine, event["id"]] = name
            if event["type"] == "ParallelStateEntered":
                self._parallel[machine] = name
            return
        # an event belongs to the state of the one before it; the local cloud does not say which one that is
        within = self._of_event.get((machine, event.get("previousEventId", 0)), "")
        if within:
            self._of_event[machine, event["id"]] = within
        if details := event.get("stateExitedEventDetails"):
            name = str(details["name"])
            if self._parallel.get(machine) == name:
                del self._parallel[machine]
            if state := self._states.get((machine, name)):
                state.ended = at
        elif event["type"] in _ENDS:
            self._end(machine, event, at)
        elif event["type"].endswith(("Failed", "TimedOut", "Succeeded")):
            state = self._states.get((machine, within)) or self._newest_open(machine)
            if state:
                over = event["type"].endswith("Succeeded") or (state.name in WAITS and _is_timeout(event))
                state.failure = "" if over else _why(event)

    def _enter(self, machine: str, name: str, at: datetime) -> None:
        state = self._states.get((machine, name))
        if state is None:
            self._states[machine, name] = State(machine, name, at)
            if machine in self._parallel:
                self._branches[machine, name] = self._parallel[machine]
            return
        state.before += state.visit(at)
        state.entered += 1
        state.again, state.ended, state.failure = at, None, ""

    def _end(self, machine: str, event: Any, at: datetime) -> None:
        self.ended.add(machine)
        failed = event["type"] != "ExecutionSucceeded"
        for state in self._states.values():
            if state.machine == machine and state.ended is None:
                state.ended = at
                state.failure = state.failure or (_why(event) if failed else "")

    def _newest_open(self, machine: str) -> State | None:
        return next(
            (each for (of, _), each in reversed(self._states.items()) if of == machine and not each.ended), None
        )


def _is_timeout(event: Any) -> bool:
    return event["type"].endswith("TimedOut") or _details(event).get("error") == "States.Timeout"


def _details(event: Any) -> Json:
    return next((value for key, value in event.items() if key.endswith("EventDetails") and isinstance(value, dict)), {})


def _why(event: Any) -> str:
    """Error and reason of an event that reports a failure."""
    found = _details(event)
    error = str(found.get("error") or _ENDS.get(event["type"]) or "no error was given")
    cause = reason_of(str(found["cause"])) if found.get("cause") else ""
    return shortened(f"{error}: {cause}" if cause else error, _REASON, "`sluice why`")
