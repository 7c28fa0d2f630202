"""`python -m tests.proof.mutants` breaks the application in every way that we know and says who notices.

One JSON line a figure; `--table` prints which kind of mistake is caught by which check instead, `--only KIND` hunts
the kinds whose name contains it. Exits with 1 when one gets away or the good one raises anything.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter, defaultdict

from tests.proof.checks import EVERY
from tests.proof.mutants import Mutant, by_hand, of_definitions, of_template
from tests.proof.mutants.hunt import Catch, Hunter
from tests.proof.project import Project


def every(project: Project) -> list[Mutant]:
    return [*by_hand.mutants(project), *of_definitions.generated(project), *of_template.generated(project)]


def table(caught: list[Catch]) -> str:
    """Mistake, how many, caught by which check, as Markdown."""
    by_kind: dict[str, Counter[str]] = defaultdict(Counter)
    for each in caught:
        by_kind[each.mutant.kind][each.check or "**nobody**"] += 1
    lines = ["| mistake | mutants | caught first by |", "|---|---:|---|"]
    for kind, checks in sorted(by_kind.items()):
        who = ", ".join(f"{check} {count}" if len(checks) > 1 else check for check, count in checks.most_common())
        lines.append(f"| {kind} | {checks.total()} | {who} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.proof.mutants", description=__doc__)
    parser.add_argument("--table", action="store_true", help="print what is caught by which check, as Markdown")
    parser.add_argument("--only", default="", metavar="KIND", help="hunt only kinds whose name contains this")
    options = parser.parse_args()
    project = Project.load()
    begun = time.perf_counter()
    mutants = [each for each in every(project) if options.only in each.kind]
    caught = Hunter(project).hunt(mutants)
    left = [each for each in caught if not each.check]
    for each in left:
        print(f"nobody notices: {each.mutant.kind}: {each.mutant.name}", file=sys.stderr)
    print(f"{len(mutants)} mutants in {time.perf_counter() - begun:.1f} s", file=sys.stderr)
    if options.table:
        print(table(caught))
        return 1 if left else 0
    alarms = [finding for check in EVERY for finding in check.findings(project)]
    for finding in alarms:
        print(f"false alarm: {finding}", file=sys.stderr)
    goal = len(mutants)
    for name, value, wanted in (
        ("mutants caught", goal - len(left), goal),
        ("mutants made by hand", len(by_hand.mutants(project)), 40),
        ("false alarms", len(alarms), 0),
    ):
        ok = value >= wanted if name == "mutants made by hand" else value == wanted
        print(json.dumps({"name": name, "value": value, "goal": wanted, "ok": ok}))
    return 1 if left or alarms else 0


if __name__ == "__main__":
    sys.exit(main())
