"""CPU and memory of a measurement, each figure in a process of its own (`python -m benchmarks.monitor.cost`)."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from datetime import timedelta
from typing import Any

from benchmarks.monitor import traffic
from sluice.monitoring.hours import Span, window_of
from sluice.profile import chance, drift
from sluice.profile.window import WindowProfile


class _Clock:
    def now(self) -> Any:
        return traffic.START + timedelta(minutes=59)


def _span() -> Span:
    return Span("bench", "endpoint", "v-r1", "r1", traffic.START, traffic.START, _Clock().now())


def _measured(files: Any) -> WindowProfile:
    clock: Any = _Clock()
    window, late = window_of(_span(), traffic.contract(), traffic.baseline(), objects=files, clock=clock)
    if late or window.rows != files.count * traffic.IN_A_FILE:
        raise ValueError(f"{window.rows} rows were counted of {files.count * traffic.IN_A_FILE}")
    return window


def _profiled(requests: int) -> tuple[WindowProfile, bytes]:
    files = traffic.Files(requests // traffic.IN_A_FILE)
    window = _measured(files)
    (body,) = [body for key, body in files.written.items() if key.endswith(".jsonl")]
    return window, body


def capture(requests: int) -> dict[str, float]:
    """CPU seconds from capture files to a window's profile, and the process's greatest memory in MB; and CPU seconds
    of the next measurement, with one file more, and of one without any.
    """
    files = traffic.Files(requests // traffic.IN_A_FILE)
    before = time.process_time()
    window = _measured(files)
    cpu = time.process_time() - before
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (body,) = [body for key, body in files.written.items() if key.endswith(".jsonl")]
    found = {"cpu": cpu, "memory": memory, "profile_kb": len(body) / 1e3, "rows": window.rows}
    for name, more in (("grown", 1), ("unchanged", 0)):
        files.count += more
        before = time.process_time()
        _measured(files)
        found[name] = time.process_time() - before
    return found


def merge(hours: int) -> dict[str, float]:
    """CPU seconds to read and add up this many stored profiles of an hour, each with its sample."""
    _, body = _profiled(traffic.IN_A_FILE)
    head, _, sample = body.partition(b"\n")
    times = []
    for _ in range(3):
        before = time.process_time()
        window = WindowProfile()
        for _ in range(hours):
            window.add(json.loads(head), sample)
        window.sample()
        times.append(time.process_time() - before)
    return {"cpu": statistics.median(times), "rows": window.rows}


def compare(rounds: int) -> dict[str, float]:
    """CPU seconds of the drift of all columns from two profiles."""
    window, _ = _profiled(traffic.IN_A_FILE)
    baseline = traffic.baseline()
    times = []
    for _ in range(rounds):
        before = time.process_time()
        found = drift.compare_profile(baseline, window.columns, chance.MAX_FALSE_ALARM)
        times.append(time.process_time() - before)
    return {"cpu": statistics.median(times), "columns": len(found)}


if __name__ == "__main__":
    print(json.dumps({"capture": capture, "merge": merge, "compare": compare}[sys.argv[1]](int(sys.argv[2]))))
