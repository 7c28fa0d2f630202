"""What DescribeEndpoint said about an endpoint, again and again, and which alarms of its canaries rang."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

EVERY = 0.15


@dataclass(frozen=True)
class Sight:
    """The endpoint was so at some time between `asked` and `heard`, both of `time.time()`."""

    asked: float
    heard: float
    status: str
    config: str
    weights: Mapping[str, float]


class Watch:
    """Looks at one endpoint in the background."""

    def __init__(self, sagemaker: Any, endpoint: str, cloudwatch: Any, alarms: str) -> None:
        """`alarms` is how the names of the alarms begin."""
        self._sagemaker, self._endpoint = sagemaker, endpoint
        self._cloudwatch, self._prefix = cloudwatch, alarms
        self.rang: dict[str, str] = {}
        """Metric alarm → why it rang: a release removes its alarms, and its records name their composite only."""
        self._stop = threading.Event()
        self._sights: list[Sight] = []
        self._trouble: Exception | None = None
        self._thread = threading.Thread(target=self._look, name=f"watch-{endpoint}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=10)

    def sights(self) -> list[Sight]:
        """Raises what ended the watch, if anything did: no sights would look like no trouble."""
        if self._trouble:
            raise self._trouble
        return list(self._sights)

    def _look(self) -> None:
        try:
            self._look_on()
        except Exception as error:
            self._trouble = error

    def _look_on(self) -> None:
        for number in itertools.count():
            if self._stop.wait(EVERY):
                return
            if number % 3 == 0:
                self._look_at_alarms()
            asked = time.time()
            found = self._sagemaker.describe_endpoint(EndpointName=self._endpoint)
            weights = {v["VariantName"]: float(v["CurrentWeight"]) for v in found.get("ProductionVariants", [])}
            self._sights.append(
                Sight(asked, time.time(), found["EndpointStatus"], found["EndpointConfigName"], weights)
            )

    def _look_at_alarms(self) -> None:
        found = self._cloudwatch.describe_alarms(AlarmNamePrefix=self._prefix, StateValue="ALARM")
        self.rang |= {alarm["AlarmName"]: alarm["StateReason"] for alarm in found["MetricAlarms"]}
