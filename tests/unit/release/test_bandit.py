"""The bandit: exact posteriors, the policy's share, and decisions that keep their error however often one looks."""

from __future__ import annotations

import json
import math
import time
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks import bandit as simulated
from sluice.release.bandit import (
    LOG_ODDS,
    BanditMeasurement,
    Choice,
    Reward,
    choose,
    credible_interval,
    log_evalues_odds,
    probability_best,
)

ALPHA = 0.05
RUNS = 2_000
RATES = (0.02, 0.1, 0.5)


@st.composite
def rewards(draw: st.DrawFn, most: int = 400) -> Reward:
    trials = draw(st.integers(0, most))
    return Reward(draw(st.integers(0, trials)), trials)


histories = st.lists(st.tuples(rewards(120), rewards(120)), max_size=6)


def look(*history: tuple[Reward, Reward], share: float = 0.1, elapsed: float = 60.0, **more) -> BanditMeasurement:
    return BanditMeasurement(share, history, elapsed, 3600.0, **more)


# the posterior


def test_the_probability_to_be_best_is_the_closed_sum_over_beta_functions() -> None:
    """P(p₁ > p₀) = Σ_{i < a₁} B(a₀ + i, b₀ + b₁) / ((b₁ + i) B(1 + i, b₁) B(a₀, b₀)), summed term by term."""

    def log_beta(a: float, b: float) -> float:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    for s0, n0, s1, n1 in ((0, 0, 0, 0), (0, 1, 1, 1), (3, 20, 7, 30), (50, 50, 10, 90), (12, 800, 30, 900)):
        a0, b0, a1, b1 = 1 + s0, 1 + n0 - s0, 1 + s1, 1 + n1 - s1
        closed = math.fsum(
            math.exp(log_beta(a0 + i, b0 + b1) - math.log(b1 + i) - log_beta(1 + i, b1) - log_beta(a0, b0))
            for i in range(a1)
        )
        assert probability_best(Reward(s0, n0), Reward(s1, n1)) == pytest.approx(closed, abs=1e-11)


@given(rewards(), rewards(), st.sampled_from([(1, 1), (2, 5), (9, 1)]))
def test_the_probability_to_be_best_is_fishers_hypergeometric_tail(
    control: Reward, challenger: Reward, prior: tuple[int, int]
) -> None:
    a0, a1 = prior[0] + control.successes, prior[0] + challenger.successes
    own, other = challenger.trials + sum(prior) - 1, control.trials + sum(prior) - 1
    expected = stats.hypergeom.cdf(a1 - 1, own + other, own, a0 + a1 - 1)
    best = probability_best(control, challenger, prior)
    assert best == pytest.approx(expected, abs=1e-9)
    # one of the two is the better one
    assert best + probability_best(challenger, control, prior) == pytest.approx(1.0, abs=1e-12)


def test_the_probability_to_be_best_agrees_with_draws_from_the_posteriors() -> None:
    generator = np.random.default_rng(4)
    draws = generator.beta(1 + 30, 1 + 470, 200_000) > generator.beta(1 + 40, 1 + 860, 200_000)
    assert probability_best(Reward(40, 900), Reward(30, 500)) == pytest.approx(draws.mean(), abs=0.005)


@given(rewards(), rewards())
def test_a_success_more_speaks_for_the_challenger(control: Reward, challenger: Reward) -> None:
    more = challenger + Reward(1, 1)
    assert probability_best(control, more) >= probability_best(control, challenger) - 1e-12


@pytest.mark.parametrize("rate", RATES)
def test_a_million_trials_take_milliseconds(rate: float) -> None:
    million = 1_000_000
    control, challenger = Reward(int(rate * million), million), Reward(int(rate * million) + 300, million)
    fastest = math.inf
    for _ in range(5):
        began = time.perf_counter()
        best = probability_best(control, challenger)
        fastest = min(fastest, time.perf_counter() - began)
    difference = 300 / million / math.sqrt(2 * rate * (1 - rate) / million)
    assert best == pytest.approx(stats.norm.cdf(difference), abs=1e-3)
    assert fastest < 0.05


