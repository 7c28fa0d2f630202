"""`make bench-gates`: the gates over thousands of simulated candidates whose true quality is known.

Prints JSON lines {"name", "value", "goal", "ok"}; exits 1 when a goal is missed. A line without a goal is for
comparison. `--runs` is the number of candidates a case.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np

from benchmarks import gate_cases
from sluice.model.bootstrap import paired_difference
from sluice.model.metrics import METRICS

RUNS = 2_000
SEED = 20261129
ALPHA = 0.05
MARGIN = 0.02
RELEASES = 20


class Report:
    def __init__(self) -> None:
        self.missed = 0

    def say(self, name: str, value: float, *, least: float | None = None, most: float | None = None) -> None:
        ok = (least is None or value >= least) and (most is None or value <= most)
        self.missed += not ok
        goal = f">= {least:g}" if least is not None else f"<= {most:g}" if most is not None else None
        print(json.dumps({"name": name, "value": round(float(value), 5), "goal": goal, "ok": bool(ok)}), flush=True)


def even_models(report: Report, runs: int) -> None:
    """A recall of 0.8 in every segment: the gate must not fail, whatever the limit."""
    for positives in (20, 50, 200):
        for segments in (2, 5, 10):
            recalls = [0.8] * segments
            name = f"{segments} segments of {positives} positives, even model"
            before = gate_cases.point_gap(recalls, positives, 0.2, runs, SEED)
            report.say(f"fails, {name}, max_gap 0.2, by the measured gap alone", before)
            for limit in (0.2, 0.0):
                found = gate_cases.slice_gate(recalls, positives, limit, runs, SEED)
                report.say(f"fails, {name}, max_gap {limit:g}", found.failed, most=ALPHA)
                if limit:
                    report.say(f"inconclusive, {name}, max_gap {limit:g}", found.inconclusive)
    for recall in (0.5, 0.95):
        found = gate_cases.slice_gate([recall] * 5, 20, 0.0, runs, SEED)
        report.say(
            f"fails, 5 segments of 20 positives, even model of recall {recall}, max_gap 0", found.failed, most=ALPHA
        )


def uneven_models(report: Report, runs: int) -> None:
    """A gap of just the limit must not pass; a great one must fail where the rows suffice."""
    for positives in (20, 50, 200, 1_000):
        for segments in (2, 5, 10):
            recalls = [0.8] * (segments - 1) + [0.6]
            passed = gate_cases.slice_gate(recalls, positives, 0.2 - 1e-9, runs, SEED).passed
            report.say(f"passes, {segments} segments of {positives} positives, gap of max_gap", passed, most=ALPHA)
    for segments in (2, 5, 10):
        recalls = [0.8] * segments
        passed = gate_cases.slice_gate(recalls, 400, 0.2, runs, SEED).passed
        report.say(f"power: passes, {segments} segments of 400 positives, even model, max_gap 0.2", passed, least=0.9)
        recalls = [0.8] * (segments - 1) + [0.4]
        failed = gate_cases.slice_gate(recalls, 200, 0.2, runs, SEED).failed
        report.say(f"power: fails, {segments} segments of 200 positives, gap 0.4, max_gap 0.2", failed, least=0.8)


def against_the_champion(report: Report, runs: int) -> None:
    for rows in (200, 500, 2_000, 5_000):
        found = gate_cases.champion_gate(0.0, rows, MARGIN, runs, SEED)
        name = f"equal candidate, {rows} rows, margin {MARGIN:g}"
        report.say(f"passes, {name}", found.passed, least=0.95 if rows >= 2_000 else None)
        report.say(f"rejected, {name}", found.failed, most=ALPHA)
        worse = gate_cases.champion_gate(MARGIN, rows, MARGIN, runs, SEED + 1)
        report.say(f"passes, candidate worse by the margin, {rows} rows", worse.passed, most=ALPHA)
    for rows in (2_000, 3_000, 5_000):
        both = gate_cases.champion_gate(0.0, rows, MARGIN, runs, SEED + 2, anchor=True)
        name = f"passes, candidate equal to champion and anchor, {rows} rows"
        report.say(name, both.passed, least=0.95 if rows > 2_000 else None)


def by_ranking(report: Report, runs: int) -> None:
    """ROC AUC through the bootstrap that evaluation runs: candidates of equal quality, and worse by the margin."""
    metric, margin, rows = METRICS["binary"]["roc_auc"], 0.02, 1_000
    generator = np.random.default_rng(SEED)
    for worse, name in ((0.0, "equal candidate"), (margin, "candidate worse by the margin")):
        passed = 0
        for _ in range(runs):
            y = (generator.random(rows) < 0.3).astype(np.int64)
            shared = generator.normal(size=rows)
            # two normal scores d apart have an AUC of Φ(d / √2)
            parts = [
                np.sqrt(0.98) * shared + np.sqrt(0.02) * generator.normal(size=rows) + distance * y
                for distance in (_distance(0.85 - worse), _distance(0.85))
            ]
            ours, theirs = (np.column_stack([-part, part]) for part in parts)
            passed += paired_difference(metric, y, ours, theirs)["low"] >= -margin
        limits = {"least": 0.95} if worse == 0 else {"most": ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / runs)}
        report.say(f"passes, {name}, ROC AUC, {rows} rows, {runs} candidates", passed / runs, **limits)


def _distance(auc: float) -> float:
    return float(np.sqrt(2) * gate_cases._normal_quantile(auc))


def creep(report: Report, chains: int) -> None:
    """Twenty releases, each candidate a little worse than the champion of its day."""
    for step in (0.009, 0.005, 0.002):
        before = [
            gate_cases.chain(step, MARGIN, 2_000, SEED + seed, anchored=False, releases=RELEASES)
            for seed in range(chains // 10)
        ]
        report.say(
            f"mean true loss after {RELEASES} releases, steps of {step:g}, champion alone", float(np.mean(before))
        )
        for fresh, rows in ((True, "new test rows"), (False, "the same test rows")):
            lost = np.array([gate_cases.chain(step, MARGIN, 2_000, SEED + seed, fresh=fresh) for seed in range(chains)])
            name = f"after {RELEASES} releases, steps of {step:g}, {rows}, margin {MARGIN:g}"
            report.say(f"mean true loss {name}", float(lost.mean()), most=MARGIN)
            report.say(
                f"share of chains that lost more than the margin {name}", (lost > MARGIN + 1e-9).mean(), most=ALPHA
            )
            report.say(f"greatest true loss {name}", lost.max(), most=1.5 * MARGIN)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    arguments = parser.parse_args()
    report = Report()
    even_models(report, arguments.runs)
    uneven_models(report, arguments.runs)
    against_the_champion(report, arguments.runs)
    by_ranking(report, max(20, arguments.runs // 10))
    creep(report, max(20, arguments.runs // 10))
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
