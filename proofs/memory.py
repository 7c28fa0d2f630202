"""What the visits of one application's states came to, so that a copy with a single change is walked quickly."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from proofs.project import Project

Place = tuple[str, str, str]
"""Logical id of a machine, name of a state, and what of it."""
Way = tuple[str | None, Any, dict[str, Any]]
"""The state that follows (None at an end), its input, and the variables that were assigned."""


@dataclass
class Visit:
    """What one visit of a state came to, or one walk through a machine: the ways out, and what was seen on them."""

    state: dict[str, Any]
    ways: list[Way] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    found: set[tuple[Place, str]] = field(default_factory=set)
    yields: dict[tuple[Place, str], bool] = field(default_factory=dict)
    taken: set[Place] = field(default_factory=set)


class Names:
    """A short name for each value, the same for equal ones; and its kind: the value but for its numbers."""

    def __init__(self, more: Names | None = None) -> None:
        self._more = more
        self._by_id: dict[int, tuple[Any, str]] = {}
        self._by_text: dict[str, str] = {}
        self._kinds: dict[str, str] = {}

    def of(self, value: Any) -> str:
        found = self._known(value)
        if found is None:
            text = json.dumps(value, sort_keys=True)
            found = self._named(text)
            # the value is kept with its name: no other one can get its id meanwhile
            self._by_id[id(value)] = (value, found)
        return found

    def kind(self, value: Any) -> str:
        name = self.of(value)
        if name not in self._kinds:
            self._kinds[name] = kind(value)
        return self._kinds[name]

    def _known(self, value: Any) -> str | None:
        found = self._by_id.get(id(value))
        if found is not None and found[0] is value:
            return found[1]
        return self._more._known(value) if self._more else None

    def _named(self, text: str) -> str:
        if self._more and text in self._more._by_text:
            return self._more._by_text[text]
        return self._by_text.setdefault(text, f"{len(self._by_text)}{'' if self._more else 'g'}")


class Memory:
    """The visits of the first application that was walked in this process."""

    def __init__(self) -> None:
        self.names = Names()
        self.kinds: dict[Place, set[str]] = defaultdict(set)
        """The types that an expression of the first application comes to."""
        self._first: Project | None = None
        self._visits: dict[tuple[str, ...], Visit] = {}
        self._unread: dict[str, tuple[dict[str, Any], list[tuple[Place, str]]]] = {}

    def same(self, project: Project, logical_id: str) -> bool:
        """Whether a machine, and all that it may start, is as the first application has it."""
        if self._first is None or project.definitions[logical_id] is not self._first.definitions.get(logical_id):
            return False
        declared = project.source["Resources"][logical_id]["Properties"].get("DefinitionSubstitutions", {})
        targets = [str(each["Ref"]) for each in declared.values() if isinstance(each, dict) and "Ref" in each]
        return all(self.same(project, each) for each in targets if each in project.definitions and each != logical_id)

    def once(
        self, logical_id: str, definition: dict[str, Any], made: Callable[[], list[tuple[Place, str]]]
    ) -> list[tuple[Place, str]]:
        """What `made` makes of a definition, made once for each."""
        found = self._unread.get(logical_id)
        if found is not None and found[0] is definition:
            return found[1]
        result = made()
        if found is None:
            self._unread[logical_id] = (definition, result)
        return result

    def knows(self, project: Project) -> bool:
        """Whether its visits may be those of the first one, which it becomes where there is none."""
        if self._first is None:
            self._first = project
        return project.source is self._first.source and project.code is self._first.code

    def is_of(self, project: Project) -> bool:
        return project is self._first

    def visit(self, key: tuple[str, ...], state: dict[str, Any]) -> Visit | None:
        found = self._visits.get(key)
        return found if found is not None and found.state is state else None

    def keep(self, key: tuple[str, ...], visit: Visit) -> None:
        self._visits[key] = visit


def kind(value: Any) -> str:
    """The value but for its numbers, by which counters differ."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{kind(each)}" for key, each in sorted(value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(kind(each) for each in value) + "]"
    return "0" if isinstance(value, int | float) and not isinstance(value, bool) else repr(value)
