"""The judge's tests over thousands of simulated canaries, looked at with every request. Seeds are fixed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks import canaries
from sluice.release.evalue import log_evalue, log_evalue_apart
from sluice.release.judge import ALPHA_SHARES

ALPHA = 0.05
RUNS = 2_000
EVEN = [0.1] * 10


def allowed(runs: int, alpha: float) -> float:
    """The share of aborts above which chance alone (three standard deviations) does not explain them any more."""
    return alpha + 3 * math.sqrt(alpha * (1 - alpha) / runs)


@pytest.mark.parametrize("rate", [0.03, 0.1, 0.25, 0.5, 0.9])
def test_the_simulation_computes_what_the_judge_computes(rate: float) -> None:
    k, n = np.array([0, 1, 2, 3, 7, 40]), np.array([0, 1, 5, 3, 30, 90])
    ours = [log_evalue(int(a), int(b), rate) for a, b in zip(k, n)]
    assert canaries.log_evalues(k, n, rate) == pytest.approx(ours, abs=1e-9)
    apart = [log_evalue_apart(int(a), int(b), rate) for a, b in zip(k, n)]
    assert canaries.log_evalues_apart(k, n, rate) == pytest.approx(apart, abs=1e-9)


@pytest.mark.parametrize("background", [0.0, 0.001, 0.005, 0.02])
def test_healthy_canaries_are_aborted_at_most_as_often_as_promised(background: float) -> None:
    """Through 10, 25 and 50 %, at the whole α, which is more than the judge gives to this one test."""
    seen = canaries.failures_test(RUNS, background, background, ALPHA, seed=11, requests=1_500)
    assert seen.aborted.mean() <= ALPHA


@pytest.mark.parametrize("background", [0.0, 0.001, 0.005, 0.02])
def test_the_tests_together_keep_to_alpha(background: float) -> None:
    """Each test at its own share of α, on independent traffic, which is the worst case for their sum."""
    a = {test: share * ALPHA for test, share in ALPHA_SHARES.items()}
    failing = canaries.failures_test(RUNS, background, background, a["failures"], seed=21, requests=1_000).aborted
    slow = canaries.failures_test(RUNS, 0.01, 0.01, a["latency"], seed=22, requests=1_000).aborted
    # a limit below the world's own background could be kept by no model
    limit = canaries.limit_test(RUNS, background, max(0.01, background), a["error_rate"], seed=23).aborted
    split = canaries.split_test(RUNS, 0.1, 0.1, a["split"], seed=24, requests=1_000).aborted
    scores = canaries.scores_test(RUNS, EVEN, EVEN, 0.1, a["scores"], seed=25, requests=600).aborted
    assert (failing | slow | limit | split | scores).mean() <= ALPHA


def test_a_stop_after_the_planned_error_would_not_keep_to_alpha() -> None:
    """What the sequential test is for: a fixed-sample test at the same α, looked at as often, aborts far more."""
    generator = np.random.default_rng(5)
    own = np.cumsum(generator.random((RUNS, 120)) < 0.1, axis=1)
    from scipy import stats

    p = stats.binom.sf(own - 1, np.arange(1, 121), 0.1)
    assert (p.min(axis=1) < ALPHA).mean() > 2 * ALPHA


@pytest.mark.parametrize("background", [0.0, 0.001])
def test_a_canary_that_fails_one_in_five_is_aborted_after_three_failures(background: float) -> None:
    alpha = ALPHA_SHARES["failures"] * ALPHA
    seen = canaries.failures_test(RUNS, 0.2, background, alpha, seed=31, steps=(0.10,))
    assert seen.aborted.all()
    assert np.median(seen.canary_failures) <= 3


def test_a_split_that_is_not_the_weights_is_found() -> None:
    alpha = ALPHA_SHARES["split"] * ALPHA
    assert canaries.split_test(RUNS, 0.25, 0.1, alpha, seed=41, requests=500).aborted.mean() > 0.99


def test_shifted_scores_are_found_and_scores_within_the_tolerance_are_not() -> None:
    alpha = ALPHA_SHARES["scores"] * ALPHA
    shifted = [0.4, 0.3, 0.1, 0.05, 0.05, 0.02, 0.02, 0.02, 0.02, 0.02]
    assert canaries.scores_test(500, shifted, EVEN, 0.1, alpha, seed=51).aborted.mean() > 0.9
    tilted = [0.14, 0.13, 0.12, 0.11, 0.1, 0.09, 0.085, 0.08, 0.075, 0.07]
    assert canaries.scores_test(RUNS, tilted, EVEN, 0.1, alpha, seed=52).aborted.mean() <= allowed(RUNS, alpha)
