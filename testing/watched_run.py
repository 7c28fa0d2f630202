"""A first run as `sluice watch` sees it, moment by moment: 7,043 rows of telephone customers on a local cloud.

Figures and times are those of a recorded run. `FIRST_RUN`: what the default output says about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cli.watching import findings
from cli.watching.states import Evidence, State
from cli.watching.view import View, every
from sluice.records.evaluation import Evaluation

RUN, PROJECT = "rff7817b9bf46", "leavers"
AT = datetime(2026, 11, 30, 9, 31, 42, tzinfo=UTC)
LEAK = "'registered', 'casual': the target is 1 × 'registered' + 1 × 'casual'. What to do: take both out"
_SECONDS = 75
_NOTHING = Evidence()


def first_run(
    leaks: Sequence[str] = (), failing: Sequence[tuple[str, str]] = (), outcome: str = "fail", second: int = _SECONDS
) -> View:
    """The run at a second of it. `failing`: metric and reason of gates that fail, or end with another `outcome`."""
    now = AT + timedelta(seconds=second)

    def state(machine: str, name: str, begins: int, ends: int, evidence: Evidence = _NOTHING) -> State:
        over = second >= ends
        found = State(machine, name, AT + timedelta(seconds=begins), evidence=evidence if over else Evidence())
        found.ended = AT + timedelta(seconds=ends) if over else None
        return found

    prepare, build = state("Lifecycle", "Prepare Data", 0, 13), state("Lifecycle", "Build Model", 13, 70)
    release = state("Lifecycle", "Release Model", 72, 74)
    prepare.children = [state("PrepareData", "Clean Dataset", 0, 13, findings.data(_DATA))]
    train = state("BuildModel", "Train Models", 13, 64)
    search = {"ended": 13, "begun": 14, "metric": "roc_auc", "best": 0.8477, "left": 80}
    tune = state(
        "BuildModel", "Tune Candidates", 14, 64, Evidence(("training job: completed",), {"jobs": {"planned": 1}})
    )
    if not tune.ended:
        tune.evidence = Evidence(("training job: running", "auto"), {"jobs": {"planned": 1}, "search": search})
    train.children = [state("BuildModel", "Train Baseline", 14, 22), tune]
    evaluated = findings.evaluation(Evaluation(**_EVALUATION))
    evaluated = replace(evaluated, facts={**evaluated.facts, "suspected_leaks": list(leaks)})
    build.children = [
        train,
        state("BuildModel", "Seal Candidate", 64, 64),
        state("BuildModel", "Evaluate Candidate", 64, 70, evaluated),
    ]
    release.children = [
        state("ReleaseModel", "Await First Endpoint", 72, 73),
        state("ReleaseModel", "Model Promoted", 74, 74),
    ]
    judge = state("Lifecycle", "Judge Candidate", 71, 71, findings.gates(_judged(failing, outcome)))
    states = [prepare, build, judge, *([] if failing else [release])]
    found = [each for each in states if each.began <= now]
    for each in every(found):
        each.children = [child for child in each.children if child.began <= now]
    record: dict[str, Any] = {"run_id": RUN, "trigger": "data", "started_at": AT.isoformat()}
    if second >= _SECONDS:
        record |= {"outcome": "rejected" if failing else "promoted", "ended_at": now.isoformat()}
        record |= {"gates": {"reasons": [reason for _, reason in failing]}} if failing else {}
    return View(PROJECT, record, found, now)


def views(**run: Any) -> Iterator[View]:
    """One for each second, as `sluice watch` polls."""
    return (first_run(second=second, **run) for second in range(_SECONDS + 1))


def _judged(failing: Sequence[tuple[str, str]], outcome: str) -> dict[str, Any]:
    gain = {"of": "gain", "value": 0.1021, "low": 0.07836, "high": 0.1266, "compared": "low end"}
    passed = {
        "metric": "roc_auc",
        "rule": "above_baseline_by",
        "statistic": 0.07836,
        "threshold": 0.0,
        "measured": gain,
    }
    none = {"metric": "roc_auc", "rule": "not_worse_than_champion_by", "statistic": None, "threshold": -0.013}
    verdicts = [
        {**passed, "outcome": "pass", "reason": "gain"},
        {**none, "outcome": "pass", "reason": "roc_auc: the first model has no champion"},
    ]
    zero = {"of": "value", "value": 0.0, "low": None, "high": None, "compared": "value"}
    leaks = {"metric": "suspected_leaks", "rule": "max", "threshold": 0.0}
    for metric, reason in failing:
        verdicts.append({**leaks, "metric": metric, "statistic": 1.0, "outcome": outcome, "reason": reason})
    if not failing:
        verdicts.append({**leaks, "statistic": 0.0, "measured": zero, "outcome": "pass", "reason": "value"})
    return {"decision": "rejected" if failing else "approved", "verdicts": verdicts}


_DATA = {"rows_read": 7043, "rows": {"test": 1408, "train": 4236, "validation": 1399}, "losses": []}


_EVALUATION: dict[str, Any] = {
    "metric": "roc_auc",
    "lower_is_better": False,
    "problem": "binary",
    "rows": 1408,
    "candidate": {"metrics": {"roc_auc": 0.8561}, "artifact_sha256": "a" * 64, "family": "auto"},
    "baseline": {"metrics": {"roc_auc": 0.754}, "artifact_sha256": "b" * 64},
    "intervals": {
        "method": "percentile",
        "confidence": 0.95,
        "resamples": 1000,
        "rows": 1408,
        "models": {"candidate": {"roc_auc": [0.8358, 0.874]}, "baseline": {"roc_auc": [0.7277, 0.779]}},
    },
    "search": {
        "trials": 59,
        "scored": 40,
        "portfolio": 19,
        "judged": 19,
        "budget_seconds": 120.0,
        "seconds": 46.0,
        "ended": "40 trials in a row were not better",
    },
}
FIRST_RUN = """\
rff7817b9bf46 of leavers (data)
  … preparing the data
  ✓ data      7,043 accepted rows: 1,408 test, 4,236 train, 1,399 validation
  … training a baseline and searching for the best model
  … scoring the held-out rows
  ✓ search    ended after 46 of 120 s: 40 trials in a row were not better
  ✓ model     auto (weighted ensemble): roc_auc 0.8561 [0.8358, 0.874], baseline 0.754 [0.7277, 0.779] (1,408 rows \
held out)
  ✓ gates     passed: roc_auc better than the baseline, surely by 0.07836; roc_auc: the first model has no champion; \
suspected_leaks: 0 (at most 0)
  ✓ release   the new model serves all requests
  optional: add {metric: roc_auc, min: 0.83} to gates in project.yaml
promoted after 1m15s. Now: `sluice ask leavers` prints a request for it; `sluice why rff7817b9bf46` has every decision
"""
