"""`make fuzz-intake-coverage MINUTES=5`: coverage-guided fuzzing of the intake with atheris, for so much CPU.

Any bytes must get an answer (`mutated.send`). An input whose answer is wrong is written to the folder as `fault-…`, and
what is wrong with it to faults.jsonl; one that ends the process as `crash-…`, `timeout-…` or `oom-…`. A process that
has grown is followed by a fresh one, which goes on from the same corpus. `--show INPUT` judges one input again, without
atheris.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.messy.coverage_inputs import answer
from tests.messy.judge import MAX_SECONDS
from tests.messy.memory import FLOOR_MEGABYTES, MAX_MEGABYTES

GROWN = 75
"""The exit code of a process that has grown."""
MAX_ENDED = 10
"""Processes that ended before their time, after which no other is started."""


def run(seconds: float, process: Callable[[float, int], int]) -> tuple[int, int]:
    """Runs one process after the other until they have taken `seconds` of CPU; returns how many, and how many failed.

    `process` gets the seconds that are left and its number, and returns its exit code.
    """
    start, number, failed = _cpu(), 0, 0
    while (left := seconds - (_cpu() - start)) > 0 and failed < MAX_ENDED:
        number += 1
        code = process(left, number)
        if code == 0:
            break
        failed += code != GROWN
    return number, failed


def figures(folder: Path, processes: int, failed: int, seconds: float) -> list[dict[str, Any]]:
    """One line each for what was run and what was found."""
    told = [json.loads(path.read_text()) for path in sorted(folder.glob("process-*.json"))]
    found = sorted(path.name for kind in ("fault", "crash", "timeout", "oom") for path in folder.glob(f"{kind}-*"))
    slowest, most = (max((one[name] for one in told), default=0) for name in ("slowest", "largest"))
    free = MAX_MEGABYTES - FLOOR_MEGABYTES
    return [
        {"name": "inputs", "value": sum(one["inputs"] for one in told), "processes": processes},
        {"name": "CPU, minutes", "value": round(seconds / 60, 1)},
        {"name": "corpus", "value": sum(1 for _ in (folder / "corpus").iterdir())},
        {"name": "processes that failed", "value": failed, "goal": 0, "ok": not failed},
        {"name": "inputs without a right answer", "value": len(found), "goal": 0, "ok": not found, "files": found[:20]},
        {"name": "slowest input, s of CPU", "value": slowest, "goal": MAX_SECONDS, "ok": slowest <= MAX_SECONDS},
        {"name": "memory of one input beside the libraries, MB", "value": most, "goal": free, "ok": most <= free},
        {"name": "growth of one process, MB", "value": max((one["grown"] for one in told), default=0)},
    ]


def _cpu() -> float:
    """Seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("build/fuzz"))
    parser.add_argument("minutes", type=float, nargs="?", default=5)
    parser.add_argument("--show", type=Path)
    options = parser.parse_args()
    if options.show:
        print(answer(options.show.read_bytes()))
        return 0
    options.folder.mkdir(parents=True, exist_ok=True)
    for path in options.folder.glob("process-*.json"):
        path.unlink()
    before = _cpu()

    def process(left: float, number: int) -> int:
        target = [sys.executable, "-X", "faulthandler", "-m", "tests.messy.coverage_target"]
        with (options.folder / f"process-{number}.log").open("wb") as log:
            return subprocess.run(
                [*target, str(options.folder), f"{left:.0f}", str(number)], stdout=log, stderr=log, check=False
            ).returncode

    processes, failed = run(60 * options.minutes, process)
    lines = figures(options.folder, processes, failed, _cpu() - before)
    for line in lines:
        print(json.dumps(line))
    return int(not all(line.get("ok", True) for line in lines))


if __name__ == "__main__":
    sys.exit(main())
