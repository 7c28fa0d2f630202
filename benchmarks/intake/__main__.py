"""`make bench-intake`: the intake's CPU, time and memory on a generated file, beside bare parsing and its peers.

Prints JSON lines {"name", "value", "goal", "ok"} (goal null: for information) and exits 1 when a goal is missed. Every
measurement is a process of its own, and every ratio is made within a round, so that other work on the machine falls on
all alike; the median over the rounds counts. A peer that cannot run is named, and its goal counts as not met.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks.intake import sizes, table
from benchmarks.intake.accuracy import errors
from benchmarks.intake.peers import MODULES
from benchmarks.intake.process import PEERS, Environment, Measured, NotMeasuredError, measure

TIMES_LESS = {"ydata": 15.0, "whylogs": 15.0, "pandas": 4.0, "duckdb": 2.0}
"""How many times the CPU of ours a peer should take at least, where ours writes no rows either."""


class Report:
    """Prints each figure, and counts the goals that are missed."""

    def __init__(self) -> None:
        self.missed = 0

    def say(self, name: str, value: float | None, goal: str | None = None, ok: bool = True, why: str = "") -> None:
        self.missed += not ok
        line = {"name": name, "value": None if value is None else round(value, 6), "goal": goal, "ok": ok}
        print(json.dumps(line | ({"why": why} if why else {})), flush=True)

    def at_most(self, name: str, value: float, goal: float) -> None:
        self.say(name, value, f"<= {goal:g}", value <= goal)

    def at_least(self, name: str, value: float, goal: float) -> None:
        self.say(name, value, f">= {goal:g}", value >= goal)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=table.ROWS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default=",".join(MODULES), help="comma-separated; empty: none")
    parser.add_argument("--growth", type=int, default=8, help="how many times the rows of the second file; 1: none")
    parser.add_argument("--folder", help="where the files are written; default: a temporary folder")
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        file = folder / "orders.csv"
        table.write(file, options.rows)
        report.say("rows", options.rows)
        report.say("file, MB", file.stat().st_size / 1e6)
        report.say("load before", os.getloadavg()[0])
        lambda_like = sizes.as_on_lambda(folder)
        fused, used = speed(report, file, folder, lambda_like, options.rounds)
        peers(report, file, folder, [peer for peer in options.peers.split(",") if peer], used)
        profile = json.loads((folder / "profile.json").read_text())
        found = errors(profile, file)
        report.at_most("quantiles: greatest error of a rank", found["rank"], 0.001)
        report.at_most("distinct values: greatest relative error", found["distinct"], 0.02)
        report.at_most("moments: greatest relative error", found["moments"], 1e-9)
        report.at_most("profile, MB", (folder / "profile.json").stat().st_size / 1e6, 2)
        report.at_most("drift of 23 columns, ms", sizes.drift_ms(profile), 30)
        for function in sizes.FUNCTIONS:
            report.at_most(f"import of {function}, ms of CPU", sizes.import_ms(function, lambda_like), 250)
        try:
            report.at_most("layers core and data, MB unzipped", sizes.size_mb(sizes.built_layers(folder)), 125)
        except NotMeasuredError as error:
            report.say("layers core and data, MB unzipped", None, "<= 125", ok=False, why=str(error))
        file.unlink()
        if options.growth > 1:
            growth(report, folder, lambda_like, options.rows, options.growth, fused)
        report.say("load after", os.getloadavg()[0])
    return int(report.missed > 0)


def speed(
    report: Report, file: Path, folder: Path, ours: Environment, rounds: int
) -> tuple[Measured, dict[str, float]]:
    """Returns a measurement of the one pass that checks and profiles, and the CPU of each way in seconds."""
    ratios: dict[str, list[float]] = defaultdict(list)
    used: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        bare = measure("ours.open_csv", file, folder, ours)
        fused = measure("ours.fused", file, folder, ours)
        two = measure("ours.fused", file, folder, ours, cores=2)
        unwritten = measure("ours.unwritten", file, folder, ours)
        validated = measure("ours.validate", file, folder, ours)
        profiled = measure("ours.profile", file, folder, ours)
        several = {"validate": validated, "profile": profiled, "fused": fused, "unwritten": unwritten}
        for name, found in several.items():
            ratios[name].append(found.cpu / bare.cpu)
            used[name].append(found.cpu)
        ratios["wall"].append(two.wall / bare.wall)
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    middle = {name: statistics.median(values) for name, values in ratios.items()}
    report.say("open_csv, s of CPU", bare.cpu)
    report.say("rows accepted", fused.facts["rows"])
    report.say("validate: CPU relative to open_csv", middle["validate"])
    report.at_most("profile of the accepted rows: CPU relative to open_csv", middle["profile"], 1.3)
    report.at_most("validate and profile in one pass: CPU relative to open_csv", middle["fused"], 1.5)
    report.say("the one pass without writing the accepted rows: CPU relative to open_csv", middle["unwritten"])
    report.at_most("the one pass on 2 cores: wall relative to open_csv on one", middle["wall"], 0.75)
    report.say("open_csv: peak memory, MB", bare.memory_mb)
    report.at_most("the one pass: peak memory, MB", fused.memory_mb, 150)
    report.at_most("profile of the accepted rows: peak memory, MB", profiled.memory_mb, 150)
    return fused, {name: statistics.median(values) for name, values in used.items()}


def peers(report: Report, file: Path, folder: Path, names: list[str], used: dict[str, float]) -> None:
    """Each peer's CPU for profiling the file, relative to ours for checking and profiling it in one pass.

    Peers write nothing, so each goal is held against our pass that writes nothing. The ratio to the whole pass is
    printed as well.
    """
    for name in names:
        goal = TIMES_LESS[name]
        try:
            found = measure(f"peers.{name}", file, folder, PEERS)
        except NotMeasuredError as error:
            report.say(f"{name}: CPU relative to ours without writing", None, f">= {goal:g}", ok=False, why=str(error))
            continue
        report.at_least(f"{name}: CPU relative to ours without writing", found.cpu / used["unwritten"], goal)
        report.say(f"{name}: CPU relative to ours with writing", found.cpu / used["fused"])
        report.say(f"{name}: peak memory, MB", found.memory_mb)


def growth(report: Report, folder: Path, ours: Environment, rows: int, times: int, before: Measured) -> None:
    """How much more memory is taken by a file that is this many times as large."""
    large = folder / "large.csv"
    table.write(large, rows * times, seed=2)
    report.say("large file, MB", large.stat().st_size / 1e6)
    after = measure("ours.fused", large, folder, ours)
    report.at_most("the one pass: growth of peak memory", after.memory_mb / before.memory_mb - 1, 0.1)


if __name__ == "__main__":
    sys.exit(main())