@given(st.integers(1, 300), st.integers(1, 300))
def test_credible_intervals_are_quantiles_of_the_beta_distribution(alpha: int, beta: int) -> None:
    assert credible_interval(alpha, beta) == pytest.approx(stats.beta.interval(0.95, alpha, beta), abs=2e-6)
    assert credible_interval(alpha, beta, 0.8) == pytest.approx(stats.beta.interval(0.8, alpha, beta), abs=2e-6)


# the evidence


def by_hand(history: list[tuple[Reward, Reward]], sign: int) -> float:
    """The mixture in plain numbers, from scipy's hypergeometric probabilities."""
    values = []
    for log_odds in LOG_ODDS:
        value = 1.0
        for old, new in history:
            if not (old.trials and new.trials):
                continue
            drawn = old.successes + new.successes
            j = np.arange(drawn + 1)
            p = stats.hypergeom.pmf(j, old.trials + new.trials, new.trials, drawn)
            value *= math.exp(sign * log_odds * new.successes) / float(p @ np.exp(sign * log_odds * j))
        values.append(value)
    return math.log(sum(values) / len(values))


@given(histories)
def test_evidence_is_the_likelihood_given_the_sums_averaged_over_odds_ratios(
    history: list[tuple[Reward, Reward]],
) -> None:
    better, worse = log_evalues_odds(history)
    assert better == pytest.approx(by_hand(history, 1), abs=1e-8)
    assert worse == pytest.approx(by_hand(history, -1), abs=1e-8)


@given(histories)
def test_what_is_better_for_one_is_worse_for_the_other(history: list[tuple[Reward, Reward]]) -> None:
    better, worse = log_evalues_odds(history)
    assert log_evalues_odds([(new, old) for old, new in history]) == pytest.approx((worse, better), abs=1e-8)


@pytest.mark.parametrize("odds", [1.0, 0.7])
@pytest.mark.parametrize(("n0", "n1", "drawn"), [(30, 5, 6), (8, 8, 8), (3, 40, 11), (1, 1, 1)])
def test_the_expectation_of_a_batch_is_at_most_one(n0: int, n1: int, drawn: int, odds: float) -> None:
    """Over every table with these sums, where the challenger is equal or worse: this makes it an e-value."""
    law = stats.nchypergeom_fisher(n0 + n1, n1, drawn, odds)
    expectation = 0.0
    for j in range(max(0, drawn - n0), min(n1, drawn) + 1):
        better, _ = log_evalues_odds([(Reward(drawn - j, n0), Reward(j, n1))])
        expectation += law.pmf(j) * math.exp(better)
    assert expectation <= 1 + 1e-9
    if odds == 1.0:
        assert expectation == pytest.approx(1.0)


def test_a_batch_with_one_variant_or_one_outcome_says_nothing() -> None:
    silent = [(Reward(3, 90), Reward()), (Reward(), Reward(9, 9)), (Reward(0, 5), Reward(0, 9)), (Reward(2, 2),) * 2]
    assert log_evalues_odds(silent) == log_evalues_odds([]) == (0.0, 0.0)


def test_a_rate_that_changes_for_both_is_no_difference_within_batches() -> None:
    """Simpson: 8 % and 41 % in total, only because the challenger had its share when everybody bought."""
    night, noon = (Reward(45, 900), Reward(5, 100)), (Reward(50, 100), Reward(450, 900))
    better, worse = log_evalues_odds([night, noon])
    assert better < 0
    assert worse < 0
    together = log_evalues_odds([(night[0] + noon[0], night[1] + noon[1])])
    assert together[0] > 50


# the decisions


def test_without_labels_nothing_moves() -> None:
    seen = choose(look())
    assert (seen.decision, seen.share, seen.inconclusive) == ("continue", 0.1, False)
    assert choose(look((Reward(9, 90), Reward()))).decision == "continue"
    assert seen.record["posterior"]["challenger_best"] == 0.5


