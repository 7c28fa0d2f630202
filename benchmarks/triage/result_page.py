"""Writes the figures and confusion tables of finished runs into docs/triage-bench.md.

    python -m benchmarks.triage --cases > build/triage.jsonl
    python -m benchmarks.triage.result_page build/triage.jsonl

Reads the lines `triage_case` of one or more runs. Sets in HELD_OUT were not run while the rules were written: their
figures stand apart, and the tables are of the other sets.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.triage.report import OUTCOMES, Line, goal, info, markdown, share
from benchmarks.triage.truth import Reason

PAGE = Path(__file__).resolve().parents[2] / "docs" / "triage-bench.md"
BEGIN, END = "<!-- result: written by benchmarks.triage.result_page -->\n", "\n<!-- end of result -->"
HELD_OUT = ("telco_churn", "california_housing")

Case = dict[str, Any]


def read(paths: Iterable[Path]) -> list[Case]:
    """The cases of these runs. Raises ValueError if there is none."""
    found: list[Case] = []
    for path in paths:
        for text in path.read_text(encoding="utf-8").splitlines():
            if text.startswith("{") and (line := json.loads(text))["name"] == "triage_case":
                found.append(line)
    if not found:
        raise ValueError("there is no case in these files: run the bench with --cases")
    return found


def figures(cases: Sequence[Case]) -> list[Line]:
    """The four goals of the issue, and what explains them, over these cases."""
    faults, drifts, same = ([case for case in cases if case["group"] == group] for group in ("fault", "drift", "none"))
    changed = faults + drifts
    to_explain = [case for case in changed if not (case["ok"] and case["outcome"] == "nothing")]
    trained = [case["outcome"].startswith("retrain") or case["outcome"] == "failed" for case in faults]
    right = [case["outcome"].endswith("right reason") for case in to_explain]
    return [
        goal("faults_trained_on", share(trained, faults), "<=", 0.02, cases=len(faults)),
        goal("drifts_answered", share((case["ok"] for case in drifts), drifts), ">=", 0.9, cases=len(drifts)),
        goal("right_reason", share(right, to_explain), ">=", 0.9, cases=len(to_explain)),
        goal("no_drift_alarms", share((not case["ok"] for case in same), same), "<=", 1 / 200, cases=len(same)),
        info("faults_unnoticed", share((case["outcome"] == "nothing" for case in faults), faults)),
        info("drifts_held", share((case["outcome"].startswith("held") for case in drifts), drifts)),
        info("drifts_unnoticed", share((case["outcome"] == "nothing" for case in drifts), drifts)),
    ]


def of_each_set(cases: Sequence[Case]) -> str:
    """The goals for each set and size."""
    head = ["set", "rows asked for", *(line["name"].removeprefix("triage_") for line in figures(cases)[:4])]
    sizes = defaultdict(list)
    for case in cases:
        sizes[case["set"], case["size"] if case["group"] != "none" else "any"].append(case)
    rows = []
    for (name, size), mine in sizes.items():
        cells = [percent(line["value"]) for line in figures(mine)[:4]]
        rows.append([name, size, *cells])
    return markdown(head, rows)


def percent(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def by_kind(cases: Sequence[Case]) -> str:
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for case in cases:
        found[case["group"], case["kind"]][case["outcome"]] += 1
    rows = [
        [f"`{kind}`", group, outcomes.total(), *(outcomes[name] or "" for name in OUTCOMES)]
        for (group, kind), outcomes in found.items()
    ]
    return markdown(["kind", "group", "cases", *OUTCOMES], rows)


def by_reason(cases: Sequence[Case]) -> str:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for case in cases:
        found[case["right"]][case["reason"] or ("none" if case["outcome"] == "nothing" else "not explained")] += 1
    given = {name for reasons in found.values() for name in reasons}
    order = [str(reason) for reason in Reason if str(reason) in given] + sorted(given - {str(each) for each in Reason})
    rows = [
        [f"**{right}**", *(found[right][name] or "" for name in order)] for right in map(str, Reason) if right in found
    ]
    return markdown(["true reason ↓, given →", *order], rows)


def page_part(cases: Sequence[Case]) -> str:
    seen = [case for case in cases if case["set"] not in HELD_OUT]
    apart = [case for case in cases if case["set"] in HELD_OUT]
    parts = []
    for title, mine in (("Sets that were looked at", seen), (f"Held out: {', '.join(HELD_OUT)}", apart)):
        if mine:
            rows = [
                [f"`{line['name'].removeprefix('triage_')}`", percent(line["value"]), line["goal"] or "",
                 line.get("cases", ""), {True: "yes", False: "**no**"}[line["ok"]] if line["goal"] else ""]
                for line in figures(mine)
            ]  # fmt: skip
            parts += [f"### {title}", markdown(["figure", "value", "goal", "cases", "met"], rows), of_each_set(mine)]
    return "\n\n".join([
        *parts, "### Each kind, on the sets that were looked at", by_kind(seen),
        "### Each reason, on the sets that were looked at", by_reason(seen),
        *(["### Each kind, on the sets that were held out", by_kind(apart)] if apart else []),
    ])  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    part = page_part(read(map(Path, arguments)))
    PAGE.write_text(f"{before}{BEGIN}\n{part}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
