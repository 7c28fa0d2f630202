"""docs/alerts.md lists what the steps publish, no more and no less."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CORE = ROOT / "layers" / "core" / "sluice"
ELSEWHERE = {"answer_lasting_alarms", "respond_to_alarm"}
"""Entry points whose subject comes from a function."""
KIND = re.compile(r"[A-Z][a-z]+( [A-Z][a-z]+)+")


def constants(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def published() -> dict[str, str]:
    """Kind → the step that publishes it. A kind that is a variable is one of its function's constants."""
    found = {}
    for path in sorted(CORE.glob("*/*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            for call in ast.walk(function):
                if not (isinstance(call, ast.Call) and ast.unparse(call.func).endswith("alerts.publish")):
                    continue
                given = list(constants(call.args[0])) or list(constants(function))
                found |= {kind: path.stem for kind in given if KIND.fullmatch(kind)}
    return found


def documented() -> dict[str, str]:
    rows = re.findall(
        r"^\| `([^`]+)` \| .+ \| (.+) \|$", (ROOT / "docs" / "alerts.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) == len(dict(rows)), "a kind is documented twice"
    return dict(rows)


def test_every_published_kind_is_documented_and_the_other_way_round() -> None:
    assert published().keys() == documented().keys()


def test_every_kind_says_what_to_do() -> None:
    assert all(documented().values())
    assert len(documented()) >= 15


def subjects() -> Iterator[tuple[str, str]]:
    """Where an alert is published, and the source of its subject; a variable's is what its function gives it."""
    for path in sorted(CORE.glob("*/*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            given = {
                ast.unparse(target): each.value
                for each in ast.walk(function)
                if isinstance(each, ast.Assign)
                for target in each.targets
            }
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("alerts.publish"):
                    subject = call.args[2]
                    found = given.get(ast.unparse(subject), subject)
                    yield f"{path.stem}:{call.lineno}", ast.unparse(found)


def test_every_subject_begins_with_the_project_and_then_says_the_outcome() -> None:
    found = dict(subjects())
    assert len(found) >= 30
    begins = re.compile(r"f['\"](ACT NOW: |\{urgent\})?\{[^}]*project[^}]*\}(: | cannot )")
    elsewhere = {where for where, source in found.items() if not source.startswith("f")}
    assert {where.partition(":")[0] for where in elsewhere} <= ELSEWHERE
    others = {where: source for where, source in found.items() if where not in elsewhere}
    assert {where: source for where, source in others.items() if not begins.match(source)} == {}


def test_no_subject_is_an_id_alone() -> None:
    for where, source in subjects():
        words = re.sub(r"\{[^}]*\}", "", source.removeprefix("f").strip("'\"")).split()
        assert source[0] != "f" or len([word for word in words if word.isalpha()]) >= 2, where
