"""`make bench-replay`: a stream of real rows with delayed labels, under policies of retraining.

FOLDER is a data set: online_shoppers or bike_sharing by its months, else a folder with one CSV file in the order of
time, cut into PERIODS; TARGET names its binary target. Prints the curves (ROC AUC of each period, by policy), then JSON
lines {"name", "value", "goal", "ok"}. Exits 1 when a goal is missed, 2 when there are no data.

Each finished job is kept in --work, so that a stopped replay goes on where it was.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.learning.tables import shared
from benchmarks.replay import streams
from benchmarks.replay.jobs import Jobs
from benchmarks.replay.policies import POLICIES, Lived, job_contract, roc_auc
from sluice.watch.verdicts import HOLDING

WATCHED = ("sluice", "alarms_alone")
"""Policies in which the product decides; the goals are for the first, which has the defaults."""
NOT_WORSE_BY = 0.005
"""Mean ROC AUC by which Sluice may fall behind retraining each period."""
RESAMPLES = 400


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--folder", type=Path, default=shared() / "online_shoppers")
    parser.add_argument("--target")
    parser.add_argument("--periods", type=int, default=12)
    parser.add_argument("--first", type=int, default=2, help="periods of history, before the first request")
    parser.add_argument("--family", default="gradient_boosting")
    parser.add_argument("--policies", default=",".join(POLICIES), help="comma-separated")
    parser.add_argument("--work", type=Path, default=Path(".cache") / "replay")
    given = parser.parse_args(argv)
    if not given.folder.is_dir():
        print(f"there is no folder {given.folder}; --folder names a data set", file=sys.stderr)
        return 2
    stream = streams.read(given.folder, given.target, given.periods)
    jobs = Jobs(stream, job_contract(stream, given.first), given.family, (given.work / stream.name).resolve())
    jobs.folder.mkdir(parents=True, exist_ok=True)
    lived: dict[str, Lived] = {}
    began = time.monotonic()
    for name in given.policies.split(","):
        lived[name] = POLICIES[name](jobs, given.first)
        print(f"{name}: {lived[name].trainings} trainings, {time.monotonic() - began:.0f} s so far", file=sys.stderr)
    return 0 if report(stream, lived, given.first, (time.monotonic() - began) / 60) else 1


def report(stream: streams.Stream, lived: dict[str, Lived], first: int, minutes: float) -> bool:
    """Prints curves and figures; False where a goal is missed."""
    periods = range(first, len(stream.names))
    curves = {name: [of_period(stream, each.scores, period) for period in periods] for name, each in lived.items()}
    print(f"| period | rows | {' | '.join(curves)} |\n|---|---|{'---|' * len(curves)}")
    for place, period in enumerate(periods):
        shown = " | ".join(f"{curve[place]:.4f}" for curve in curves.values())
        print(f"| {stream.names[period]} | {len(stream.of(range(period, period + 1)))} | {shown} |")
    watched = [name for name in WATCHED if name in lived]
    for name in watched:
        tell(name, lived[name])
    good, load = True, round(os.getloadavg()[0], 1)
    for name, each in lived.items():
        value = mean(stream, each.scores, periods, stream.truth)
        say(stream, f"{name}_roc_auc", value, None, True, curve=curves[name], trainings=each.trainings)
    for name, other in itertools.product(watched, [each for each in lived if each not in WATCHED]):
        value = difference(stream, lived[name], lived[other], periods)
        low, high = interval(stream, lived[name], lived[other], periods)
        # better than never for certain; beside the calendar, chance and the gates may cost a little
        ok = low > 0 if other == "never" else low >= -NOT_WORSE_BY
        goal = "its interval is above 0" if other == "never" else f"its interval is above {-NOT_WORSE_BY:g}"
        wanted = name == WATCHED[0]
        good &= say(
            stream, f"{name}_minus_{other}", value, goal if wanted else None, ok or not wanted, low=low, high=high
        )
    say(stream, "minutes", minutes, None, True, load=load)
    return good


def tell(name: str, lived: Lived) -> None:
    """Prints each run, and what the measurements found that started none."""
    print(f"\n{name}: {lived.trainings} trainings")
    for said in lived.decisions:
        why = f" Gates: {'; '.join(said['why'])}." if said["outcome"] == "rejected" else ""
        print(f"- {said['at'][:10]} {said['trigger']}: {said['outcome']}, {said['rows']:,} rows. {said['reason']}{why}")
    answers = Counter(str(each["answer"]) for each in lived.measured)
    print(f"- {len(lived.measured)} measurements; triage: {', '.join(f'{n} {a}' for a, n in sorted(answers.items()))}")
    for each in lived.measured:
        if each["answer"] in HOLDING:
            print(f"- {each['at'][:10]} {each['answer']}, {each['reason']}: {each['sentence']}")


def of_period(stream: streams.Stream, scores: np.ndarray, period: int) -> float:
    rows = stream.of(range(period, period + 1))
    return roc_auc(stream.truth[rows], scores[rows])


def mean(stream: streams.Stream, scores: np.ndarray, periods: range, truth: np.ndarray) -> float:
    """The mean ROC AUC of the periods, weighted by their rows: pooled scores of several models have no common scale."""
    rows = [stream.of(range(period, period + 1)) for period in periods]
    return float(np.average([roc_auc(truth[each], scores[each]) for each in rows], weights=[len(r) for r in rows]))


def difference(stream: streams.Stream, one: Lived, other: Lived, periods: range) -> float:
    return mean(stream, one.scores, periods, stream.truth) - mean(stream, other.scores, periods, stream.truth)


def interval(stream: streams.Stream, one: Lived, other: Lived, periods: range) -> tuple[float, float]:
    """95 % of the paired bootstrap of `difference`, rows drawn within each period and class."""
    chance, found = np.random.default_rng(0), []
    rows = [stream.of(range(period, period + 1)) for period in periods]
    for _ in range(RESAMPLES):
        values = []
        for each in rows:
            classes = [each[stream.truth[each] == label] for label in (0, 1)]
            drawn = np.concatenate([chance.choice(part, len(part)) for part in classes])
            truth = stream.truth[drawn]
            values.append(roc_auc(truth, one.scores[drawn]) - roc_auc(truth, other.scores[drawn]))
        found.append(np.average(values, weights=[len(each) for each in rows]))
    low, high = np.quantile(found, [0.025, 0.975])
    return round(float(low), 5), round(float(high), 5)


def say(stream: streams.Stream, name: str, value: float, goal: str | None, ok: bool, **more: object) -> bool:
    line = {"name": f"replay_{stream.name}_{name}", "value": round(value, 5), "goal": goal, "ok": bool(ok), **more}
    print(json.dumps(line), flush=True)
    return bool(ok)


if __name__ == "__main__":
    sys.exit(main())
