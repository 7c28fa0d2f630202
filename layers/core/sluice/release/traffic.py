"""Traffic of a variant, from CloudWatch metrics to counts that the judge reads."""

from __future__ import annotations

import math
from datetime import datetime

from sluice.ports import Metrics
from sluice.release.judge import Counts

PERCENTILES = (99.0, 95.0, 90.0, 50.0)
FEW = 100


def counts(
    metrics: Metrics, endpoint: str, variant: str, start: datetime, end: datetime, limit_ms: float | None
) -> Counts:
    """Requests, failures and bounds of the number of requests slower than `limit_ms` (None: not looked at)."""

    def total(name: str) -> int:
        return round(metrics.variant_sum(endpoint, variant, name, start, end))

    requests = total("Invocations")
    refused = total("Invocation4XXErrors")
    # InvocationModelErrors holds every answer that is not 2XX; a caller's bad request is not a failure of the model
    failures = max(total("Invocation5XXErrors"), total("InvocationModelErrors") - refused)
    if limit_ms is None or requests == 0:
        return Counts(requests, failures, refused=refused)
    at_least, at_most = 0, requests
    for percentile in PERCENTILES:
        value = metrics.variant_latency(endpoint, variant, start, end, percentile)
        if value is None:
            break
        rank = (requests - 1) * percentile / 100
        if value <= limit_ms:
            # the value lies between two ranked requests; the lower one is not slow
            at_most = min(at_most, requests - math.floor(rank) - 1)
            break
        at_least = max(at_least, requests - math.ceil(rank))
    return Counts(requests, failures, at_least, at_most, refused)


def since(now: Counts, before: Counts) -> Counts:
    """What came between two cumulative counts; the bounds of slow requests widen so that they still hold."""
    requests = max(0, now.requests - before.requests)
    return Counts(
        requests,
        max(0, now.failures - before.failures),
        max(0, now.slow_at_least - before.slow_at_most),
        min(requests, max(0, now.slow_at_most - before.slow_at_least)),
        max(0, now.refused - before.refused),
    )


def tail_ms(
    metrics: Metrics, endpoint: str, variant: str, start: datetime, end: datetime, requests: int
) -> float | None:
    """p99 in milliseconds; p95 below 100 requests, where p99 would be the slowest request alone."""
    return metrics.variant_latency(endpoint, variant, start, end, 95.0 if requests < FEW else 99.0)