def test_the_share_is_the_probability_to_be_best_within_what_is_left_to_explore() -> None:
    seen = choose(look((Reward(10, 100), Reward(2, 12))))
    assert seen.decision == "shift"
    assert seen.share == round(probability_best(Reward(10, 100), Reward(2, 12)), 4) == seen.record["policy"]["share"]
    assert choose(look((Reward(0, 60), Reward(9, 60)))).share == 0.9
    assert choose(look((Reward(9, 60), Reward(2, 60)), share=0.5), explore=0.2).share == 0.2
    assert choose(look((Reward(9, 60), Reward(1, 60)), share=0.1)).decision == "continue"


def test_evidence_promotes_and_aborts() -> None:
    batch = (Reward(10, 100), Reward(30, 100))
    better = choose(look(batch, batch))
    assert (better.decision, better.share, better.inconclusive) == ("promote", 1.0, False)
    assert "60 of 200 on the challenger, 20 of 200 on the champion" in better.reasons[0]
    worse = choose(look(batch[::-1], batch[::-1]))
    assert (worse.decision, worse.share, worse.inconclusive) == ("abort", 0.0, False)
    assert "earns less" in worse.reasons[0]


def test_evidence_with_too_few_labels_does_not_promote_but_it_aborts() -> None:
    few = (Reward(0, 60), Reward(30, 60))
    held = choose(look(few))
    assert held.decision == "shift"
    assert held.reasons[1:] == ["too few labels: 60 on the variant with fewer, 100 are needed"]
    assert choose(look(few), min_labels=60).decision == "promote"
    assert choose(look(few[::-1])).decision == "abort"


def test_no_evidence_at_the_longest_time_is_inconclusive() -> None:
    ended = choose(look((Reward(10, 100), Reward(13, 100)), elapsed=3600.0))
    assert (ended.decision, ended.share, ended.inconclusive) == ("abort", 0.0, True)
    assert choose(look(elapsed=4000.0)).inconclusive
    # nor is evidence with too few labels a pass
    assert choose(look((Reward(0, 60), Reward(30, 60)), elapsed=3600.0)).inconclusive


def test_alarms_and_requests_abort_at_once() -> None:
    batch = (Reward(10, 100), Reward(30, 100))
    ringing = choose(look(batch, batch, alarms={"canary-errors": "ALARM", "canary-latency": "OK"}))
    assert (ringing.decision, ringing.reasons) == ("abort", ["in ALARM: canary-errors"])
    asked = choose(look(batch, batch, abort_requested="the operator says so"))
    assert (asked.decision, asked.share) == ("abort", 0.0)


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="not a reward"):
        Reward(3, 2)
    for wrong, message in (
        ({"confidence": 0.4}, "confidence"),
        ({"explore": 0.0}, "explore"),
        ({"prior": (0, 1)}, "pri"),
    ):
        with pytest.raises(ValueError, match=message):
            choose(look(), **wrong)


@given(histories, st.floats(0.0, 1.0), st.floats(0.0, 7200.0))
def test_every_choice_is_sound_and_replays_from_its_record(
    history: list[tuple[Reward, Reward]], share: float, elapsed: float
) -> None:
    asked = BanditMeasurement(share, history, elapsed, 3600.0)
    seen: Choice = choose(asked)
    assert json.loads(json.dumps(seen.record)) == seen.record == choose(asked).record
    assert seen.reasons
    assert 0 <= seen.share <= 1
    if seen.decision == "shift":
        assert 0.1 <= seen.share <= 0.9
    if seen.decision == "continue":
        assert seen.share == share
    if seen.decision == "promote":
        assert min(reward["trials"] for reward in seen.record["rewards"].values()) >= 100
        assert seen.record["evidence"]["log_e"]["better"] >= 2.9957
        assert not seen.inconclusive
    if elapsed >= 3600:
        assert seen.decision in ("promote", "abort")
    assert seen.inconclusive <= (seen.decision == "abort")


