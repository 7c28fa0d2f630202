"""Metrics that a container prints, found by the regular expressions of the job's MetricDefinitions."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.checks import invalid


class MetricReader:
    """Collects `(value, time)` of each metric, line by line. `on_value(name, value)` hears of each."""

    def __init__(self, definitions: list[dict[str, str]], on_value: Callable[[str, float], None] | None = None) -> None:
        self._patterns: list[tuple[str, re.Pattern[str]]] = []
        self._seen: dict[str, list[tuple[float, float]]] = {}
        self._on_value = on_value
        self._lock = threading.Lock()
        for definition in definitions:
            try:
                pattern = re.compile(definition["Regex"])
            except re.error as error:
                text = f"Invalid regex {definition['Regex']!r} of metric {definition['Name']}: {error}"
                raise invalid(text) from None
            if pattern.groups < 1:
                raise invalid(f"The regex {definition['Regex']!r} of metric {definition['Name']} has no capture group.")
            self._patterns.append((definition["Name"], pattern))

    def read(self, line: str) -> None:
        for name, pattern in self._patterns:
            for match in pattern.finditer(line):
                try:
                    value = float(match.group(1))
                except ValueError:
                    continue  # SageMaker skips what is not a number
                with self._lock:
                    self._seen.setdefault(name, []).append((value, time.time()))
                if self._on_value:
                    self._on_value(name, value)

    def last(self, name: str) -> float | None:
        with self._lock:
            values = self._seen.get(name)
            return values[-1][0] if values else None

    def values(self, name: str) -> list[float]:
        with self._lock:
            return [value for value, _ in self._seen.get(name, [])]

    def final(self) -> list[dict[str, Any]]:
        """FinalMetricDataList: the last value of each metric."""
        with self._lock:
            return [
                {"MetricName": name, "Value": seen[-1][0], "Timestamp": round(seen[-1][1], 3)}
                for name, seen in self._seen.items()
            ]
