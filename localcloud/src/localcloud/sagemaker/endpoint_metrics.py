"""`AWS/SageMaker` metrics of endpoints, by EndpointName and VariantName, written about once a second.

With EndpointConfigName besides, so that an alarm can watch one of the two fleets of a blue/green deployment.

AWS writes these itself and refuses them in PutMetricData, so they go into the store of CloudWatch directly, as values
with counts: Sum, SampleCount, Average and percentiles are then those of the single requests.
"""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from localcloud.settings import Settings

logger = logging.getLogger(__name__)

NAMESPACE = "AWS/SageMaker"
HOST_NAMESPACE = "/aws/sagemaker/Endpoints"
EVERY = 1.0  # seconds
HOST_EVERY = 10
DISTINCT = 40  # more different values than these in one second are binned, as CloudWatch does for percentiles

Key = tuple[str, str, str, str]  # endpoint, variant, endpoint configuration, metric
_lock = threading.Lock()
_pending: dict[Key, Counter[float]] = defaultdict(Counter)
_stop = threading.Event()
_thread: threading.Thread | None = None
# Set by endpoints.py: (endpoint, variant, process ids, bytes of an instance) of everything that serves.
serving: Callable[[], list[tuple[str, str, list[int], int]]] = list


def record(
    endpoint: str, variant: str, status: int, model: float, overhead: float, instances: int, config: str = ""
) -> None:
    """One invocation; `status` is the container's (0: no answer in time), `model` and `overhead` are seconds."""
    failed = not 200 <= status < 300
    values = {
        "Invocations": 1.0,
        "InvocationsPerInstance": 1.0 / instances,
        "Invocation4XXErrors": float(400 <= status < 500),
        "Invocation5XXErrors": float(failed and not 400 <= status < 500),
        "InvocationModelErrors": float(failed),
        "ModelLatency": float(round(model * 1e6)),
        "OverheadLatency": float(round(max(0.0, overhead) * 1e6)),
    }
    with _lock:
        for metric, value in values.items():
            _pending[endpoint, variant, config, metric][value] += 1


def flush() -> None:
    """Writes what has been recorded since the last time."""
    with _lock:
        taken = dict(_pending)
        _pending.clear()
    now = time.time()
    series: dict[tuple[str, tuple[tuple[str, str], ...]], Counter[float]] = defaultdict(Counter)
    for (endpoint, variant, config, metric), counts in taken.items():
        both = (("EndpointName", endpoint), ("VariantName", variant))
        series[metric, both].update(counts)
        if config:
            series[metric, (*both, ("EndpointConfigName", config))].update(counts)
    for (metric, dimensions), counts in series.items():
        unit = "Microseconds" if metric.endswith("Latency") else "None"
        if len(counts) > DISTINCT:
            counts = _binned(counts)
        _write(NAMESPACE, metric, dict(dimensions), now, unit, counts)


def _binned(counts: Counter[float]) -> Counter[float]:
    """Values within 2 % of each other as their mean, so that Sum stays exact and a busy second few points."""
    sums: dict[int, tuple[float, float]] = {}
    for value, count in counts.items():
        place = math.floor(math.log(max(value, 1.0), 1.02))
        total, number = sums.get(place, (0.0, 0.0))
        sums[place] = (total + value * count, number + count)
    return Counter({total / number: int(number) for total, number in sums.values()})


def _write(
    namespace: str, metric: str, dimensions: dict[str, str], at: float, unit: str, counts: Counter[float]
) -> None:
    from ministack import app
    from ministack.core.responses import request_scope
    from ministack.services import cloudwatch

    settings = Settings.current()

    def store() -> None:
        with request_scope(settings.account, settings.region):
            cloudwatch._store_datum(
                namespace, metric, dimensions, at, unit, None, list(counts), list(counts.values()), None
            )

    loop = app._MAIN_LOOP
    if loop is None or loop.is_closed():
        store()
    else:
        loop.call_soon_threadsafe(store)  # the loop alone changes the store: requests iterate over it there


class _Host:
    """CPU and memory of serving processes from /proc, in percent of one processor and of the instance's memory."""

    def __init__(self) -> None:
        self._ticks = os.sysconf("SC_CLK_TCK")
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._last: dict[int, tuple[float, float]] = {}

    def publish(self) -> None:
        now = time.time()
        seen: dict[int, tuple[float, float]] = {}
        for endpoint, variant, pids, whole in serving():
            cpu, memory = [], []
            dimensions = {"EndpointName": endpoint, "VariantName": variant}
            for pid in pids:
                try:
                    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                except OSError:
                    continue  # it has just ended
                used = (int(fields[11]) + int(fields[12])) / self._ticks
                memory.append(100 * int(fields[21]) * self._page / whole)
                if pid in self._last:
                    before, at = self._last[pid]
                    cpu.append(100 * (used - before) / max(0.001, now - at))
                seen[pid] = (used, now)
            for metric, values in (("CPUUtilization", cpu), ("MemoryUtilization", memory)):
                if values:
                    _write(HOST_NAMESPACE, metric, dimensions, now, "Percent", Counter(values))
        self._last = seen


def _run() -> None:
    host, beat = _Host(), 0
    while not _stop.wait(EVERY):
        beat += 1
        try:
            flush()
            if beat % HOST_EVERY == 0:
                host.publish()
        except Exception:  # metrics must outlive a bad beat; the next one is a second away
            logger.exception("endpoint metrics were not written")


def install(settings: Settings) -> None:
    global _thread
    _stop.clear()
    _thread = threading.Thread(target=_run, name="endpoint-metrics", daemon=True)
    _thread.start()


def shutdown() -> None:
    _stop.set()
    if _thread is not None:
        _thread.join(2)
        flush()
