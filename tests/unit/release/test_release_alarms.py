"""Alarms of a release ring for plain trouble, not for what any model does."""

from __future__ import annotations

import pytest
from scipy import stats

from sluice.release.endpoint_alarms import BURST, canary_alarms, gross_failure_rate, of_variant


def rings(limit: float, rate: float, requests: int) -> float:
    """The chance that a minute rings."""
    needed = max(BURST, int(gross_failure_rate(limit) * requests) + 1)
    return float(stats.binom.sf(needed - 1, requests, rate))


@pytest.mark.parametrize("limit", [0.001, 0.01, 0.02, 0.03, 0.05])
def test_a_model_within_its_limit_seldom_rings_however_many_requests_come(limit: float) -> None:
    assert max(rings(limit, limit, requests) for requests in range(5, 2_000)) < 1e-4


@pytest.mark.parametrize("requests", [10, 60, 600])
def test_a_model_that_fails_every_second_time_rings(requests: int) -> None:
    assert rings(0.01, 0.5, requests) > 0.6


def test_errors_are_a_share_of_the_variants_requests() -> None:
    errors, latency = canary_alarms("sluice", "shop", "r2", of_variant("sluice-shop", "v-r2"), 250.0, 0.01)
    assert (errors.metric, errors.share_of, errors.at_least, errors.threshold) == (
        "Invocation5XXErrors",
        "Invocations",
        5,
        0.2,
    )
    assert (latency.statistic, latency.threshold, latency.datapoints, latency.evaluation_periods) == (
        "p50",
        250_000,
        2,
        3,
    )
