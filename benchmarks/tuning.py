"""`make bench-tuning`: do the tuning strategies find as much as random search in the same number of jobs?

The strategies are the local cloud's; each job is a fit of gradient boosting on a sample of a real data set, with its
reports. Jobs run one after the other. A strategy may choose from what it knows, and end a job at a report; only a job
that comes to its end counts. Prints JSON lines {"name", "value", "goal", "ok"}; exits 1 when a goal is missed.
"""

from __future__ import annotations

import os

# as train.py has it: threads that wait for each other cost more than they save on a machine that does other things
os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import csv
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "jobs" / "learn"))

import trial

from benchmarks.release import Report
from families import FAMILIES
from families.progress import EVERY
from localcloud.sagemaker import strategies
from localcloud.sagemaker.strategies import Strategy
from project_data import ProjectData
from sluice.model.reporting import MAX_REPORTS
from sluice.training.search_ranges import grid_ranges, search_ranges

FAMILY = "gradient_boosting"
METRIC = "roc_auc"
SEED = 20261129
EARLY_STOPPING_JOBS = 3  # ended jobs that the median rule waits for, as in the local cloud
TOLERANCE = 0.001
"""A difference of ROC AUC that is smaller than the difference between two samples of 1,500 rows."""


@dataclass(frozen=True)
class Job:
    """What a training job of these hyperparameters reports, ends with, and how many rounds it takes."""

    reports: tuple[float, ...]
    final: float
    rounds: int

    def rounds_until(self, report: int) -> int:
        """`report` counts from 1; the last one is the end of the job."""
        return min(EVERY * report, self.rounds) if report <= len(self.reports) else self.rounds


class Jobs:
    """Runs each set of hyperparameters once; a strategy that ends a job early sees a part of what is known."""

    def __init__(self, data: ProjectData) -> None:
        self._data = data
        self._known: dict[str, Job] = {}

    def of(self, values: dict[str, str]) -> Job:
        key = json.dumps(values, sort_keys=True)
        if key not in self._known:
            family, reports = FAMILIES[FAMILY], []
            done = trial.run(
                self._data,
                family,
                family.hyperparameters(values),
                "r0",
                lambda metrics: reports.append(metrics[METRIC]),
            )
            rounds = int(done.state["training"]["settled"]["max-iter"])
            self._known[key] = Job(tuple(reports), done.metrics[METRIC], rounds)
        return self._known[key]


@dataclass
class Found:
    best: float = 0.0
    rounds: int = 0
    jobs: int = 0


Stop = Callable[[Any, int, float], bool]


def search(jobs: Jobs, strategy: Strategy, count: int, stop: Stop) -> Found:
    """`count` jobs; `stop(proposal, report, value)` says whether a job ends at a report."""
    found = Found()
    for _ in range(count):
        proposal = strategy.ask()
        job = jobs.of(proposal.values)
        values = [*job.reports, job.final]
        ended = next((n for n, value in enumerate(job.reports, 1) if stop(proposal, n, value)), None)
        found.jobs += 1
        found.rounds += job.rounds_until(ended or len(values))
        if ended is None:
            found.best = max(found.best, job.final)
        strategy.tell(proposal, values[ended - 1] if ended else job.final)
    return found


def never(_proposal: Any, _report: int, _value: float) -> bool:
    return False


def median_rule(ended: list[list[float]]) -> Stop:
    """SageMaker's early stopping; `ended` grows with the jobs."""

    def stop(_proposal: Any, report: int, value: float) -> bool:
        if report == 1:
            ended.append([])
        ended[-1].append(value)
        averages = [statistics.fmean(each[:report]) for each in ended[:-1] if len(each) >= report]
        return len(averages) >= EARLY_STOPPING_JOBS and value < statistics.median(averages)

    return stop


def strategy_of(kind: str, seed: int, jobs: int) -> Strategy:
    ranges = grid_ranges(FAMILY, jobs) if kind == "Grid" else search_ranges(FAMILY, {})
    resource = {"MinResource": 1, "MaxResource": MAX_REPORTS + 1} if kind == "Hyperband" else None
    return strategies.create(kind, ranges, maximize=True, seed=seed, jobs=jobs, resource=resource)


