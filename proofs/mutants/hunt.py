"""Shows each mutant to the checks, the cheap ones first, until one finds what it does not find in the good one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from proofs import asl_validator
from proofs.checks import CHEAP, COSTLY, Check
from proofs.mutants import Mutant, by_hand, by_patch, of_dataflow, of_definitions, of_ports, of_template, of_wiring
from proofs.project import Finding, Project, TranslationError

_FIELDS = ("source", "definitions", "code")


Row = tuple[str, str, str]
"""Kind and name of a mutant, and the check that caught it, if any."""


@dataclass(frozen=True)
class Catch:
    """Who caught a mutant, by what; nobody when `check` is empty."""

    mutant: Mutant
    check: str
    finding: Finding | None


class Hunter:
    def __init__(self, good: Project) -> None:
        self._good = good
        self._known: dict[str, set[Finding]] = {}

    def hunt(self, mutants: Iterable[Mutant]) -> list[Catch]:
        caught, left = [], []
        for mutant in mutants:
            found = self._caught(mutant, CHEAP)
            if found:
                caught.append(found)
            else:
                left.append(mutant)
        return caught + self._with_node(left)

    def _caught(self, mutant: Mutant, checks: Sequence[Check]) -> Catch | None:
        changed = {name for name in _FIELDS if getattr(mutant.project, name) is not getattr(self._good, name)}
        project = self._focused(mutant) if "source" in changed else mutant.project
        for check in checks:
            if check.looks_at & changed:
                new = self._new(check, project)
                if new:
                    return Catch(mutant, new[0].check, new[0])
        return None

    def _focused(self, mutant: Mutant) -> Project:
        """Looks at what differs from the good one only. All of it where a resource became another."""
        try:
            mine, good = mutant.project.translated["Resources"], self._good.translated["Resources"]
        except TranslationError:
            return mutant.project
        if {name: item["Type"] for name, item in mine.items()} != {name: item["Type"] for name, item in good.items()}:
            return mutant.project
        return mutant.project.focused(frozenset(name for name, item in mine.items() if item is not good[name]))

    def _new(self, check: Check, project: Project) -> list[Finding]:
        if check.name not in self._known:
            self._known[check.name] = set(check.findings(self._good))
        if check.looks_at == {"definitions"}:
            # only what was changed: the other machines are the good one's
            own = {
                name: each for name, each in project.definitions.items() if each is not self._good.definitions.get(name)
            }
            project = replace(project, definitions=own)
        if not self._known[check.name]:
            # the good one raises nothing: the first finding is a new one
            project = project.in_haste()
        return [each for each in check.findings(project) if each not in self._known[check.name]]

    def _with_node(self, left: list[Mutant]) -> list[Catch]:
        """asl-validator sees all that are left in one process; cfn-lint, which takes seconds, what it leaves."""
        definitions = [each for each in left if each.project.definitions is not self._good.definitions]
        known = set(asl_validator.findings(self._good)) if definitions else set()
        by_node = {}
        for mutant, found in zip(definitions, asl_validator.findings_of([m.project for m in definitions]), strict=True):
            if new := [each for each in found if each not in known]:
                by_node[mutant] = Catch(mutant, new[0].check, new[0])
        rest = [mutant for mutant in left if mutant not in by_node]
        costly = [check for check in COSTLY if check.name != asl_validator.CHECK]
        return [*by_node.values(), *(self._caught(each, costly) or Catch(each, "", None) for each in rest)]


def every(project: Project, share: int = 1) -> list[Mutant]:
    generated = [
        *of_definitions.generated(project),
        *of_template.generated(project),
        *of_wiring.generated(project),
        *of_dataflow.generated(project),
        *of_ports.generated(project),
    ]
    return [*by_hand.mutants(project), *by_patch.mutants(project), *generated[::share]]


def hunted(part: tuple[int, int, int]) -> list[Row]:
    """One worker's part: `number` of `workers`, of a share of all."""
    number, workers, share = part
    project = Project.load()
    caught = Hunter(project).hunt(every(project, share)[number::workers])
    return [(each.mutant.kind, each.mutant.name, each.check) for each in caught]
