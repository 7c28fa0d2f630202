"""Generated mistakes in the state machines. Those in the arguments of AWS's calls are proofs/call_mutants.py's.

Not made, because nothing is wrong with them or only a run could tell: another existing state as a target, other
numbers, other comments, another name of a state throughout.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from proofs.call_mutants import mutants as call_mutants
from proofs.integrations import parse
from proofs.mutants import Mutant, Path, at, renamed, shown, walk
from proofs.project import Project

_FREE = {"Comment"}


def generated(project: Project) -> Iterator[Mutant]:
    for logical_id, definition in project.definitions.items():
        root: Path = ("definitions", logical_id)
        yield Mutant("no query language", logical_id, project.changed((*root, "QueryLanguage")))
        yield Mutant("mixed query languages", logical_id, project.changed((*root, "QueryLanguage"), "JSONPath"))
        yield Mutant("dangling target", f"{logical_id}.StartAt", project.changed((*root, "StartAt"), "Nowhere"))
        for path, state in _states(definition, root):
            yield from _flow(project, path, state)
            yield from _fields(project, path, state)
            yield from _errors(project, path, state)
            yield from _language(project, path, state)
            if state["Type"] == "Task":
                yield from _task(project, path, state)
        yield from _expressions(project, root, definition)
        yield from _substitutions(project, root, definition)


def calls(project: Project) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Mistake, place and state of every mistake in the call of a Task.

    Arguments that are one expression have the data flow's mistakes: `dataflow` compares what samples make them.
    """
    for logical_id, definition in project.definitions.items():
        for path, state in _states(definition, ("definitions", logical_id)):
            if state["Type"] == "Task" and isinstance(state["Arguments"], dict):
                for each in call_mutants(state):
                    yield each.name, shown(path), each.state