def warm(jobs: Jobs, seed: int, count: int) -> Found:
    """A Bayesian search that knows the jobs of an earlier one on the same rows; only its own jobs count."""
    strategy, earlier = strategy_of("Bayesian", seed, count), strategy_of("Bayesian", seed + 1000, count)
    for _ in range(count):
        proposal = earlier.ask()
        objective = jobs.of(proposal.values).final
        earlier.tell(proposal, objective)
        strategy.learn(proposal.values, objective)
    return search(jobs, strategy, count, never)


def early(jobs: Jobs, seed: int, count: int) -> Found:
    return search(jobs, strategy_of("Bayesian", seed, count), count, median_rule([]))


def plain(kind: str) -> Callable[[Jobs, int, int], Found]:
    def run(jobs: Jobs, seed: int, count: int) -> Found:
        strategy = strategy_of(kind, seed, count)
        return search(jobs, strategy, min(count, strategy.count or count), strategy.should_stop)

    return run


SEARCHES: dict[str, Callable[[Jobs, int, int], Found]] = {
    "random": plain("Random"),
    "bayesian": plain("Bayesian"),
    "grid": plain("Grid"),
    "hyperband": plain("Hyperband"),
    "bayesian, early stopping": early,
    "bayesian, warm start": warm,
}

SHORTENED = ("bayesian, early stopping",)


def compare(report: Report, data: str, jobs: Jobs, seeds: Iterable[int], count: int) -> None:
    seeds = list(seeds)
    found = {name: [run(jobs, seed, count) for seed in seeds] for name, run in SEARCHES.items()}
    chance = found["random"]
    for name, results in found.items():
        best = statistics.fmean(each.best for each in results)
        at = f"{data}, {count} jobs, {len(seeds)} seeds: {name}"
        gains = [mine.best - its.best for mine, its in zip(results, chance, strict=True)]
        if name in SHORTENED:
            # it is no strategy of its own: it trades quality for time, and how much of both is what is measured
            report.say(f"{at}: mean best ROC AUC less that of random", statistics.fmean(gains), "reported", True)
        elif name != "random":
            goal = f"not below random by more than {TOLERANCE}"
            ok = statistics.fmean(gains) >= -TOLERANCE
            report.say(f"{at}: mean best ROC AUC less that of random", statistics.fmean(gains), goal, ok)
        report.say(f"{at}: mean best ROC AUC on validation", best, "reported", True)
        of = "bayesian" if name in SHORTENED else "random"
        share = statistics.fmean(each.rounds for each in results) / statistics.fmean(each.rounds for each in found[of])
        cheap = name == "hyperband" or name in SHORTENED
        goal = "< 1" if cheap else "reported"
        report.say(f"{at}: rounds, as a share of those of {of}", share, goal, share < 1 or not cheap)


def read(path: Path, target: str, positive: str, rows: int, drop: tuple[str, ...], folder: Path) -> ProjectData:
    """Samples for train and validation of a CSV file, as a training job is given them."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        every = list(csv.DictReader(file))
    random.Random(SEED).shuffle(every)
    names = [name for name in every[0] if name not in drop]

    def kind(name: str) -> str:
        try:
            [float(row[name]) for row in every if row[name].strip()]
        except ValueError:
            return "category"
        return "number"

    columns = {name: {"type": "category" if name == target else kind(name)} for name in names}
    contract = {
        "problem": {"type": "binary", "target": target, "positive": positive, "metric": METRIC},
        "data": {"columns": columns, "key": []},
        "training": {"refit": False},
    }
    (folder / "contract").mkdir(parents=True)
    (folder / "contract" / "contract.json").write_text(json.dumps(contract), encoding="utf-8")
    for part, chosen in (("train", every[:rows]), ("validation", every[rows : 2 * rows])):
        (folder / part).mkdir()
        with (folder / part / "data.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(chosen)
    return ProjectData.read(folder / "contract", folder / "train", folder / "validation")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with online_shoppers/ and telco_churn/")
    parser.add_argument("--rows", type=int, default=1500, help="of train, and of validation")
    parser.add_argument("--jobs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args(argv)
    report = Report()
    for name, file, target, positive, drop in (
        ("online_shoppers", "online_shoppers_intention.csv", "Revenue", "TRUE", ()),
        ("telco_churn", "", "Churn", "Yes", ("customerID",)),
    ):
        path = given.data / name / file if file else next((given.data / name).glob("*.csv"))
        with tempfile.TemporaryDirectory() as folder:
            data = read(path, target, positive, given.rows, drop, Path(folder) / name)
            compare(report, name, Jobs(data), range(given.seeds), given.jobs)
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
