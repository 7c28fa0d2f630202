"""Generated mistakes in what flows through the state machines: paths, types, built objects, outputs, variables, calls.

A change that changes nothing is no mistake. Which are such, the rules of `equivalent` say: a text made text again, a
list put into a list constructor (JSONata flattens it), a condition made true or false, null in place of what is always
null. They are counted apart.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from proofs import dataflow
from proofs.dataflow import input_read, outputs
from proofs.expressions import parse
from proofs.mutants import Mutant, Path, at, renamed, shown, walk
from proofs.project import REMOVED, Project
from proofs.walking import MEMORY

_PATH = re.compile(r"(\$(?!states\.context)\w+)((?:\.\w+|\[\d+\])+)")
_TEXT = re.compile(r"(?<== )'(\w+)'")
_TOKEN = "$states.context.Task.Token"


KINDS = frozenset(
    {
        "path that yields nothing",
        "path that ends too early",
        "value of another type",
        "member of a built object",
        "answer that nobody gives",
        "output that is lost",
        "output that replaces what is read",
        "output that nobody reads",
        "variable that is not assigned",
        "variable that holds something else",
        "variable that nobody reads",
        "argument left out",
        "arguments exchanged",
    }
)


@dataclass(frozen=True)
class Equivalent:
    """A change that changes nothing, and the rule that says so."""

    name: str
    rule: str


def generated(project: Project) -> Iterator[Mutant]:
    yield from (each for each in every(project) if isinstance(each, Mutant))


def every(project: Project) -> Iterator[Mutant | Equivalent]:
    # of which type each expression is, a walk shows
    dataflow.findings(project)
    for logical_id, definition in project.definitions.items():
        root: Path = ("definitions", logical_id)
        turns: Counter[str] = Counter()
        for path, value in walk(definition, root):
            if "Comment" in path:
                continue
            if _of_unread_items(project, path):
                yield Equivalent(shown(path), "nobody reads what the items of the Map come to")
            elif isinstance(value, str) and value.startswith("{%"):
                for make in (_paths, _types, _built, _answers):
                    yield from _by_turns(list(make(project, path, value)), turns[value])
                turns[value] += 1
            elif isinstance(value, dict) and len(path) > 1 and path[-2] == "States":
                if not _of_unread_items(project, (*path, "Output")):
                    yield from _outputs(project, path, value)
                yield from _variables(project, path, value)
                if value["Type"] == "Task":
                    yield from _arguments(project, path, value)


def _of_unread_items(project: Project, path: Path) -> bool:
    """Whether the path is an Output of an item of a Map whose result no state reads: what the item did is elsewhere."""
    if "ItemProcessor" not in path or path[-1] != "Output":
        return False
    of_map = path[: path.index("ItemProcessor")]
    state = at(project, of_map)
    return "Next" in state and "Output" not in state and not input_read(at(project, of_map[:-1]), state["Next"])


def _by_turns(made: Sequence[Mutant | Equivalent], turn: int) -> Sequence[Mutant | Equivalent]:
    """An expression that stands at several places of a machine is broken in every way at the first of them, and in two
    ways at each other, by turns.
    """
    if turn == 0 or len(made) < 3:
        return made
    return [made[2 * turn % len(made)], made[(2 * turn + 1) % len(made)]]


def _made(kind: str, project: Project, path: Path, value: Any, what: str) -> Mutant:
    return Mutant(kind, f"{shown(path)}: {what}", project.changed(path, value))


def _paths(project: Project, path: Path, text: str) -> Iterator[Mutant]:
    """A member that does not exist, and the object instead of its member."""
    for found in _PATH.finditer(text):
        variable, steps = found[1], re.findall(r"\.\w+|\[\d+\]", found[2])
        for index, step in enumerate(steps):
            if step.startswith("[") or (variable == "$states" and index == 0):
                continue
            # a letter more or, where one is left, a letter less, by turns
            other = step[:-1] if index % 2 and len(step) > 2 else f"{step}x"
            changed = _put(text, found, variable + "".join([*steps[:index], other, *steps[index + 1 :]]))
            yield _made("path that yields nothing", project, path, changed, f"{other} of {found[0]}")
        if len(steps) > 1 or variable != "$states":
            changed = _put(text, found, variable + "".join(steps[:-1]))
            yield _made("path that ends too early", project, path, changed, found[0])


def _put(text: str, found: re.Match[str], other: str) -> str:
    return text[: found.start()] + other + text[found.end() :]


def _types(project: Project, path: Path, text: str) -> Iterator[Mutant | Equivalent]:
    """A value of another type, as a whole."""
    if _TOKEN in text:
        return
    inner = text[2:-2].strip()
    kinds = _kinds(path)
    ways = [
        ("as text", f"$string({inner})", {"str"}),
        ("in a list", f"[{inner}]", {"list"}),
        ("in an object", f"{{'value': {inner}}}", set()),
        ("as true or false", f"$boolean({inner})", {"bool"}),
        ("as null", f"(({inner}); null)", {"NoneType"}),
    ]
    # three of the five at each place, by turns
    first = sum(map(len, map(str, path)))
    for name, other, same in [ways[(first + index) % len(ways)] for index in range(3)]:
        if kinds and kinds <= same:
            yield Equivalent(f"{shown(path)}: {name}", "is of that type already")
        else:
            yield _made("value of another type", project, path, f"{{% {other} %}}", name)


def _kinds(path: Path) -> set[str]:
    """The types that an expression comes to in the application."""
    _, machine, *below = path
    state = max((index for index, step in enumerate(below) if index and below[index - 1] == "States"), default=0)
    of = ""
    for step in below[state + 1 :]:
        of += f"[{step}]" if isinstance(step, int) else f".{step}" if of else str(step)
    return MEMORY.kinds.get((str(machine), str(below[state]), of), set())


def _built(project: Project, path: Path, text: str) -> Iterator[Mutant]:
    """Members of an object that an expression writes: renamed, left out, of another type."""
    for start, key_end, end, key in _members(text):
        value = text[key_end:end].lstrip(" :")
        before, after = text[:start], text[end:]
        rest = after.lstrip()
        left = before + rest[1:].lstrip() if rest.startswith(",") else re.sub(r",\s*$", "", before) + after
        for what, changed in (
            (f"{key} misspelt", f"{before}'{key}x': {value}{after}"),
            (f"{key} left out", left),
            (f"{key} in a list", f"{before}'{key}': [{value}, 1]{after}"),
            (f"{key} in an object", f"{before}'{key}': {{'value': {value}}}{after}"),
            (f"{key} as a number", f"{before}'{key}': 7.5{after}"),
        ):
            if not isinstance(parse(changed), str):
                yield _made("member of a built object", project, path, changed, what)


def _members(text: str) -> Iterator[tuple[int, int, int, str]]:
    """Where each member of the objects in an expression begins, where its key ends, where it ends; and the key."""
    for found in re.finditer(r"'([\w-]+)'(?=\s*:)", text):
        before = text[: found.start()].rstrip()
        # `a ? 'b' : c` has a colon after a text, too
        if not before.endswith(("{", ",")):
            continue
        depth, index, quoted = 0, found.end(), False
        while index < len(text):
            char = text[index]
            if char == "'":
                quoted = not quoted
            elif not quoted and char in "([{":
                depth += 1
            elif not quoted and char in ")]}":
                if depth == 0:
                    break
                depth -= 1
            elif not quoted and char == "," and depth == 0:
                break
            index += 1
        yield found.start(), found.end(), index, found[1]


def _answers(project: Project, path: Path, text: str) -> Iterator[Mutant]:
    """A condition that waits for an answer that nobody gives."""
    if path[-1] != "Condition":
        return
    for found in _TEXT.finditer(text):
        for other in (found[1] + "s", found[1].capitalize()):
            changed = text[: found.start()] + f"'{other}'" + text[found.end() :]
            yield _made("answer that nobody gives", project, path, changed, other)


def _outputs(project: Project, path: Path, state: dict[str, Any]) -> Iterator[Mutant]:
    """An Output that is missing or another; a Catch that puts an Output of its own in place of the error."""
    scope = at(project, path[:-1])
    if state["Type"] == "Fail":
        return
    for of, holder, target in outputs(state):
        below = tuple(int(each) if each.isdigit() else each for each in re.findall(r"\w+", of))
        where = (*path, *below, "Output")
        if "Output" in holder:
            for what, value in (("left out", REMOVED), ("an empty object", {}), ("null", None)):
                yield _made("output that is lost", project, where, value, what)
            for name in holder["Output"] if isinstance(holder["Output"], dict) else ():
                member = (*where, name)
                yield _made("output that is lost", project, member, REMOVED, "left out")
                yield Mutant("output that is lost", f"{shown(member)} as {name}x", renamed(project, member, f"{name}x"))
        elif state["Type"] != "Pass" or target:
            # one that replaces what is read is a mistake, and so is one that nobody reads
            kind = "output that replaces what is read" if input_read(scope, target) else "output that nobody reads"
            yield _made(kind, project, where, {"done": True}, "put in place")


def _variables(project: Project, path: Path, state: dict[str, Any]) -> Iterator[Mutant]:
    """Variables: not assigned, assigned under another name, null or an empty object; one that nobody reads."""
    holders: list[Path] = [path]
    holders += [(*path, key, index) for key in ("Choices", "Catch") for index in range(len(state.get(key, [])))]
    for holder in holders:
        assigned = at(project, holder).get("Assign", {})
        for name, value in assigned.items():
            where = (*holder, "Assign", name)
            yield _made("variable that is not assigned", project, where, REMOVED, "left out")
            yield Mutant(
                "variable that is not assigned", f"{shown(where)} as {name}x", renamed(project, where, f"{name}x")
            )
            for what, instead in (("null", None), ("an empty object", {}), ("a list", [1]), ("a number", 7.5)):
                if instead != value:
                    yield _made("variable that holds something else", project, where, instead, what)
        if assigned or (holder == path and state["Type"] in ("Task", "Pass", "Choice", "Parallel")):
            more = {**assigned, "kept": 1}
            yield _made("variable that nobody reads", project, (*holder, "Assign"), more, "kept")


def _arguments(project: Project, path: Path, state: dict[str, Any]) -> Iterator[Mutant]:
    """Arguments: a member left out, a member with its neighbour's value."""
    for place, value in walk(state["Arguments"], (*path, "Arguments")):
        if not isinstance(value, dict):
            continue
        for name in value:
            yield _made("argument left out", project, (*place, name), REMOVED, "left out")
        for one, two in itertools.pairwise(value):
            if value[one] != value[two]:
                exchanged = {**value, one: value[two], two: value[one]}
                yield _made("arguments exchanged", project, place, exchanged, f"{one}, {two}")
