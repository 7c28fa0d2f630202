"""Weights where rows are few: what many lucky trials of one family cannot do, and what the rows can."""

import numpy as np
import pytest

from auto.choice import choose
from auto.few_rows import best_of_each_family, weigh_families
from auto.fitting import Held
from auto.guide import Loss, RowLosses
from auto.trials import Trial

ROWS = 600
CHANCE = np.random.default_rng(5)
TRUE = CHANCE.beta(0.7, 1.6, ROWS)
Y = (CHANCE.random(ROWS) < TRUE).astype(np.int64)


def noisy(seed, spread=0.15):
    positive = np.clip(TRUE + np.random.default_rng(seed).normal(0, spread, ROWS), 0.001, 0.999)
    return np.column_stack([1.0 - positive, positive])


def weighed(answers, y=Y, problem="binary", milliseconds=0.01):
    return weigh_families(problem, dict(enumerate(answers)), y, dict.fromkeys(range(len(answers)), milliseconds), 0.1)


def judged(answers, families, metric="roc_auc"):
    loss = Loss("binary", metric, None)
    found = []
    for number, (answer, family) in enumerate(zip(answers, families, strict=True)):
        trial = Trial(number, family, {}, "search", {0: Held(answer, {}, 1.0, 1.0, 0.01)})
        trial.loss = loss(Y, answer)
        found.append(trial)
    return found


def test_the_luckiest_of_many_trials_of_a_family_has_its_familys_weight_alone():
    answers = [*(noisy(seed) for seed in range(30)), noisy(31), noisy(32), noisy(33)]
    trials = judged(answers, ["lightgbm"] * 30 + ["svm", "mlp", "catboost"])
    contract = {"problem": {"type": "binary", "metric": "roc_auc"}}
    choice = choose(trials, answers, Y, contract, seed=0)
    luckiest = min(range(30), key=lambda place: trials[place].loss)
    assert set(choice.weights) == {luckiest, 30, 31, 32}
    assert max(choice.weights.values()) < 0.45
    assert choice.sure is None
    chosen = Loss("binary", "log_loss", None)(Y, choice.answers)
    assert chosen < RowLosses("binary")(Y, answers[luckiest]).mean()


def test_the_best_of_each_family_comes_in_the_order_of_their_losses():
    trials = judged([noisy(0, 0.4), noisy(1, 0.1), noisy(2, 0.2)], ["svm", "mlp", "svm"])
    assert best_of_each_family(trials) == [1, 2]


def test_alike_families_share_alike_and_a_bad_one_has_little():
    weights = weighed([noisy(seed) for seed in range(4)])
    assert sum(weights.values()) == pytest.approx(1.0)
    assert min(weights.values()) > 0.15
    with_a_bad_one = weighed([*(noisy(seed) for seed in range(4)), noisy(4)[:, ::-1]])
    assert with_a_bad_one.pop(4, 0.0) < 0.1 < min(with_a_bad_one.values())


def test_the_weights_do_not_depend_on_the_scale_of_numbers():
    y = CHANCE.normal(size=ROWS)
    answers = [y + np.random.default_rng(seed).normal(0, spread, ROWS) for seed, spread in ((1, 0.5), (2, 0.5), (3, 2))]
    weights = weighed(answers, y, "regression")
    assert weights[0] == pytest.approx(weights[1], abs=0.1)
    assert weights.get(2, 0.0) < 0.1
    thousandfold = weighed([1000 * answer for answer in answers], 1000 * y, "regression")
    assert thousandfold == pytest.approx(weights, abs=1e-3)


def test_one_that_answers_all_numbers_exactly_is_alone():
    y = CHANCE.normal(size=ROWS)
    assert weighed([y + 1.0, y], y, "regression") == {1: 1.0}


def test_of_many_classes_each_row_counts_by_its_own():
    shares = CHANCE.dirichlet([0.6, 0.6, 0.6], ROWS)
    y = np.array([CHANCE.choice(3, p=share) for share in shares])
    weights = weighed([shares, np.full((ROWS, 3), 1 / 3)], y, "multiclass")
    assert weights[0] > 0.9


def test_members_keep_within_their_time():
    answers = [noisy(seed) for seed in range(6)]
    assert len(weighed(answers, milliseconds=0.03)) == 3
    assert len(weighed(answers, milliseconds=5.0)) == 1
