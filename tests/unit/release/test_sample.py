"""Sample sizes of the promoting look: the numbers of the design, and that they show what they say."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.release.evalue import log_binomial_cdf
from sluice.release.sample import Sample, lower_error_rate, planned_sample, upper_error_rate


def test_a_zero_failure_sample_just_shows_the_rate() -> None:
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


def one_by_one(limit: float, expected: float) -> Sample:
    """The definition: one failure more after the other, one request more after the other."""
    failures, requests = 0, 1
    while True:
        while log_binomial_cdf(failures, requests, limit) > math.log(0.05):
            requests += 1
        if log_binomial_cdf(failures, requests, expected) >= math.log(0.9):
            return Sample(requests, failures)
        failures += 1


@given(st.sampled_from([0.9, 0.5, 0.2, 0.05, 0.02]), st.floats(0.0, 0.8))
def test_a_planned_sample_is_the_smallest(limit: float, part: float) -> None:
    assert planned_sample(limit, part * limit) == one_by_one(limit, part * limit)


def test_a_limit_near_the_background_takes_no_time() -> None:
    began = time.process_time()
    assert planned_sample(0.01, 0.009) == Sample(80_774, 761)
    assert planned_sample(0.02, 0.0185) == Sample(71_950, 1_377)
    # 0.03 s here, where each took many seconds one failure after the other
    assert time.process_time() - began < 0.5


def test_what_ten_million_requests_do_not_tell_apart_is_refused() -> None:
    with pytest.raises(ValueError, match="too close"):
        planned_sample(0.01, 0.00999)


@pytest.mark.parametrize(("n", "p"), [(1, 0.5), (20, 0.3), (2_000, 0.01), (50_000, 0.02), (400, 0.999)])
def test_the_binomial_tail_is_scipys(n: int, p: float) -> None:
    from scipy import special, stats

    for k in {0, n // 100, n // 50, n // 2, n - 1}:
        expected = special.logsumexp(stats.binom.logpmf(range(k + 1), n, p))
        assert log_binomial_cdf(k, n, p) == pytest.approx(expected, rel=1e-7, abs=1e-9)
    assert [log_binomial_cdf(1, 5, edge) for edge in (0.0, 1.0)] == [0.0, -math.inf]
    assert log_binomial_cdf(n, n, p) == 0.0
