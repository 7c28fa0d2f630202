"""`make bench-monitor`: CPU and memory of a measurement, drift beside scipy and Evidently, and no alarm where nothing
drifts.

Prints JSON lines {"name", "value", "goal", "ok"} (goal null: for information) and exits 1 when a goal is missed. CPU is
that of the process, so that other work on the machine hardly counts; each figure is made in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.monitor import quiet, traffic

LOOKS = 200
"""Measurements in which at most one false alarm is allowed."""


class Report:
    """Prints each figure, and counts the goals that are missed."""

    def __init__(self) -> None:
        self.missed = 0

    def say(self, name: str, value: Any, goal: str | None = None, ok: bool = True, why: str = "") -> None:
        self.missed += not ok
        line = {"name": name, "value": round(value, 4) if isinstance(value, float) else value, "goal": goal, "ok": ok}
        print(json.dumps(line | ({"why": why} if why else {})), flush=True)

    def at_most(self, name: str, value: float, goal: float) -> None:
        self.say(name, value, f"<= {goal:g}", value <= goal)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--requests", type=int, default=1_000_000, help="captured requests of one hour")
    parser.add_argument("--raw", type=int, default=1_000_000, help="raw rows that scipy compares")
    parser.add_argument("--only", default="capture,merge,drift,quiet,year", help="comma-separated parts")
    options = parser.parse_args()
    report, parts = Report(), options.only.split(",")
    if "capture" in parts:
        found = _measured("capture", options.requests)
        report.say("captured requests", found["rows"])
        scale = options.requests / 1_000_000
        report.at_most("capture to profile, CPU s", found["cpu"], 60 * scale)
        report.at_most("capture to profile, MB", found["memory"], 300)
        report.say("an hour's profile with its sample, kB", found["profile_kb"])
        report.say(f"the same hour with {traffic.IN_A_FILE:,} requests more, CPU s", found["grown"])
        report.say("the same hour again, CPU s", found["unchanged"])
    if "merge" in parts:
        report.at_most("720 hourly profiles to a window, CPU s", _measured("merge", 720)["cpu"], 1.0)
    if "drift" in parts:
        _drift(report, options.raw)
    if "quiet" in parts:
        looks = list(quiet.shuffled(options.data))
        alarms = [look for look in looks if look[2]]
        report.say(
            "alarms of shuffled online_shoppers",
            len(alarms),
            f"<= {len(looks) / LOOKS:g}",
            len(alarms) * LOOKS <= len(looks),
        )
        report.say("measurements of shuffled online_shoppers", len(looks))
    if "year" in parts:
        for days in (1, 7):
            windows = list(quiet.by_the_year(options.data, days))
            named = Counter(name for _, columns, _ in windows for name in columns)
            kind = "days" if days == 1 else "weeks"
            report.say(f"bike_sharing's second year, {kind}", len(windows))
            report.say(f"{kind} that ring", sum(bool(columns) for _, columns, _ in windows), why=json.dumps(named))
            report.say(f"{kind} that rang without the season", sum(bool(before) for _, _, before in windows))
    return 1 if report.missed else 0


PEERS = {
    "scipy": (".envs/learn/bin/python", "scipy_peer.py", 100),
    "Evidently's preset": (".envs/monitor/bin/python", "evidently_peer.py", 1_000),
}
"""Name → its Python, its script, and how many times its CPU our drift of two profiles must be cheaper."""


def _drift(report: Report, raw: int) -> None:
    ours = _measured("compare", 200)["cpu"]
    report.say("drift of two profiles, CPU ms", ours * 1e3)
    for peer, (python, script, times) in PEERS.items():
        name, goal = f"times the CPU of {peer} on raw rows", f">= {times:,}"
        if not Path(python).exists():
            report.say(name, None, goal, False, f"{python} is missing: make bench-monitor installs it")
            continue
        command = [python, f"benchmarks/monitor/{script}", str(raw)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        theirs = float(json.loads(done.stdout.splitlines()[-1])["cpu"])
        report.say(f"{peer} on {raw:,} raw rows, CPU s", theirs)
        report.say(name, theirs / ours, goal, theirs >= times * ours)


def _measured(what: str, size: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.monitor.cost", what, str(size)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{what}: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    sys.exit(main())
