"""cfn-lint over the template as written and as SAM translates it: `sam validate --lint` stops at the transform."""

from __future__ import annotations

import json
from typing import Any

from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cfnlint.match import Match

from proofs.project import REGION, Finding, Project, TranslationError

CHECK = "cfn-lint"


def findings(project: Project) -> list[Finding]:
    try:
        translated = in_region(project.translated)
    except TranslationError as error:
        return [Finding(CHECK, "template.yaml", str(error))]
    found = [_finding("translated", each) for each in _lint(translated) if not _allowed(each, translated)]
    return sorted({*found, *(_finding("source", each) for each in _lint(project.source))})


def in_region(value: Any) -> Any:
    """With REGION's partition written out: cfn-lint's schema of a Resource knows no substitution, and no other."""
    return json.loads(json.dumps(value).replace("arn:${Partition}:", "arn:aws:"))


def _lint(template: dict[str, Any]) -> list[Match]:
    return lint(json.dumps(template, indent=1, default=str), config=ManualArgs(regions=[REGION]))


def _finding(which: str, match: Match) -> Finding:
    path = ".".join(str(part) for part in getattr(match, "path", None) or [])
    return Finding(CHECK, f"{which} {path}", f"{match.rule.id} {match.message}")


def _allowed(match: Match, made: dict[str, Any]) -> bool:
    """What cfn-lint's schema of state machines does not know: JSONata gives numbers, and a Succeed state an Output."""
    if match.rule.id != "E3601":
        return False
    *parents, last = match.path or []
    state: Any = made
    for part in parents:
        state = state[part]
    if last in ("Seconds", "TimeoutSeconds"):
        return str(state[last]).startswith("{% ")
    return last == "Output" and state["Type"] == "Succeed"
