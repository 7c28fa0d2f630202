"""The figures of the bench against the goals of its issue, and the confusion tables as Markdown."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.triage.cases import Case
from benchmarks.triage.drifts import DRIFTS
from benchmarks.triage.faults import FAULTS
from benchmarks.triage.judge import Verdict
from benchmarks.triage.none import NONE
from benchmarks.triage.truth import Decision, Reason, Source, Truth


@dataclass(frozen=True)
class Result:
    """A case and its verdict, without the rows. `verdict` is null where the judge failed."""

    group: str
    set: str
    size: int
    severity: str
    truth: Truth
    verdict: Verdict | None
    failure: str = ""

    @classmethod
    def of(cls, case: Case, verdict: Verdict | None, failure: str = "") -> Result:
        return cls(case.group, case.set, case.size, case.severity, case.truth, verdict, failure)

    @property
    def decided_right(self) -> bool:
        return self.verdict is not None and self.verdict.decision in self.truth.decisions

    @property
    def has_reason(self) -> bool:
        return self.verdict is not None and self.truth.has_reason(self.verdict.reason)

    @property
    def outcome(self) -> str:
        """The column of the confusion table."""
        if self.verdict is None:
            return "failed"
        if self.verdict.decision is Decision.NOTHING:
            return "nothing"
        return f"{self.verdict.decision}, {'right' if self.has_reason else 'other'} reason"


OUTCOMES = (
    "held, right reason", "held, other reason", "retrain, right reason", "retrain, other reason", "nothing", "failed",
)  # fmt: skip

Line = dict[str, Any]


def share(part: Iterable[Any], whole: Sequence[Any]) -> float | None:
    return sum(map(bool, part)) / len(whole) if whole else None


def goal(name: str, value: float | None, sign: str, bound: float, **more: Any) -> Line:
    """A line with a goal. A share of no cases is null, and its goal is not met."""
    ok = value is not None and (value <= bound if sign == "<=" else value >= bound)
    shown = None if value is None else round(value, 5)
    return {"name": f"triage_{name}", "value": shown, "goal": f"{sign} {bound:g}", "ok": ok, **more}


def info(name: str, value: float | None, **more: Any) -> Line:
    return {
        "name": f"triage_{name}",
        "value": None if value is None else round(value, 5),
        "goal": None,
        "ok": True,
        **more,
    }


def lines(results: Sequence[Result]) -> list[Line]:
    """All figures. For goals, a judge that fails counts as the worst answer of its group."""
    faults = [each for each in results if each.group == "fault"]
    drifts = [each for each in results if each.group == "drift"]
    same = [each for each in results if each.group == "none"]
    changed = faults + drifts
    to_explain = [each for each in changed if not (each.decided_right and each.outcome == "nothing")]
    acted = [each for each in changed if each.outcome not in ("nothing", "failed")]
    with_columns = [each for each in acted if each.group == "fault" and each.truth.columns]
    trained_on = [each.verdict is None or each.verdict.decision is Decision.RETRAIN for each in faults]
    alarms = [each.outcome != "nothing" for each in same]
    return [
        *counts(results),
        goal("faults_trained_on", share(trained_on, faults), "<=", 0.02, cases=len(faults)),
        goal("drifts_answered", share((each.decided_right for each in drifts), drifts), ">=", 0.9, cases=len(drifts)),
        goal("right_reason", share((each.has_reason for each in to_explain), to_explain), ">=", 0.9,
             cases=len(to_explain)),
        goal("no_drift_alarms", share(alarms, same), "<=", 1 / 200, cases=len(same)),
        goal("judge_failures", float(sum(each.verdict is None for each in results)), "<=", 0),
        info("faults_held", share((each.outcome.startswith("held") for each in faults), faults)),
        info("faults_unnoticed", share((each.outcome == "nothing" for each in faults), faults)),
        info("drifts_held", share((each.outcome.startswith("held") for each in drifts), drifts)),
        info("drifts_unnoticed", share((each.outcome == "nothing" for each in drifts), drifts)),
        info("right_reason_where_the_judge_acted", share((each.has_reason for each in acted), acted)),
        info("exact_reason_where_the_judge_acted", share((exact(each) for each in acted), acted)),
        info("right_columns_of_faults", share((blames(each) for each in with_columns), with_columns)),
        *(info(f"{name}_right", value) for name, value in by_part(changed).items()),
    ]  # fmt: skip


def counts(results: Sequence[Result]) -> list[Line]:
    """How much of what the issue demands has been run. A kind counts if at least three sets can have it."""

    def kinds(group: str) -> int:
        sets: dict[str, set[str]] = defaultdict(set)
        for each in results:
            if each.group == group:
                sets[each.truth.kind].add(each.set)
        return sum(len(found) >= 3 for found in sets.values())

    own = [kind for kind in {each.truth.kind for each in results if each.group == "fault"}
           if FAULTS[kind].source is Source.OWN]  # fmt: skip
    sizes: dict[str, set[int]] = defaultdict(set)
    for each in results:
        if each.group == "fault":
            sizes[each.set].add(each.size)
    run = len({each.truth.kind for each in results if each.group == "fault"})
    return [
        info("cases", float(len(results))),
        goal("fault_kinds_on_three_sets", float(kinds("fault")), ">=", 40),
        goal("drift_kinds_on_three_sets", float(kinds("drift")), ">=", 15),
        goal("sizes_of_each_set", float(min(map(len, sizes.values()), default=0)), ">=", 3),
        goal("fault_kinds_of_the_author_alone", len(own) / run if run else None, ">=", 0.5),
    ]


def exact(result: Result) -> bool:
    return result.verdict is not None and result.verdict.reason is result.truth.reason


def blames(result: Result) -> bool:
    """Whether the judge names at least one column that is touched, and none that is not."""
    assert result.verdict is not None
    named = set(result.verdict.columns)
    return bool(named) and named <= set(result.truth.columns)


def by_part(results: Sequence[Result]) -> dict[str, float | None]:
    """The share of right decisions by group, set, size and severity."""
    parts: dict[str, list[bool]] = defaultdict(list)
    for each in results:
        for part in (each.set, f"{each.size}_rows", each.severity, f"{each.set}_{each.size}_rows"):
            parts[f"{each.group}s_{part}"].append(each.decided_right)
    return {name: sum(found) / len(found) for name, found in sorted(parts.items())}


def confusion(results: Sequence[Result]) -> str:
    """Two tables: each kind by what the judge did, and each true reason by the reason given."""
    return f"{by_kind(results)}\n\n{by_reason(results)}"


def by_kind(results: Sequence[Result]) -> str:
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for each in results:
        found[each.group, each.truth.kind][each.outcome] += 1
    head = ["kind", "group", "cases", *OUTCOMES]
    rows = [
        [f"`{kind}`", group, sum(outcomes.values()), *(outcomes[name] or "" for name in OUTCOMES)]
        for (group, kind), outcomes in found.items()
    ]
    return markdown(head, rows)


def by_reason(results: Sequence[Result]) -> str:
    found: dict[Reason, Counter[str]] = defaultdict(Counter)
    for each in results:
        given = "failed" if each.verdict is None else each.verdict.reason or Reason.NONE
        found[each.truth.reason][str(given)] += 1
    named = {name for given in found.values() for name in given}
    columns = [str(reason) for reason in Reason if str(reason) in named] + ["failed"] * ("failed" in named)
    rows = [[f"**{reason}**", *(found[reason][name] or "" for name in columns)] for reason in Reason if reason in found]
    return markdown(["true reason ↓, given →", *columns], rows)


def markdown(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def kinds_tables() -> str:
    """The tables of docs/triage-bench.md: every registered kind, its right reason and its source."""

    def reasons(first: Reason, also: Sequence[Reason]) -> str:
        return f"{first}{' (or ' + ', '.join(also) + ')' if also else ''}"

    faults = [
        [f"`{each.name}`", each.text, reasons(each.reason, each.also), "hold, nothing" if each.harmless else "hold",
         each.source]
        for each in FAULTS.values()
    ]  # fmt: skip
    drifts = [[f"`{each.name}`", each.text, reasons(each.reason, each.also), each.source] for each in DRIFTS.values()]
    same = [[f"`{each.name}`", each.text] for each in NONE.values()]
    return "\n\n".join((
        f"### Faults ({len(faults)})",
        markdown(["kind", "what happens", "right reason", "right answer", "idea of"], faults),
        f"### Real drifts ({len(drifts)}); the right answer is to retrain",
        markdown(["kind", "what happens", "right reason", "idea of"], drifts),
        f"### Windows without a change ({len(same)}); the right answer is to do nothing",
        markdown(["kind", "what happens"], same),
    ))  # fmt: skip
