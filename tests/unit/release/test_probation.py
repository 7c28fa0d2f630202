"""Probation: both models on the same labelled rows. A model that is not worse stays, however often one looks."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import bandit as simulated
from sluice.release.evalue import log_evalue
from sluice.release.probation import BETS, Kind, Labelled, judge_probation, log_evalue_mean

ALPHA = 0.05
RUNS = 2_000

probabilities = st.builds(Labelled, st.sampled_from([0, 1, True, False]), st.floats(0, 1), st.floats(0, 1))
numbers = st.builds(Labelled, *[st.floats(-1e6, 1e6)] * 3)
classes = st.builds(Labelled, *[st.sampled_from(["a", "b", "c"])] * 3)


def test_class_answers_are_judged_by_mcnemars_pairs() -> None:
    rows = (
        [Labelled("a", "a", "b")] * 14
        + [Labelled("a", "b", "a")] * 2
        + [Labelled("a", "b", "c")] * 30
        + [Labelled("b", "b", "b")] * 100
    )
    seen = judge_probation(rows, "class")
    assert seen.decision == "roll_back"
    assert seen.statistic["log_e"] == round(log_evalue(14, 16, 0.5), 4)
    assert (seen.statistic["worse"], seen.statistic["better"]) == (14, 2)
    assert (seen.statistic["old"], seen.statistic["new"]) == (32 / 146, 44 / 146)
    assert "share of wrong answers 0.3014 against 0.2192, on 146 rows" in seen.reasons[0]
    turned = judge_probation([Labelled(row.truth, row.new, row.old) for row in rows], "class")
    assert (turned.decision, turned.inconclusive) == ("keep", False)


def test_probabilities_are_judged_by_the_brier_score() -> None:
    worse = [Labelled(1, 0.9, 0.6), Labelled(0, 0.2, 0.5)] * 20
    seen = judge_probation(worse, "probability")
    assert seen.decision == "roll_back"
    assert seen.statistic["new"] == pytest.approx((0.16 + 0.25) / 2)
    by_hand = sum((1 + bet * 0.15) ** 20 * (1 + bet * 0.21) ** 20 for bet in BETS) / len(BETS)
    assert seen.statistic["log_e"] == pytest.approx(math.log(by_hand), abs=1e-4)


def test_numbers_are_judged_by_capped_absolute_errors() -> None:
    seen = judge_probation([Labelled(10.0, 11.0, 14.0)] * 60, "number", cap=10.0)
    assert seen.decision == "roll_back"
    assert (seen.statistic["old"], seen.statistic["new"]) == (pytest.approx(1.0), pytest.approx(4.0))
    outlier = [Labelled(10.0, 11.0, 1e9)] + [Labelled(10.0, 11.0, 10.5)] * 60
    kept = judge_probation(outlier, "number", cap=10.0)
    assert (kept.decision, kept.statistic["capped"]) == ("keep", 1)


def test_better_on_most_rows_is_not_better() -> None:
    """A little farther on nine rows of ten, much nearer on the tenth: a sign test would take the better model back."""
    rows = ([Labelled(0, 0.05, 0.08)] * 9 + [Labelled(1, 0.3, 0.7)]) * 40
    seen = judge_probation(rows, "probability")
    assert seen.decision == "keep"
    assert seen.statistic["worse"] == 9 * seen.statistic["better"]
    assert log_evalue(360, 400, 0.5) > 20


def test_few_labels_show_nothing_and_say_so() -> None:
    none = judge_probation([], "class")
    assert (none.decision, none.inconclusive, none.statistic["old"]) == ("keep", True, None)
    assert none.reasons[1] == "nor evidence that it is as good: 0 labelled rows of 100 that are needed to say so"
    assert judge_probation([Labelled("a", "a", "a")] * 99, "class").inconclusive
    assert not judge_probation([Labelled("a", "a", "a")] * 100, "class").inconclusive
    # evidence needs no least number
    two = [Labelled("a", "a", "b"), Labelled("c", "c", "b")]
    assert judge_probation(two * 4, "class").decision == "roll_back"


@pytest.mark.parametrize(
    ("row", "kind", "more", "message"),
    [
        (Labelled(2, 0.5, 0.5), "probability", {}, "0 or 1"),
        (Labelled(1, 0.5, 1.5), "probability", {}, "from 0 to 1"),
        (Labelled(1, math.nan, 0.5), "probability", {}, "from 0 to 1"),
        (Labelled(1.0, 1.0, 1.0), "number", {}, "cap"),
        (Labelled(1.0, 1.0, 1.0), "number", {"cap": 0.0}, "cap"),
        (Labelled(1.0, math.inf, 1.0), "number", {"cap": 5.0}, "finite"),
        (Labelled("a", "a", "a"), "class", {"alpha": 1.0}, "alpha"),
    ],
)
def test_what_is_not_of_its_kind_is_refused(row: Labelled, kind, more, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        judge_probation([row], kind, **more)


@given(
    st.one_of(
        st.tuples(st.just("class"), st.lists(classes, max_size=40)),
        st.tuples(st.just("probability"), st.lists(probabilities, max_size=40)),
        st.tuples(st.just("number"), st.lists(numbers, max_size=40)),
    ),
    st.randoms(use_true_random=False),
)
def test_a_verdict_needs_no_order_and_keeps_its_limit(asked, shuffler) -> None:
    kind, rows = asked
    seen = judge_probation(rows, kind, cap=1_000.0)
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    again = judge_probation(shuffled, kind, cap=1_000.0)
    assert again.statistic["log_e"] == pytest.approx(seen.statistic["log_e"], abs=1e-3)
    assert json.loads(json.dumps(seen.statistic)) == seen.statistic
    if abs(seen.statistic["log_e"] - seen.statistic["log_limit"]) > 1e-3:
        assert (seen.decision == "roll_back") == (seen.statistic["log_e"] > seen.statistic["log_limit"])
        assert again.decision == seen.decision
    # not both ways
    turned = judge_probation([Labelled(row.truth, row.new, row.old) for row in rows], kind, cap=1_000.0)
    assert {seen.decision, turned.decision} != {"roll_back"}


@given(st.lists(st.floats(-1, 1), max_size=60))
def test_a_difference_more_against_the_new_model_is_evidence_more(differences: list[float]) -> None:
    assert log_evalue_mean([*differences, 0.5]) > log_evalue_mean([*differences, -0.5])
    assert math.isfinite(log_evalue_mean([*differences, -1.0, 1.0]))


@pytest.mark.parametrize("p", [0.01, 0.2, 0.5])
def test_the_expectation_of_a_row_is_at_most_one(p: float) -> None:
    """Two differences of the mean 0, whatever their sizes: this makes it an e-value."""
    low, high = -p, 1 - p
    expected = p * math.exp(log_evalue_mean([high])) + (1 - p) * math.exp(log_evalue_mean([low]))
    assert expected == pytest.approx(1.0)


# simulations: every row is looked at


def test_the_simulation_computes_what_the_rule_computes() -> None:
    differences = np.random.default_rng(1).uniform(-1, 1, (1, 50))
    ours = [log_evalue_mean(list(differences[0, :end])) for end in range(1, 51)]
    assert simulated.log_evalues_mean(differences)[0] == pytest.approx(ours, abs=1e-9)


@pytest.mark.parametrize("case", simulated.PROBATIONS)
def test_a_model_that_is_not_worse_is_taken_back_at_most_as_often_as_promised(case: str) -> None:
    assert np.isfinite(simulated.probation(case, RUNS, 800, seed=61)).mean() <= ALPHA


def test_worse_models_are_taken_back() -> None:
    for case, worse in (("class", 0.1), ("probability", 0.5), ("number", 0.5)):
        assert np.isfinite(simulated.probation(case, 300, 800, seed=62, worse=worse)).mean() > 0.95


def test_a_sign_test_would_take_a_model_back_that_is_as_good() -> None:
    taken = simulated.probation("skewed", 300, 800, seed=63, rule="sign")
    assert np.isfinite(taken).mean() > 0.9


@pytest.mark.parametrize(("kind", "truth", "old", "new"), [("probability", 1, 0.5, 0.2), ("class", "a", "a", "b")])
def test_labels_of_one_class_take_no_model_back(kind: Kind, truth: Any, old: Any, new: Any) -> None:
    """Buyers are known first: on them alone, a model that expects fewer of them is always the worse one."""
    rows = [Labelled(truth, old, new)] * 150
    found = judge_probation(rows, kind)
    assert (found.decision, found.inconclusive) == ("keep", True)
    assert "on labels of one class alone" in found.reasons[0]
    other = Labelled(0 if kind == "probability" else "b", old, new)
    assert judge_probation([*rows, other], kind).decision == "roll_back"
