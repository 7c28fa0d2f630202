"""The canary judge: the paper's numbers, false aborts under peeking, and every way to decide."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.contract import Release
from sluice.release.evalue import failures_to_abort, log_evalue
from sluice.release.judge import ALPHA_SHARES, REPLAY_SHARE, Counts, Measurement, judge
from sluice.release.sample import Sample
from sluice.release.scores import Scores

RELEASE = Release(bake="10m", min_requests=30)
HEALTHY = Measurement(
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


def test_the_shares_of_alpha_are_all_of_it() -> None:
    assert math.fsum(ALPHA_SHARES.values()) + REPLAY_SHARE == pytest.approx(1.0)


def test_two_failures_at_ten_percent_still_abort_with_the_tests_sharing_alpha() -> None:
    assert judge(replace(HEALTHY, elapsed=1, step_canary=Counts(5, 2)), RELEASE).decision == "abort"
    assert judge(replace(HEALTHY, elapsed=1, step_canary=Counts(5, 1)), RELEASE).decision == "continue"


def test_a_sick_world_does_not_abort_an_equal_canary_but_is_never_promoted() -> None:
    canary = Counts(400, failures=20)
    look = replace(HEALTHY, percent=50, step_canary=canary, step_control=Counts(400, failures=20), total=canary)
    assert judge(look, RELEASE).decision == "advance"
    last = replace(look, percent=100, last=True, step_canary=Counts(400), step_control=Counts(), total=canary)
    verdict = judge(last, RELEASE)
    assert (verdict.decision, verdict.inconclusive) == ("abort", True)
    assert "20 of" not in verdict.reasons[0]
    assert "20 of 400 requests failed: it may be 7.18%" in verdict.reasons[1]


def test_alone_the_canary_is_held_to_the_contracts_limit() -> None:
    sick = Counts(100, failures=8)
    look = replace(HEALTHY, percent=100, last=True, elapsed=1, step_canary=sick, step_control=Counts(), total=sick)
    verdict = judge(look, RELEASE)
    assert verdict.decision == "abort"
    assert "8 of 100 requests failed" in verdict.reasons[0]


def test_the_promoting_look_is_the_only_one() -> None:
    """What is not shown at the planned sample is not waited for until chance shows it."""
    total = Counts(400, failures=2)
    last = replace(HEALTHY, percent=100, last=True, step_canary=total, step_control=Counts(), total=total)
    assert judge(replace(last, planned=Sample(400, 0)), RELEASE).inconclusive
    assert judge(replace(last, planned=Sample(628, 2)), RELEASE).decision == "continue"
    enough = replace(last, planned=Sample(773, 3), replayed=Counts(600, 1))
    assert judge(enough, RELEASE).decision == "promote"
    slow = judge(replace(enough, tail_ms=900.0), RELEASE)
    assert (slow.decision, slow.inconclusive) == ("abort", True)


def test_scores_that_are_not_the_expected_ones_abort() -> None:
    shifted = Scores(canary=[90, 5, 5], control=[300, 300, 300])
    verdict = judge(replace(HEALTHY, elapsed=1, scores=shifted), RELEASE)
    assert verdict.decision == "abort"
    assert "scores" in verdict.reasons[0]
    expected = replace(shifted, expected_canary=[900, 50, 50], expected_control=[333, 333, 334])
    assert judge(replace(HEALTHY, elapsed=1, scores=expected), RELEASE).decision == "continue"


def test_the_control_is_not_given_up_before_captured_answers_were_read() -> None:
    look = replace(HEALTHY, percent=50, answers_read=29, control_ends=True)
    verdict = judge(look, RELEASE)
    assert verdict.decision == "continue"
    assert verdict.reasons == [
        "too few captured answers: 29 of the canary were read, 30 are needed; decided after 1800 s at the latest"
    ]
    assert judge(replace(look, answers_read=30), RELEASE).decision == "advance"
    late = judge(replace(look, elapsed=1800), RELEASE)
    assert (late.decision, late.inconclusive) == ("abort", True)
    # no more than a look reads
    many = Release(bake="10m", min_requests=20_000)
    busy = Counts(20_000)
    assert judge(replace(look, step_canary=busy, total=busy, answers_read=5_000), many).decision == "advance"


def test_a_canary_that_refuses_what_the_champion_takes_aborts() -> None:
    picky, world = Counts(60, refused=18), Counts(540, refused=0)
    verdict = judge(replace(HEALTHY, elapsed=1, step_canary=picky, step_control=world, total=picky), RELEASE)
    assert verdict.decision == "abort"
    assert "18 of 18 failures, 18 of them refused" in verdict.reasons[0]
    # what callers send wrongly falls on both
    both = replace(HEALTHY, elapsed=1, step_canary=picky, step_control=Counts(540, refused=160), total=picky)
    assert judge(both, RELEASE).decision == "continue"


def test_scores_are_held_against_the_share_that_was_captured() -> None:
    """Metrics of a step hold requests of the share before; its captures do not."""
    even = Scores(canary=[6] * 10, control=[54] * 10)
    look = replace(HEALTHY, elapsed=1, scores=even, step_canary=Counts(360), step_control=Counts(840))
    assert judge(look, RELEASE).decision == "continue"
    assert judge(look, RELEASE).step_evidence["scores"] < 0


def test_a_form_that_few_answers_show_is_no_good_form() -> None:
    """At a capture of 10 % three malformed answers of 60 are 5 %, not three of 600."""
    alone = Counts(600, failures=3)
    last = replace(HEALTHY, percent=100, last=True, step_canary=alone, step_control=Counts(), total=alone)
    few = judge(replace(last, planned=Sample(473, 1), answers_read=60, malformed=3), RELEASE)
    assert few.reasons == [
        "too few captured answers: 60 of the canary were read, 473 are needed; decided after 1800 s at the latest"
    ]
    wrong = replace(last, total=Counts(2_000, failures=3), planned=Sample(473, 1), malformed=3, answers_read=480)
    assert judge(wrong, RELEASE).inconclusive
    assert "3 of 480 answers that were read are not what the contract promises" in judge(wrong, RELEASE).reasons[1]
    assert judge(replace(wrong, answers_read=2_000), RELEASE).decision == "promote"
    # the replay's answers are read, too
    replayed = replace(last, total=Counts(400), answers_read=30, replayed=Counts(300))
    assert judge(replayed, RELEASE).decision == "promote"


def test_a_split_that_is_not_the_weights_is_inconclusive_and_says_so() -> None:
    look = replace(HEALTHY, split=(300, 1000))
    verdict = judge(look, RELEASE)
    assert verdict.decision == "continue"
    assert "300 of 1000 on the canary, whose weight is 10 %" in verdict.reasons[0]
    verdict = judge(replace(look, elapsed=1800), RELEASE)
    assert (verdict.decision, verdict.inconclusive) == ("abort", True)
    assert judge(replace(HEALTHY, split=(104, 1000)), RELEASE).decision == "advance"


counts = st.builds(
    Counts, st.integers(0, 2_000), st.integers(0, 20), slow_at_least=st.integers(0, 3), slow_at_most=st.integers(3, 50)
)
samples = st.none() | st.builds(Sample, st.integers(1, 4_000), st.integers(0, 9))


@given(
    look=st.builds(
        Measurement,
        percent=st.sampled_from([10, 50, 100]),
        last=st.booleans(),
        elapsed=st.floats(0, 4_000),
        step_control=counts,
        step_canary=counts,
        total=counts,
        tail_ms=st.none() | st.floats(1, 500),
        planned=samples,
        replayed=counts,
    )
)
def test_nothing_is_ever_promoted_without_the_planned_sample(look: Measurement) -> None:
    verdict = judge(look, RELEASE)
    requests = look.total.requests + look.replayed.requests
    if verdict.decision == "promote":
        assert look.last
        assert look.elapsed >= 600
        assert requests >= (look.planned.requests if look.planned else RELEASE.min_requests)
        assert look.tail_ms is not None
        assert look.tail_ms <= RELEASE.max_p99_ms
    elif verdict.decision == "advance":
        assert not look.last
        assert look.step_canary.requests >= 30 * look.percent / 100
