"""CloudWatch: metrics that were put and metrics that a test lays down; alarms with a settable state."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime

from sluice.ports import Alarm, Metric


class FakeMetrics:
    """`published` is what was put; a test fills the variant metrics with `add`, `add_latency`, `seconds_seen`."""

    def __init__(self) -> None:
        self.published: list[Metric] = []
        self._values: list[tuple[str, str, str, datetime, float]] = []
        self._latencies: list[tuple[str, str, datetime, float]] = []
        self.seconds_seen: float = 0.0

    def put(self, metrics: Sequence[Metric]) -> None:
        self.published.extend(metrics)

    def add(self, endpoint: str, variant: str, name: str, at: datetime, value: float) -> None:
        self._values.append((endpoint, variant, name, at, value))

    def add_latency(self, endpoint: str, variant: str, at: datetime, milliseconds: float) -> None:
        self._latencies.append((endpoint, variant, at, milliseconds))

    def variant_sum(self, endpoint: str, variant: str, name: str, start: datetime, end: datetime) -> float:
        first = start.replace(second=0, microsecond=0)
        wanted = (endpoint, variant, name)
        return sum(value for *key, at, value in self._values if tuple(key) == wanted and first <= at <= end)

    def variant_latency(
        self, endpoint: str, variant: str, start: datetime, end: datetime, percentile: float
    ) -> float | None:
        first = start.replace(second=0, microsecond=0)
        wanted = (endpoint, variant)
        found = sorted(ms for *key, at, ms in self._latencies if tuple(key) == wanted and first <= at <= end)
        if not found:
            return None
        return found[max(0, math.ceil(percentile / 100 * len(found)) - 1)]

    def variant_seconds(self, endpoint: str, variant: str, start: datetime, end: datetime) -> float:
        return min(self.seconds_seen, (end - start).total_seconds())


class FakeAlarms:
    """`alarms`: name → Alarm; `composites`: name → children; `state`: name → its state, for a test to set."""

    def __init__(self) -> None:
        self.alarms: dict[str, Alarm] = {}
        self.composites: dict[str, tuple[str, ...]] = {}
        self.state: dict[str, str] = {}

    def put(self, alarm: Alarm) -> None:
        self.alarms[alarm.name] = alarm
        self.state.setdefault(alarm.name, "INSUFFICIENT_DATA")

    def put_any(self, name: str, description: str, children: Sequence[str]) -> None:
        self.composites[name] = tuple(children)
        self.state.setdefault(name, "INSUFFICIENT_DATA")

    def delete(self, names: Iterable[str]) -> None:
        for name in names:
            self.alarms.pop(name, None)
            self.composites.pop(name, None)
            self.state.pop(name, None)

    def states(self, names: Iterable[str]) -> dict[str, str]:
        return {name: self.state[name] for name in names if name in self.state}
