"""`make bench-serving`: one model behind five servers, in turns within one run, on the same cores.

Prints JSON lines {"name", "value", "goal", "ok"} (goal null: for information) and exits 1 when a goal is missed. All
servers are started, and idle but for their turn of a second. Every ratio is made within a round and its median over
the rounds counts, so that other work on the machine (`load`) falls on all alike. Rounds end after MINUTES.
`--write-docs` puts the figures into docs/serving.md.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.serving import page
from benchmarks.serving.load import Load, many_clients, one_client
from benchmarks.serving.page import Goal
from benchmarks.serving.router import added_ms
from benchmarks.serving.servers import BENCH, HERE, KINDS, LEARN, ROOT, Running

BATCH = 100
MINUTES = 5.0  # after which no further round begins; the whole takes about one more


class Report:
    """Prints what is found; `goals` are those of it that have one."""

    def __init__(self) -> None:
        self.missed = 0
        self.goals: list[Goal] = []

    def say(self, name: str, value: float, goal: str | None = None, ok: bool = True) -> None:
        self.missed += not ok
        if goal is not None:
            self.goals.append(Goal(name, value, goal, ok))
        print(json.dumps({"name": name, "value": round(value, 4), "goal": goal, "ok": ok}), flush=True)

    def at_most(self, name: str, value: float, goal: float) -> None:
        self.say(name, value, f"<= {goal:g}", value <= goal)

    def at_least(self, name: str, value: float, goal: float) -> None:
        self.say(name, value, f">= {goal:g}", value >= goal)


def source(folder: Path) -> Path:
    """The training job's source folder, as the product ships it."""
    target = folder / "source"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "jobs" / "learn", target, ignore=ignore)
    package = ROOT / "layers" / "core" / "sluice"
    shutil.copytree(package / "model", target / "sluice" / "model", ignore=ignore)
    shutil.copyfile(package / "__init__.py", target / "sluice" / "__init__.py")
    return target


def measure(folder: Path, rounds: int, seconds: float) -> dict[tuple[str, str], list[float]]:
    rows = json.loads((folder / "requests.json").read_text())
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    end = time.monotonic() + 60 * MINUTES
    with ExitStack() as stack:
        servers = {}
        for kind in KINDS:
            server = stack.enter_context(Running(kind, folder))
            found[kind.name, "start_s"].append(server.first_answer(server.message(rows[:1])))
            many_clients(server.ports, [server.message(rows[:1])], 1.0)  # every worker has answered now
            servers[kind.name] = server
            print(f"started {kind.name}", file=sys.stderr, flush=True)
        for number in range(rounds):
            if time.monotonic() > end:
                break
            for name, server in servers.items():
                one_round(server, rows, seconds, lambda unit, value, name=name: found[name, unit].append(value))
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        for name, server in servers.items():
            memory = server.memory_mb()
            found[name, "memory_mb"].append(sum(memory))
            found[name, "worker_mb"].append(max(memory))
    return found


def one_round(server: Running, rows: list[dict], seconds: float, keep: Callable[[str, float], None]) -> None:
    # no request comes twice in a row, so that no server can answer from a memory of the last one
    ones = [server.message([row]) for row in rows]
    batches = [server.message(rows[at : at + BATCH]) for at in range(0, len(rows) - BATCH, 10)]
    single = one_client(server.ports[0], ones, seconds)
    keep("p50_ms", single.p50_ms)
    keep("p99_ms", single.p99_ms)
    for messages, rate, cpu in ((ones, "per_second", "cpu_ms"), (batches, "batch_per_second", "batch_cpu_ms")):
        eight, used = on_every_worker(server, messages, seconds)
        keep(cpu, 1e3 * used / len(eight.latencies))
        keep(rate, eight.per_second)


def on_every_worker(server: Running, messages: list[bytes], seconds: float, most: int = 6) -> tuple[Load, float]:
    """(what eight clients saw, the processor seconds of it).

    Workers of one port accept connections by chance, and now and then one of them has all eight: the server would
    then be half as fast as it is. Such a measurement is made again.
    """
    for _ in range(most):
        before = server.cpu_seconds()
        eight = many_clients(server.ports, messages, seconds)
        used = {pid: after - before.get(pid, 0.0) for pid, after in server.cpu_seconds().items()}
        busiest, second = sorted(used.values(), reverse=True)[:2]
        if second >= busiest / 3:
            break
    return eight, sum(used.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--write-docs", action="store_true", help="put the figures into docs/serving.md")
    options = parser.parse_args()
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        maker = [str(BENCH / "python"), str(HERE / "models.py"), str(folder), str(source(folder))]
        one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # more would spin while others have the processor
        subprocess.run(maker, check=True, env=one_thread, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        load = [os.getloadavg()[0]]
        found = measure(folder, options.rounds, options.seconds)
        load.append(os.getloadavg()[0])
        row = json.dumps(json.loads((folder / "requests.json").read_text())[0]).encode()
        straight, through = added_ms(LEARN / "python", folder / "ours", row, folder, 3 * options.seconds)
        parity = json.loads((folder / "parity.json").read_text())

    rounds = len(found["local", "p50_ms"])
    middle = {key: statistics.median(values) for key, values in found.items()}
    units = (
        "p50_ms",
        "p99_ms",
        "per_second",
        "batch_per_second",
        "cpu_ms",
        "batch_cpu_ms",
        "start_s",
        "memory_mb",
        "worker_mb",
    )
    for kind in KINDS:
        for unit in units:
            report.say(f"{kind.name}: {unit}", middle[kind.name, unit])
    report.say("load before", load[0])
    report.say("load after", load[1])

    def ratio(own: str, other: str, unit: str = "per_second") -> float:
        return statistics.median(a / b for a, b in zip(found[own, unit], found[other, unit], strict=True))

    for own, other in (("container", "aws"), ("local", "aws"), ("local", "mlflow"), ("local", "bentoml")):
        report.say(f"processor time a request: {other} / {own}", ratio(other, own, "cpu_ms"))
    report.say("processor time of 100 rows: aws / local", ratio("aws", "local", "batch_cpu_ms"))
    report.at_least("container stack: requests a second, times AWS's way", ratio("container", "aws"), 10)
    report.at_most("container stack: p50 of one row, ms", middle["container", "p50_ms"], 0.6)
    report.at_most("local worker: p50 of one row, ms", middle["local", "p50_ms"], 0.1)
    report.at_least("local worker: requests a second, times MLflow", ratio("local", "mlflow"), 100)
    report.at_least("local worker: requests a second, times AWS's way", ratio("local", "aws"), 80)
    report.at_least("local worker: requests a second, times BentoML", ratio("local", "bentoml"), 130)
    report.at_least("local worker: 100-row requests, times AWS's way", ratio("local", "aws", "batch_per_second"), 12)
    report.at_most("local worker: start to first answer, s", middle["local", "start_s"], 1.5)
    report.at_most("local worker: memory of a worker, MB", middle["local", "worker_mb"], 120)
    report.at_most("router: added to a request, with metrics and capture, ms", through - straight, 0.3)
    report.at_most("difference from scikit-learn, gradient boosting", parity["gradient_boosting"], 0)
    report.at_most("difference from scikit-learn, random forest", parity["random_forest"], 0)
    report.at_most("difference from scikit-learn, logistic regression", parity["logistic_regression"], 1e-12)
    if options.write_docs:
        about = f"{rounds} rounds on {os.cpu_count()} cores"
        about += f"; load of the machine {load[0]:.1f} before and {load[1]:.1f} after."
        page.PATH.write_text(page.written(page.PATH.read_text("utf-8"), about, middle, report.goals), "utf-8")
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