# simulations: every batch is looked at, labels come late, a tenth of them never


@cache
def run(control: float, challenger: float, policy: str = "thompson", runs: int = RUNS) -> simulated.Outcome:
    return simulated.simulate(runs, control, challenger, seed=20, policy=policy)


def few(control: float, challenger: float, policy: str = "thompson") -> simulated.Outcome:
    """Runs enough for what is no error rate."""
    return run(control, challenger, policy, 400)


def test_the_simulation_computes_what_the_rule_computes() -> None:
    generator = np.random.default_rng(3)
    n0, n1 = generator.integers(0, 90, 40), generator.integers(0, 90, 40)
    s0, s1 = generator.binomial(n0, 0.2), generator.binomial(n1, 0.3)
    sums = simulated.log_likelihoods(n0, s0, n1, s1)
    better, worse = simulated.log_evalues(sums)
    for i in range(40):
        control, challenger = Reward(int(s0[i]), int(n0[i])), Reward(int(s1[i]), int(n1[i]))
        assert log_evalues_odds([(control, challenger)]) == pytest.approx((better[i], worse[i]), abs=1e-8)
        assert simulated.probability_best(s0, n0, s1, n1)[i] == pytest.approx(
            probability_best(control, challenger), abs=1e-9
        )


@pytest.mark.parametrize("rate", RATES)
def test_an_equal_challenger_is_promoted_or_aborted_at_most_as_often_as_promised(rate: float) -> None:
    seen = run(rate, rate)
    assert seen.promoted.mean() <= ALPHA
    assert seen.aborted.mean() <= ALPHA


@pytest.mark.parametrize("rate", RATES)
def test_a_worse_challenger_is_promoted_at_most_as_often_as_promised(rate: float) -> None:
    assert run(rate, 0.9 * rate).promoted.mean() <= ALPHA
    assert run(0.9 * rate, rate).aborted.mean() <= ALPHA


@pytest.mark.parametrize("rate", RATES)
def test_to_stop_as_soon_as_the_probability_to_be_best_is_95_percent_errs_far_more_often(rate: float) -> None:
    """Why P(best) ends nothing: the same runs, whose challengers are no better."""
    assert run(rate, rate).lucky.mean() > 3 * ALPHA


def test_a_season_deceives_totals_but_not_batches() -> None:
    """Both rates rise ninefold alike. What looks better early gets the share when everybody buys."""

    def season(batch: int) -> float:
        return 0.2 + 1.6 * batch / 30

    undecided = simulated.simulate(RUNS, 0.1, 0.1, seed=21, season=season, decide=False)
    # one look at the end, one-sided at 5 %
    assert (undecided.totals > 1.645).mean() > 5 * ALPHA
    seen = simulated.simulate(RUNS, 0.1, 0.1, seed=21, season=season)
    assert seen.promoted.mean() <= ALPHA
    assert seen.aborted.mean() <= ALPHA


def test_a_better_challenger_is_promoted_and_a_worse_one_aborted() -> None:
    assert few(0.1, 0.17).promoted.mean() > 0.9
    assert few(0.5, 0.65).promoted.mean() > 0.99
    assert few(0.1, 0.05).aborted.mean() > 0.8


@pytest.mark.parametrize(("control", "challenger"), [(0.1, 0.15), (0.5, 0.54), (0.1, 0.07)])
def test_the_bandit_misses_fewer_rewards_than_an_even_split(control: float, challenger: float) -> None:
    bandit, even = few(control, challenger), few(control, challenger, "even")
    assert bandit.regret.mean() < 0.85 * even.regret.mean()


def test_the_bandit_misses_fewer_rewards_than_canary_steps_when_the_challenger_is_better() -> None:
    assert few(0.1, 0.15).regret.mean() < 0.5 * few(0.1, 0.15, "steps").regret.mean()
