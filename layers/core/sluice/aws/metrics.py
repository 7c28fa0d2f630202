"""CloudWatch metrics: Sluice's own, and what SageMaker says about a variant.

SageMaker's metrics have a resolution of one minute. CloudWatch therefore rounds a start down to its minute, and a
period must be a multiple of 60 s. Here the window is widened to whole minutes on both sides, so that the minute
that is not over yet counts. The consequence: up to 59 s *before* `start` count too. That is harmless for a variant
that took no traffic before; a step that only raises a variant's weight sees a few requests of the step before it,
and must compare its canary and its control over the same window (both are widened alike).
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sluice.aws.clients import Clients
from sluice.errors import InputError
from sluice.ports import Json, Metric, Settings

_NAMESPACE = "Sluice"
_REQUESTS, _HOSTS = "AWS/SageMaker", "/aws/sagemaker/Endpoints"
_BATCH = 500  # PutMetricData takes 1,000, but no more than 1 MB
_POINTS = 1_440  # the most data points that GetMetricStatistics gives
_FINEST = ((15, 60), (63, 300), (math.inf, 3_600))
"""Age in days up to which CloudWatch keeps data points of this many seconds."""


class CloudWatchMetrics:
    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    def put(self, metrics: Sequence[Metric]) -> None:
        data = [_datum(metric) for metric in metrics]
        for first in range(0, len(data), _BATCH):
            self._cloudwatch.put_metric_data(Namespace=_NAMESPACE, MetricData=data[first : first + _BATCH])

    def variant_sum(self, endpoint: str, variant: str, name: str, start: datetime, end: datetime) -> float:
        first, last = whole_minutes(start, end)
        period = period_of(first, last, time.time())
        points = self._points(endpoint, variant, name, first, last, period, {"Statistics": ["Sum"]})
        return float(sum(point["Sum"] for point in points))

    def variant_latency(
        self, endpoint: str, variant: str, start: datetime, end: datetime, percentile: float
    ) -> float | None:
        # Percentiles do not add up, so the window is one period. Should CloudWatch still cut it in two, the greater
        # part's percentile is an upper bound of the whole's: the judge errs on the careful side.
        first, last = whole_minutes(start, end)
        statistic = f"p{percentile:g}"
        wanted = {"ExtendedStatistics": [statistic]}
        points = self._points(endpoint, variant, "ModelLatency", first, last, last - first, wanted)
        found = [point["ExtendedStatistics"][statistic] for point in points if "ExtendedStatistics" in point]
        return max(found) / 1_000 if found else None

    def variant_seconds(self, endpoint: str, variant: str, start: datetime, end: datetime) -> float:
        # a machine writes its memory every minute; the requests' own metrics are absent where there was none
        first, last = whole_minutes(start, end)
        period = period_of(first, last, time.time())
        statistic = {"Statistics": ["SampleCount"]}
        found = self._points(endpoint, variant, "MemoryUtilization", first, last, period, statistic, _HOSTS)
        return float(min(period * len(found), last - first))

    def _points(
        self,
        endpoint: str,
        variant: str,
        name: str,
        first: int,
        last: int,
        period: int,
        statistic: Json,
        namespace: str = _REQUESTS,
    ) -> list[Json]:
        answer = self._cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}],
            StartTime=datetime.fromtimestamp(first, UTC),
            EndTime=datetime.fromtimestamp(last, UTC),
            Period=period,
            **statistic,
        )
        points: list[Json] = answer["Datapoints"]
        return points

    @property
    def _cloudwatch(self) -> Any:
        return self._clients("cloudwatch")


def whole_minutes(start: datetime, end: datetime) -> tuple[int, int]:
    """Epoch seconds of the whole minutes from that of `start` to that of `end`, which may have just begun."""
    first, last = (int(at.timestamp() // 60) * 60 for at in (start, end))
    return first, last + 60


def period_of(first: int, last: int, now: float) -> int:
    """Seconds of a data point, of which the window has at most 1,440. Of what is finer CloudWatch returns nothing."""
    finest = next(period for days, period in _FINEST if now - first < days * 86_400)
    return finest * math.ceil((last - first) / finest / _POINTS)


def _datum(metric: Metric) -> Json:
    if not math.isfinite(metric.value):
        raise InputError(f"metric {metric.name}: {metric.value} is not a number that CloudWatch accepts")
    dimensions = [{"Name": name, "Value": value} for name, value in sorted(metric.dimensions.items())]
    return {
        "MetricName": metric.name,
        "Value": float(metric.value),
        "Unit": metric.unit,
        "Dimensions": dimensions,
        "StorageResolution": 60,
    }
