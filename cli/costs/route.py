"""Counts what an execution enters, from the definitions themselves: Step Functions bills each state, and each retry."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from cli import machines

POLLED = "EndpointBusyError"
"""A state that retries on this asks again until an endpoint has settled; each time is a transition and a call."""
_MAX_STATES = 1_000_000


@dataclass(frozen=True)
class Route:
    """States entered, and those of them that call a Lambda; `polls` are waits for an endpoint, each entered once."""

    transitions: int = 0
    invocations: int = 0
    polls: int = 0

    def __add__(self, other: Route) -> Route:
        return Route(
            self.transitions + other.transitions, self.invocations + other.invocations, self.polls + other.polls
        )


@cache
def definition(name: str) -> dict[str, Any]:
    return machines.definition(machines.SOURCES / f"{name}.asl.yaml")


def route(machine: Mapping[str, Any], end: str, choices: Mapping[str, str | Sequence[str]] | None = None) -> Route:
    """The way to the state `end`.

    `choices` says where a Choice leads: a state, or one a visit. A Choice that is not named takes the branch that is
    the fewest states away from `end`. Raises ValueError when the way does not lead there.
    """
    states, chosen = machine["States"], dict(choices or {})
    total, visits, name = Route(), Counter[str](), machine["StartAt"]
    while total.transitions < _MAX_STATES:
        state = states[name]
        total += _entered(state)
        if name == end or state.get("End"):
            return total
        if state["Type"] in ("Succeed", "Fail"):
            raise ValueError(f"the way to {end!r} ends in {name!r}")
        visits[name] += 1
        ways = list(_next(state))
        if len(ways) > 1:
            wanted = chosen.get(name)
            if wanted is None:
                name = min(ways, key=lambda way: _distance(states, way, end))
            else:
                name = wanted if isinstance(wanted, str) else wanted[visits[name] - 1]
            if name not in ways:
                raise ValueError(f"{name!r} does not follow the Choice; it leads to {', '.join(ways)}")
        else:
            name = ways[0]
    raise ValueError(f"the way to {end!r} has more than {_MAX_STATES:,} states")


def _entered(state: Mapping[str, Any]) -> Route:
    calls = state["Type"] == "Task" and ":lambda:invoke" in state.get("Resource", "")
    polls = any(POLLED in retrier["ErrorEquals"] for retrier in state.get("Retry", []))
    total = Route(1, int(calls), int(polls))
    for branch in state.get("Branches", []):
        total += route(branch, "")
    return total


def _next(state: Mapping[str, Any]) -> Iterator[str]:
    if state["Type"] == "Choice":
        yield from dict.fromkeys([*(choice["Next"] for choice in state["Choices"]), state["Default"]])
    else:
        yield state["Next"]


def _distance(states: Mapping[str, Any], start: str, end: str) -> float:
    seen, waiting = {start}, deque([(start, 0)])
    while waiting:
        name, steps = waiting.popleft()
        if name == end:
            return steps
        state = states[name]
        if state["Type"] in ("Succeed", "Fail") or state.get("End"):
            continue
        for way in _next(state):
            if way not in seen:
                seen.add(way)
                waiting.append((way, steps + 1))
    return float("inf")
