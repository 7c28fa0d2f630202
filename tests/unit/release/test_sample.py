"""Sample sizes of the promoting look: the numbers of the design, and that they show what they say."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.release.evalue import log_binomial_cdf
from sluice.release.sample import Sample, lower_error_rate, planned_sample, upper_error_rate, zero_failure_sample


def test_zero_failure_samples_are_the_designs() -> None:
    assert [zero_failure_sample(rate) for rate in (0.01, 0.005, 0.001)] == [299, 598, 2995]
    assert upper_error_rate(0, 299) < 0.01
    assert upper_error_rate(0, 298) > 0.01


def test_without_failures_to_expect_the_planned_sample_is_the_zero_failure_sample() -> None:
    assert [planned_sample(rate) for rate in (0.01, 0.005, 0.001)] == [Sample(299, 0), Sample(598, 0), Sample(2995, 0)]


@given(st.sampled_from([0.05, 0.02, 0.01, 0.005]), st.floats(0.0, 0.7))
def test_a_planned_sample_shows_the_limit_and_passes_a_healthy_model(limit: float, part: float) -> None:
    sample = planned_sample(limit, part * limit)
    assert upper_error_rate(sample.failures, sample.requests) < limit
    assert upper_error_rate(sample.failures, sample.requests - 1) > limit
    assert math.exp(log_binomial_cdf(sample.failures, sample.requests, part * limit)) >= 0.9


def test_a_background_at_the_limit_can_not_be_shown_to_be_below_it() -> None:
    with pytest.raises(ValueError, match="no sample"):
        planned_sample(0.01, 0.01)


def test_bounds_are_clopper_and_pearsons() -> None:
    from scipy import stats

    for failures, requests in ((0, 10), (3, 10), (10, 10), (7, 400)):
        upper = stats.beta.ppf(0.95, failures + 1, requests - failures) if failures < requests else 1.0
        lower = stats.beta.ppf(0.05, failures, requests - failures + 1) if failures else 0.0
        assert upper_error_rate(failures, requests) == pytest.approx(upper, abs=1e-9)
        assert lower_error_rate(failures, requests) == pytest.approx(lower, abs=1e-9)
