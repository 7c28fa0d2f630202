"""`make bench-release`: the judge over simulated canaries, longer than the tests do, and its power curves.

Prints JSON lines {"name", "value", "goal", "ok"}; exits 1 when a goal is missed. `--plot FILE` writes the curves.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

import numpy as np

from benchmarks import canaries
from benchmarks.chart import Panel, svg
from sluice.release.evalue import failures_to_abort, log_binomial_cdf
from sluice.release.judge import ALPHA_SHARES
from sluice.release.sample import planned_sample

ALPHA = 0.05
SEED = 20261122
RUNS = 10_000
BATCH = 1_000  # canaries at a time, so that memory stays small
BACKGROUNDS = (0.0, 0.001, 0.005, 0.02)
EVEN = [0.1] * 10
SHIFTED = [0.4, 0.3, 0.1, 0.05, 0.05, 0.02, 0.02, 0.02, 0.02, 0.02]


class Report:
    def __init__(self) -> None:
        self.missed = 0

    def say(self, name: str, value: float, goal: str, ok: bool) -> None:
        self.missed += not ok
        print(json.dumps({"name": name, "value": round(float(value), 5), "goal": goal, "ok": bool(ok)}), flush=True)


def share_of(test: str) -> float:
    return ALPHA_SHARES[test] * ALPHA


def healthy(report: Report, runs: int) -> None:
    """Equal models at every background: each test at its share, and all of them together on independent traffic."""
    for background in BACKGROUNDS:
        alone, together = 0, 0
        for batch in range(runs // BATCH):
            seed = SEED + 100 * batch
            alone += canaries.failures_test(BATCH, background, background, ALPHA, seed, requests=3_000).aborted.sum()
            limit = max(0.01, background)
            together += (
                canaries.failures_test(
                    BATCH, background, background, share_of("failures"), seed + 1, requests=3_000
                ).aborted
                | canaries.failures_test(BATCH, 0.01, 0.01, share_of("latency"), seed + 2, requests=3_000).aborted
                | canaries.limit_test(BATCH, background, limit, share_of("error_rate"), seed + 3).aborted
                | canaries.split_test(BATCH, 0.1, 0.1, share_of("split"), seed + 4).aborted
                | canaries.scores_test(BATCH, EVEN, EVEN, 0.1, share_of("scores"), seed + 5).aborted
            ).sum()
        name = f"background {background:.1%}, {runs} healthy canaries, a look at every request"
        report.say(f"false aborts, failures at all of alpha; {name}", alone / runs, "<= 0.05", alone / runs <= ALPHA)
        report.say(f"false aborts, every test; {name}", together / runs, "<= 0.05", together / runs <= ALPHA)


def sick(report: Report, runs: int) -> None:
    """Canaries that fail one in five at a share of 10 %."""
    for background in BACKGROUNDS[:3]:
        seen = canaries.failures_test(runs, 0.2, background, share_of("failures"), SEED, steps=(0.10,))
        name = f"one in five fails, background {background:.1%}, share 10 %"
        report.say(f"aborted; {name}", seen.aborted.mean(), "= 1", bool(seen.aborted.all()))
        median = float(np.median(seen.canary_failures))
        report.say(f"median of the canary's failures at the abort; {name}", median, "<= 3", median <= 3)
        exposed = float(np.median(seen.aborted_at))
        report.say(f"median of all requests at the abort; {name}", exposed, "<= 300", exposed <= 300)
    shifted = canaries.scores_test(2_000, SHIFTED, EVEN, 0.1, share_of("scores"), SEED).aborted.mean()
    report.say("shifted scores found within 150 canary requests", shifted, ">= 0.9", shifted >= 0.9)
    split = canaries.split_test(2_000, 0.25, 0.1, share_of("split"), SEED, requests=500).aborted.mean()
    report.say("a split of 25 % instead of 10 % found within 500 requests", split, ">= 0.99", split >= 0.99)


def papers_numbers(report: Report) -> None:
    for share, alone, with_one in ((0.10, 2, 3), (0.25, 3, 5), (0.50, 7, 10)):
        found = [failures_to_abort(share, control, ALPHA) for control in (0, 1)]
        report.say(
            f"failures that abort at {share:.0%}, none on the control", found[0], f"= {alone}", found[0] == alone
        )
        report.say(
            f"failures that abort at {share:.0%}, one on the control", found[1], f"= {with_one}", found[1] == with_one
        )
    for limit, needed in ((0.01, 299), (0.005, 598), (0.001, 2995)):
        size = planned_sample(limit).requests
        report.say(f"requests that show an error rate below {limit:.1%}", size, f"= {needed}", size == needed)


def power(runs: int) -> str:
    """The curves of docs/release.md."""
    rates = [0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3]
    aborts = {}
    for share in (0.10, 0.25, 0.50):
        points = []
        for rate in rates:
            seen = canaries.failures_test(runs, rate, 0.005, share_of("failures"), SEED, steps=(share,), requests=1_000)
            points.append((rate, float(seen.aborted.mean())))
        aborts[f"share {share:.0%}"] = points
    grid = [i / 2000 for i in range(41)]
    passes = {}
    for background in (0.0, 0.001, 0.0025, 0.005):
        sample = planned_sample(0.01, background)
        points = [(rate, math.exp(log_binomial_cdf(sample.failures, sample.requests, rate))) for rate in grid]
        passes[f"{sample.requests} requests, at most {sample.failures} failed"] = points
    panels = [
        Panel(
            "Aborted within 1,000 requests (both variants)",
            "error rate of the canary; the champion's is 0.5 %",
            aborts,
            (0.0, 0.3),
            (0.0, 0.1, 0.2, 0.3),
        ),
        Panel(
            "Promoted at the planned measurement (limit 1 %)",
            "error rate of the canary",
            passes,
            (0.0, 0.02),
            (0.0, 0.005, 0.01, 0.015, 0.02),
        ),
    ]
    return svg(panels, f"make bench-release, seed {SEED}, {runs} simulated canaries a point; α = 0.05, of it 0.03 here")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"healthy canaries a background, in {BATCH}s")
    parser.add_argument("--plot", type=Path, help="write the power curves there")
    options = parser.parse_args()
    report = Report()
    papers_numbers(report)
    healthy(report, max(BATCH, options.runs // BATCH * BATCH))
    sick(report, options.runs)
    if options.plot:
        options.plot.write_text(power(2_000))
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
