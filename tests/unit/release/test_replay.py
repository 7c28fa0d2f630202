"""Replay: paired answers, McNemar, and no pass without the planned sample."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.release.replay import ALPHA_SHARES, Answer, Pair, discordant, judge_replay, mcnemar
from sluice.release.sample import planned_sample

GOOD = Answer(200, 5.0, label="true")
FAILED = Answer(500, 5.0)
MALFORMED = Answer(200, 5.0, valid=False)
SLOW = Answer(200, 900.0, label="true")
OTHER = Answer(200, 5.0, label="false")
SAMPLE = planned_sample(0.01)


def verdict(pairs, **more):
    return judge_replay(pairs, SAMPLE, max_error_rate=0.01, max_ms=250.0, **more)


def test_mcnemar_is_the_binomial_test_of_the_discordant_pairs() -> None:
    from scipy import stats

    assert discordant([(True, False), (False, True), (True, True), (True, False), (False, False)]) == (2, 1)
    for worse, better in ((1, 8), (5, 5), (0, 6), (12, 3)):
        assert mcnemar(worse, better) == pytest.approx(stats.binomtest(worse, worse + better).pvalue)
    assert mcnemar(0, 0) == 1.0


def test_equal_answers_pass_with_the_sample_and_are_inconclusive_without() -> None:
    assert verdict([Pair(GOOD, GOOD)] * 299).decision == "pass"
    few = verdict([Pair(GOOD, GOOD)] * 298)
    assert few.decision == "inconclusive"
    assert "298 captured requests could be replayed, 299 are needed" in few.reasons[0]
    assert verdict([]).decision == "inconclusive"


@pytest.mark.parametrize("bad", [FAILED, MALFORMED])
def test_what_the_champion_answers_the_challenger_must_answer(bad: Answer) -> None:
    assert verdict([Pair(GOOD, GOOD)] * 10 + [Pair(GOOD, bad)] * 3).decision == "abort"


def test_requests_that_fail_on_both_count_for_nothing() -> None:
    assert verdict([Pair(FAILED, FAILED)] * 50 + [Pair(GOOD, GOOD)] * 299).decision == "pass"
    assert verdict([Pair(FAILED, FAILED)] * 400).decision == "inconclusive"


def test_slower_answers_abort_by_their_discordant_pairs() -> None:
    slow = verdict([Pair(GOOD, SLOW)] * 12)
    assert slow.decision == "abort"
    assert slow.reasons == ["answers slower than 250 ms: 12 of the challenger alone, 0 of the champion alone"]
    both = [Pair(SLOW, SLOW)] * 40 + [Pair(GOOD, SLOW)] * 6 + [Pair(SLOW, GOOD)] * 6
    assert verdict(both).decision == "inconclusive"


def test_disagreement_is_told_and_counts_only_against_a_limit() -> None:
    pairs = [Pair(GOOD, GOOD)] * 250 + [Pair(GOOD, OTHER)] * 60
    told = verdict(pairs)
    assert told.decision == "pass"
    facts = told.statistic["disagreement"]
    assert facts["low_95"] < facts["share"] == 60 / 310 < facts["high_95"]
    assert verdict(pairs, max_disagreement=0.05).decision == "abort"
    assert verdict(pairs, max_disagreement=0.25).decision == "pass"


def test_one_failure_at_the_zero_failure_sample_is_not_shown_to_be_below_the_limit() -> None:
    seen = verdict([Pair(GOOD, GOOD)] * 298 + [Pair(GOOD, FAILED)])
    assert seen.decision == "inconclusive"
    assert "not shown" in seen.reasons[0]


def test_an_equal_challenger_is_aborted_at_most_as_often_as_promised_though_each_pair_is_looked_at() -> None:
    generator = random.Random(17)

    def answer() -> Answer:
        if generator.random() < 0.005:
            return FAILED
        return SLOW if generator.random() < 0.02 else GOOD

    aborted = 0
    for _ in range(150):
        pairs = [Pair(answer(), answer()) for _ in range(200)]
        # evidence grows with a discordant pair only
        ends = [i + 1 for i, p in enumerate(pairs) if p.challenger != p.champion]
        aborted += any(verdict(pairs[:end]).decision == "abort" for end in ends)
    assert aborted / 150 <= 0.05


answers = st.sampled_from([GOOD, GOOD, GOOD, FAILED, MALFORMED, SLOW, OTHER])


@given(st.lists(st.builds(Pair, answers, answers), max_size=60), st.integers(0, 400))
def test_nothing_passes_without_the_planned_sample(pairs: list[Pair], fine: int) -> None:
    seen = verdict(pairs + [Pair(GOOD, GOOD)] * fine)
    if seen.decision == "pass":
        assert seen.statistic["broken"]["requests"] >= SAMPLE.requests
        assert seen.statistic["broken"]["upper_95"] <= 0.01


def test_the_shares_of_alpha_are_all_of_it() -> None:
    assert sum(ALPHA_SHARES.values()) == pytest.approx(1.0)
