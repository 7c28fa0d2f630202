"""Runs a judge over data faults, real drifts and unchanged windows, and compares it with the goals of its issue.

Prints JSON lines {"name", "value", "goal", "ok"} (goal null: for information) and the confusion tables as Markdown.
Exits 1 when a goal is missed, and 2 when no judge is connected. `--list` needs no judge: it lists the cases.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.triage import judge as judges
from benchmarks.triage.cases import Case, Choice, cases
from benchmarks.triage.drifts import DRIFTS
from benchmarks.triage.faults import FAULTS
from benchmarks.triage.none import NONE
from benchmarks.triage.report import Result, confusion, kinds_tables, lines
from benchmarks.triage.sets import SETS
from benchmarks.triage.truth import SEVERITIES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "triage-bench.md"
BEGIN, END = "<!-- kinds: written by --write-docs -->\n", "\n<!-- end of kinds -->"


def say(**line: object) -> None:
    print(json.dumps(line), flush=True)


def judged(case: Case, judge: judges.Judge) -> Result:
    """The result of one case. A judge that fails is a result, too; one that is not connected ends the run."""
    try:
        return Result.of(case, judge(case.training, case.live))
    except judges.JudgeNotConnectedError:
        raise
    except Exception as error:
        return Result.of(case, None, f"{type(error).__name__}: {error}")


def run(judge: judges.Judge, choice: Choice, each_case: bool = False) -> list[Result]:
    """Return the results of all chosen cases; print what is skipped or absent, and each failure of the judge."""
    results = []
    for case in cases(choice, skipped, absent):
        result = judged(case, judge)
        results.append(result)
        if each_case or result.failure:
            say_case(case, result)
    return results


def say_case(case: Case, result: Result) -> None:
    say(
        name="triage_case", value=None, goal=None, ok=result.decided_right, group=case.group, set=case.set,
        size=case.size, kind=case.truth.kind, rows=len(case.live.rows), severity=case.severity,
        affected=case.truth.rows, outcome=result.outcome,
        reason=result.verdict and result.verdict.reason, right=case.truth.reason,
        columns=list(case.truth.columns), blamed=list(result.verdict.columns) if result.verdict else [],
        **({"why": result.failure} if result.failure else {}),
    )  # fmt: skip


def skipped(set_name: str, kind: str, why: str) -> None:
    say(name="triage_not_possible", value=None, goal=None, ok=True, set=set_name, kind=kind, why=why)


def absent(set_name: str) -> None:
    say(name="triage_absent", value=None, goal=None, ok=False, set=set_name, why="its data are not in shared/data")


def listed(choice: Choice) -> int:
    """Prints how many cases each kind has, and on which sets."""
    number: Counter[tuple[str, str]] = Counter()
    sets: dict[tuple[str, str], list[str]] = defaultdict(list)
    for case in cases(choice, skipped, absent):
        key = case.group, case.truth.kind
        number[key] += 1
        if case.set not in sets[key]:
            sets[key].append(case.set)
    for (group, kind), count in number.items():
        say(name="triage_kind", group=group, kind=kind, cases=count, sets=sets[group, kind])
    say(name="triage_cases", value=number.total(), goal=None, ok=True)
    return 0


def write_docs() -> int:
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{kinds_tables()}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    return 0


def chosen(options: argparse.Namespace) -> Choice:
    return Choice(
        sets=tuple(filter(None, options.sets.split(","))),
        kinds=tuple(filter(None, options.kinds.split(","))),
        sizes=tuple(int(place) for place in options.sizes.split(",")),
        severities=tuple(options.severities.split(",")),
        seed=options.seed,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--judge", help="module:function; default: the judge of Sluice")
    parser.add_argument("--sets", default="", help=f"comma-separated, of {', '.join(SETS)}; default: all")
    parser.add_argument("--kinds", default="", help="comma-separated; default: all")
    parser.add_argument("--sizes", default="0,1,2", help="which of a set's three sizes")
    parser.add_argument("--severities", default="plain,severe", help=f"comma-separated, of {', '.join(SEVERITIES)}")
    parser.add_argument(
        "--seed", type=int, default=0, help="another one than 0 takes other rows, other columns and other factors"
    )
    parser.add_argument("--cases", action="store_true", help="one line for each case")
    parser.add_argument("--list", action="store_true", help="list the cases; no judge runs")
    parser.add_argument("--markdown", help="a file for the confusion tables; default: standard output, after the lines")
    parser.add_argument(
        "--write-docs", action="store_true", help="write the tables of the kinds into docs/triage-bench.md"
    )
    options = parser.parse_args(arguments)
    for option, given, known in (
        ("--sets", options.sets, {*SETS}),
        ("--kinds", options.kinds, {*FAULTS, *DRIFTS, *NONE}),
        ("--sizes", options.sizes, {"0", "1", "2"}),
        ("--severities", options.severities, {*SEVERITIES}),
    ):
        if unknown := {*filter(None, given.split(","))} - known:
            parser.error(f"{option}: {', '.join(sorted(unknown))} is not known; there are {', '.join(sorted(known))}")
    if options.write_docs:
        return write_docs()
    if options.list:
        return listed(chosen(options))
    try:
        results = run(
            judges.named(options.judge) if options.judge else judges.connected, chosen(options), options.cases
        )
    except judges.JudgeNotConnectedError as error:
        print(error, file=sys.stderr)
        return 2
    found = lines(results)
    for line in found:
        say(**line)
    if options.markdown:
        Path(options.markdown).write_text(confusion(results) + "\n", encoding="utf-8")
    else:
        print(confusion(results))
    return int(not all(line["ok"] for line in found))


if __name__ == "__main__":
    sys.exit(main())
