"""The canary judge: the paper's numbers, false aborts under peeking, and every way to decide."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.contract import Release
from sluice.release.evalue import failures_to_abort, log_evalue, upper_error_rate, zero_failure_sample
from sluice.release.judge import Counts, Look, judge

RELEASE = Release(bake="10m", min_requests=30)
HEALTHY = Look(
    percent=10,
    last=False,
    elapsed=600,
    step_control=Counts(900),
    step_canary=Counts(100),
    total=Counts(100),
    tail_ms=20.0,
)


@pytest.mark.parametrize(("share", "alone", "with_one"), [(0.10, 2, 3), (0.25, 3, 5), (0.50, 7, 10)])
def test_failures_that_abort_are_the_papers(share: float, alone: int, with_one: int) -> None:
    assert [failures_to_abort(share, control, 0.05) for control in (0, 1)] == [alone, with_one]


def test_zero_failure_samples() -> None:
    assert [zero_failure_sample(rate) for rate in (0.01, 0.005, 0.001)] == [299, 598, 2995]
    assert upper_error_rate(0, 299) < 0.01


@given(st.integers(0, 60), st.integers(0, 200), st.floats(0.01, 0.95))
def test_more_failures_are_more_evidence(k: int, rest: int, rate: float) -> None:
    n = k + 1 + rest
    assert log_evalue(k + 1, n, rate) >= log_evalue(k, n, rate)


def test_an_equal_canary_is_rarely_aborted_though_each_failure_is_looked_at() -> None:
    generator = random.Random(7)
    aborted = 0
    for _ in range(600):
        log_e, k = 0.0, 0
        for n in range(1, 121):
            k += generator.random() < 0.1
            log_e = max(log_e, log_evalue(k, n, 0.1))
        aborted += log_e >= math.log(1 / 0.05)
    assert aborted / 600 <= 0.05


def test_healthy_steps_advance_and_the_last_promotes() -> None:
    assert judge(HEALTHY, RELEASE).decision == "advance"
    last = replace(HEALTHY, percent=100, last=True, step_control=Counts(), step_canary=Counts(400), total=Counts(400))
    assert judge(last, RELEASE).decision == "promote"


def test_nothing_is_promoted_before_the_planned_end() -> None:
    assert judge(replace(HEALTHY, elapsed=599), RELEASE).decision == "continue"


def test_failures_of_the_canary_alone_abort_at_once() -> None:
    sick = Counts(20, failures=6)
    verdict = judge(replace(HEALTHY, elapsed=1, step_canary=sick, total=sick), RELEASE)
    assert verdict.decision == "abort"
    assert "fails more often" in verdict.reasons[0]


def test_a_slow_canary_aborts_and_a_slow_world_does_not() -> None:
    slow = Counts(60, slow_at_least=54, slow_at_most=60)
    assert judge(replace(HEALTHY, elapsed=1, step_canary=slow), RELEASE).decision == "abort"
    control = Counts(540, slow_at_least=486, slow_at_most=540)
    assert judge(replace(HEALTHY, elapsed=1, step_canary=slow, step_control=control), RELEASE).decision == "continue"


def test_an_alarm_or_a_request_aborts_whatever_the_statistics_say() -> None:
    assert judge(replace(HEALTHY, alarms={"a": "ALARM"}), RELEASE).decision == "abort"
    assert judge(replace(HEALTHY, abort_requested="alarm"), RELEASE).decision == "abort"


def test_missing_evidence_waits_and_ends_inconclusive() -> None:
    idle = replace(HEALTHY, step_canary=Counts(), total=Counts(), tail_ms=None)
    assert judge(idle, RELEASE).decision == "continue"
    verdict = judge(replace(idle, elapsed=1800), RELEASE)
    assert (verdict.decision, verdict.inconclusive) == ("abort", True)
