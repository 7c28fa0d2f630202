"""`python -m proofs.mutants` breaks the application in every way that we know and says who notices.

One JSON line a figure; `--table` prints which kind of mistake is caught by which check instead. Exits with 1 when one
gets away or the good one raises anything. `--share N` hunts every N-th of the generated ones, and all made by hand.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections import Counter, defaultdict

from proofs.api_calls import check_task
from proofs.checks import EVERY
from proofs.mutants import by_hand, by_patch, of_dataflow, of_definitions
from proofs.mutants.hunt import Row, hunted
from proofs.project import Project


def table(rows: list[Row]) -> str:
    """Mistake, how many, caught by which check, as Markdown."""
    by_kind: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, _, check in rows:
        by_kind[kind][check or "**nobody**"] += 1
    lines = ["| mistake | mutants | caught first by |", "|---|---:|---|"]
    for kind, checks in sorted(by_kind.items()):
        who = ", ".join(f"{check} {count}" if len(checks) > 1 else check for check, count in checks.most_common())
        lines.append(f"| {kind} | {checks.total()} | {who} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m proofs.mutants", description=__doc__)
    parser.add_argument("--table", action="store_true", help="print what is caught by which check, as Markdown")
    parser.add_argument("--share", type=int, default=1, metavar="N", help="every N-th of the generated mutants")
    options = parser.parse_args()
    workers = os.cpu_count() or 1
    begun = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        parts = [(number, workers, options.share) for number in range(workers)]
        rows = [row for found in pool.map(hunted, parts) for row in found]
    left = [row for row in rows if not row[2]]
    for kind, name, _ in left:
        print(f"nobody notices: {kind}: {name}", file=sys.stderr)
    print(f"{len(rows)} mutants in {time.perf_counter() - begun:.1f} s", file=sys.stderr)
    if options.table:
        print(table(rows))
        return 1 if left else 0
    return _report(rows, left, complete=options.share == 1)


def _report(rows: list[Row], left: list[Row], *, complete: bool) -> int:
    project = Project.load()
    calls = list(of_definitions.calls(project))
    unseen = [(mutant, name) for mutant, name, state in calls if not check_task(name, state)]
    for mutant, name in unseen:
        print(f"nobody notices: call: {name}: {mutant}", file=sys.stderr)
    # a share is hunted by make check, which asks proofs.checks for the good one's findings
    alarms = [finding for check in EVERY for finding in check.findings(project)] if complete else []
    for finding in alarms:
        print(f"false alarm: {finding}", file=sys.stderr)
    flow = [(name, check) for kind, name, check in rows if kind in of_dataflow.KINDS]
    missed = sum(not check for _, check in flow)
    same = sum(isinstance(each, of_dataflow.Equivalent) for each in of_dataflow.every(project))
    by_people = sum(kind == by_hand.KIND for kind, _, _ in rows)
    lines = [
        ("mutants caught", len(rows) - len(left), len(rows), not left),
        ("data flow mutants caught", len(flow) - missed, len(flow), not missed),
        ("data flow changes that change nothing", same, same, True),
        ("mutants made as patches, caught", *_of(rows, by_patch.KIND)),
        ("mutants made by hand", by_people, 40, by_people >= 40),
        ("call mutants caught", len(calls) - len(unseen), len(calls), not unseen),
        ("false alarms", len(alarms), 0, not alarms),
    ]
    for title, value, goal, ok in lines if complete else lines[:-1]:
        print(json.dumps({"name": title, "value": value, "goal": goal, "ok": ok}))
    return 0 if all(ok for _, _, _, ok in lines) else 1


def _of(rows: list[Row], kind: str) -> tuple[int, int, bool]:
    own = [check for each, _, check in rows if each == kind]
    return sum(map(bool, own)), len(own), all(own)


if __name__ == "__main__":
    sys.exit(main())
