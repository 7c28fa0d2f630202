"""A run at one moment, and what changed between two moments. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from cli.commands.runs import WAITS, explanation, outcome
from cli.options import FINE, NOT_APPROVED, REFUSED, REJECTED, ROLLED_BACK
from cli.state_sentences import REPEATED
from cli.text import seconds_in_words
from cli.watching.states import State
from sluice.ports import Json
from sluice.records.words import in_words

OUTCOMES = {
    "promoted": FINE,
    "drill_passed": FINE,
    "rejected": REJECTED,
    "rolled_back": ROLLED_BACK,
    "not_approved": NOT_APPROVED,
}
"""Outcome → exit code; every other outcome is a failure."""


@dataclass(frozen=True)
class Change:
    """Something that came to pass: `words` for people, empty if it is for programs alone; `facts` for programs."""

    at: datetime
    event: str
    facts: Json
    words: tuple[str, ...] = ()

    def plain(self) -> Json:
        return {"event": self.event, "at": self.at, **self.facts}


@dataclass
class View:
    """`record`: the run's own; `states`: the tree of what its executions did; `traffic`: variant → share.

    `stopped`: its execution has ended, and no outcome is recorded (yet).
    """

    project: str
    record: Json
    states: list[State]
    at: datetime
    traffic: dict[str, float] = field(default_factory=dict)
    stopped: bool = False

    @property
    def run_id(self) -> str:
        return str(self.record["run_id"])

    @property
    def waits(self) -> bool:
        """Whether the run waits for a person's decision."""
        return outcome(self.record) == WAITS

    @property
    def over(self) -> bool:
        return bool(self.record.get("outcome"))

    @property
    def code(self) -> int:
        return OUTCOMES.get(str(self.record.get("outcome")), REFUSED)

    @property
    def seconds(self) -> float:
        """The run's duration, until its end or until now."""
        end = self.record.get("ended_at")
        began = datetime.fromisoformat(str(self.record.get("started_at") or self.at.isoformat()))
        return max(0.0, ((datetime.fromisoformat(str(end)) if end else self.at) - began).total_seconds())

    @property
    def took(self) -> str:
        """The run's time in words, and how much of it a person took to decide."""
        words, approval = seconds_in_words(self.seconds), self.record.get("approval") or {}
        asked, decided = approval.get("requested_at"), approval.get("decided_at") or self.record.get("ended_at")
        if not asked or not decided:
            return words
        waited = (datetime.fromisoformat(decided) - datetime.fromisoformat(asked)).total_seconds()
        return f"{words} ({seconds_in_words(waited)} of it waiting for approval)" if waited >= 1 else words

    def plain(self) -> Json:
        """For programs."""
        return {
            "project": self.project,
            "run": self.run_id,
            "trigger": self.record.get("trigger"),
            "status": outcome(self.record),
            "outcome": self.record.get("outcome"),
            "because": explanation(self.record) or None,
            "started_at": self.record.get("started_at"),
            "ended_at": self.record.get("ended_at"),
            "seconds": round(self.seconds, 1),
            "traffic": self.traffic,
            "states": [state.plain(self.at) for state in self.states],
        }


def every(states: list[State]) -> Iterator[State]:
    """All states of a tree, each one before those below it."""
    for state in states:
        yield state
        yield from every(state.children)


@dataclass
class Changes:
    """What is new in a view since the one before it. Remembers what was said, and nothing else."""

    _said: dict[tuple[str, str], tuple[int, str, Json]] = field(default_factory=dict)
    _shown: set[tuple[str, str, str]] = field(default_factory=set)
    _traffic: dict[str, float] = field(default_factory=dict)
    _waited: bool = False
    _over: bool = False

    def fresh(self, view: View) -> list[Change]:
        """In the order of the tree: states that began, what was measured in them, and how they ended."""
        found: list[Change] = []
        for state in every(view.states):
            found += self._of_state(state, view.at)
        if view.traffic != self._traffic:
            self._traffic = dict(view.traffic)
            if view.traffic:
                told = f"traffic: {shares(view.traffic)}"
                found.append(Change(view.at, "traffic", {"shares": view.traffic}, (told,)))
        if view.waits and not self._waited:
            words = tuple(how_to_decide(view.run_id))
            found.append(Change(view.at, "waits", {"for": "approval", "run": view.run_id}, words))
        self._waited = view.waits
        if view.over and not self._over:
            found.append(_end(view))
            self._over = True
        return found

    def _of_state(self, state: State, now: datetime) -> Iterator[Change]:
        key = (state.machine, state.name)
        entered, status, facts = self._said.get(key, (0, "", {}))
        self._said[key] = (state.entered, state.status, state.evidence.facts)
        named = {"machine": state.machine, "state": state.name}
        if state.entered != entered:
            # each visit of a bake is a fact, but only the first one is worth a line
            repeated = entered and state.name in REPEATED
            words = () if repeated else (state.words,)
            yield Change(state.newest, "state", {**named, "status": "running", "entered": state.entered}, words)
        if state.evidence.facts and state.evidence.facts != facts:
            new = [line for line in state.evidence.lines if (*key, line) not in self._shown]
            self._shown |= {(*key, line) for line in new}
            yield Change(now, "facts", {**named, "facts": state.evidence.facts}, tuple(f"  {line}" for line in new))
        ended = state.status != "running" and (status, entered) != (state.status, state.entered)
        if ended:
            yield _ended(state, named, now)


def _ended(state: State, named: Json, now: datetime) -> Change:
    took = state.visit(now)
    facts = {**named, "status": state.status, "seconds": round(took, 1)}
    if state.failure:
        return Change(
            state.ended or now, "state", {**facts, "failure": state.failure}, (f"✗ {state.name}: {state.failure}",)
        )
    words = (f"✓ {state.name} took {seconds_in_words(took)}",) if took >= 1 and state.name not in REPEATED else ()
    return Change(state.ended or now, "state", facts, words)


def _end(view: View) -> Change:
    record, why = view.record, explanation(view.record)
    facts = {
        "run": view.run_id,
        "outcome": record["outcome"],
        "because": why or None,
        "seconds": round(view.seconds, 1),
        "exit_code": view.code,
    }
    return Change(view.at, "end", facts, tuple(ending(view)))


def ending(view: View) -> list[str]:
    """How the run ended, and what to do next."""
    run_id, how = view.run_id, str(view.record["outcome"])
    lines = [f"ended after {view.took}: {in_words(how)}. {explanation(view.record)}".rstrip()]
    lines += view.record.get("without_leaks") or []
    lines.append(f"`sluice why {run_id}` has every decision")
    if how == "promoted":
        lines.append(f"`sluice ask {view.project}` prints a request for the new model")
    return lines


def how_to_decide(run_id: str) -> list[str]:
    """Lines to paste while the run waits for a person."""
    return [
        "The run waits for your approval. Read why it passed its gates, then decide:",
        f"  sluice why {run_id}",
        f"  sluice approve {run_id}        (--reason TEXT records why)",
        f"  sluice reject {run_id} --reason TEXT",
    ]


def shares(traffic: dict[str, float]) -> str:
    """
    >>> shares({"v-r1": 0.9, "v-r2": 0.1})
    'v-r1 90 %, v-r2 10 %'
    """
    return ", ".join(f"{name} {100 * share:.3g} %" for name, share in traffic.items())