def _states(definition: dict[str, Any], root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Path and state of every state, those in branches included."""
    for path, value in walk(definition, root):
        if isinstance(value, dict) and "Type" in value and len(path) > 1 and path[-2] == "States":
            yield path, value


def _flow(project: Project, path: Path, state: dict[str, Any]) -> Iterator[Mutant]:
    for key in ("Next", "Default"):
        if key in state:
            yield Mutant("dangling target", shown((*path, key)), project.changed((*path, key), "Nowhere"))
            yield Mutant("no way on", shown((*path, key)), project.changed((*path, key)))
    for key in ("Choices", "Catch"):
        for index in range(len(state.get(key, []))):
            target = (*path, key, index, "Next")
            yield Mutant("dangling target", shown(target), project.changed(target, "Nowhere"))
    yield Mutant("a state is missing", shown(path), project.changed(path))
    yield Mutant("a state that nothing reaches", shown(path), renamed(project, path, f"{path[-1]} Anew"))


def _fields(project: Project, path: Path, state: dict[str, Any]) -> Iterator[Mutant]:
    for field in state:
        if field not in _FREE:
            name = field[:1].lower() + field[1:]
            yield Mutant("misspelt field", f"{shown((*path, field))} as {name}", renamed(project, (*path, field), name))
    yield Mutant("unknown type of state", shown(path), project.changed((*path, "Type"), state["Type"].lower()))
    if state["Type"] == "Task":
        for field in ("TimeoutSeconds", "Retry", "Catch", "Resource"):
            if field in state:
                kind = {"Resource": "no integration"}.get(field, f"no {field}")
                yield Mutant(kind, shown(path), project.changed((*path, field)))


def _errors(project: Project, path: Path, state: dict[str, Any]) -> Iterator[Mutant]:
    for key in ("Retry", "Catch"):
        for index, rule in enumerate(state.get(key, [])):
            where = (*path, key, index)
            place = (*where, "ErrorEquals", len(rule["ErrorEquals"]) - 1)
            yield Mutant("unknown error", shown(place), project.changed(place, at(project, place)[:-1]))
            for field in rule:
                if field != "Comment":
                    name = shown((*where, field))
                    yield Mutant("misspelt field", name, renamed(project, (*where, field), field + "s"))
            if "Lambda.TooManyRequestsException" in rule.get("ErrorEquals", []) and key == "Retry":
                yield Mutant("impatient retry", shown(where), project.changed((*where, "MaxAttempts"), 6))
            if key == "Retry" and rule.get("JitterStrategy"):
                yield Mutant("retries in step", shown(where), project.changed((*where, "JitterStrategy")))
            if key == "Catch" and "'state'" in str(rule.get("Assign", {}).get("failure")):
                place = (*where, "Assign", "failure")
                text = re.sub(r"'state': [^,]*", "'state': 'Another State'", at(project, place))
                yield Mutant("failure blames another state", shown(where), project.changed(place, text))


def _language(project: Project, path: Path, state: dict[str, Any]) -> Iterator[Mutant]:
    kind = "mixed query languages"
    yield Mutant(kind, f"{shown(path)} in JSONPath", project.changed((*path, "QueryLanguage"), "JSONPath"))
    for field, other in (("Arguments", "Parameters"), ("Output", "ResultSelector"), ("Assign", "ResultPath")):
        if field in state:
            yield Mutant(kind, f"{shown(path)}.{other}", renamed(project, (*path, field), other))
    if state["Type"] == "Task":
        yield Mutant(kind, f"{shown(path)}.InputPath", project.changed((*path, "InputPath"), "$.plan"))


def _task(project: Project, path: Path, state: dict[str, Any]) -> Iterator[Mutant]:
    arguments = state["Arguments"]
    if not isinstance(arguments, dict):
        return  # one expression, which has mutants of its own
    call = parse(state["Resource"])
    payload = arguments.get("Payload")
    if call.key == "lambda:invoke" and isinstance(payload, dict):
        for name in payload:
            place = (*path, "Arguments", "Payload", name)
            yield Mutant("payload misspelt", shown(place), renamed(project, place, name + "s"))
        yield Mutant("payload with more", shown(path), project.changed((*path, "Arguments", "Payload", "extra"), 1))
    shape = call.operation.input_shape
    for name in shape.members if shape else ():
        member = name[:1].upper() + name[1:]
        value = arguments.get(member)
        if isinstance(value, str) and member.endswith("Name") and "${" not in value:
            place = (*path, "Arguments", member)
            text = "{% '" + "long-name-" * 30 + "' %}"
            yield Mutant("over-long name in an expression", shown(place), project.changed(place, text))


def _expressions(project: Project, root: Path, definition: dict[str, Any]) -> Iterator[Mutant]:
    for number, (path, text) in enumerate(walk(definition, root)):
        if not (isinstance(text, str) and text.startswith("{%")) or "Comment" in path:
            continue
        inner = text[2:-2].strip()
        where = shown(path)
        wrong = [
            ("open bracket", "{% (" + inner + " %}"),
            ("operator left over", "{% " + inner + " & %}"),
            ("not closed", "{% " + inner),
            ("text before", "x " + text),
        ]
        # two of the four at each place, by turns
        for name, changed in (wrong[number % 4], wrong[(number + 1) % 4]):
            yield Mutant("JSONata syntax", f"{where}: {name}", project.changed(path, changed))
        for variable in sorted(set(re.findall(r"\$(\w+)(?!\w*\()", inner)) - {"states"}):
            # of a parameter only its declaration: a new name in every place would be no mistake
            times = 1 if re.search(rf"function\([^)]*\${variable}\b", inner) else 0
            changed = re.sub(rf"\${variable}\b(?!\()", f"${variable}x", text, count=times)
            yield Mutant("unknown variable", f"{where}: ${variable}", project.changed(path, changed))
        for function in sorted(set(re.findall(r"\$(\w+)\(", inner))):
            changed = text.replace(f"${function}(", f"${function}x(")
            yield Mutant("unknown function", f"{where}: ${function}", project.changed(path, changed))
        for field in sorted(set(re.findall(r"\$states\.(\w+)", inner))):
            changed = text.replace(f"$states.{field}", f"$states.{field}s")
            yield Mutant("unknown $states field", f"{where}: {field}", project.changed(path, changed))
        if "$states.result" in inner:
            changed = text.replace("$states.result", "$states.errorOutput")
            yield Mutant("$states field out of place", where, project.changed(path, changed))


def _substitutions(project: Project, root: Path, definition: dict[str, Any]) -> Iterator[Mutant]:
    logical_id = str(root[1])
    declared = ("source", "Resources", logical_id, "Properties", "DefinitionSubstitutions")
    for path, text in walk(definition, root):
        if isinstance(text, str) and "${" in text and "Comment" not in path:
            name = re.findall(r"\$\{(\w+)\}", text)[0]
            changed = text.replace(name, f"{name}s")
            yield Mutant("substitution not declared", shown(path), project.changed(path, changed))
            if path[-1] != "Resource":
                plain = project.changed(path, "arn:aws:lambda:eu-west-1:123456789012:function:other")
                yield Mutant("an ARN written out", shown(path), plain)
    if not project.source["Resources"][logical_id]["Properties"].get("DefinitionSubstitutions"):
        return
    names = list(at(project, declared))
    for name in names:
        yield Mutant("substitution not declared", f"{logical_id}: {name}", project.changed((*declared, name)))
        for other in ({"Fn::GetAtt": ["Table", "Arn"]}, {"Ref": "IntakeQueue"}):
            yield Mutant(
                "substitution of another kind", f"{logical_id}: {name}", project.changed((*declared, name), other)
            )
    yield Mutant(
        "substitution not used", logical_id, project.changed((*declared, "TableArn"), {"Fn::GetAtt": ["Table", "Arn"]})
    )
    for one, two in itertools.pairwise(names):
        both = project.changed((*declared, one), at(project, (*declared, two)))
        both = both.changed((*declared, two), at(project, (*declared, one)))
        yield Mutant("substitutions exchanged", f"{logical_id}: {one}, {two}", both)
