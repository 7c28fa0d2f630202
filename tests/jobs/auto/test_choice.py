"""The choice on out-of-fold answers: weights, calibration and threshold, each only where it is better than noise."""

import numpy as np
import pytest

from auto.calibrating import fitted_calibration
from auto.choice import OF_A_FAMILY, choose, threshold_of
from auto.ensemble import MAX_MEMBERS, mixed, select, select_within, share_better
from auto.fitting import Held
from auto.guide import Loss, RowLosses, complements, errors_behind
from auto.trials import Trial

ROWS = 2_400  # more than are few
CHANCE = np.random.default_rng(5)
TRUE = CHANCE.beta(0.7, 1.6, ROWS)
Y = (CHANCE.random(ROWS) < TRUE).astype(np.int64)
BRIER = Loss("binary", "brier", None)


def both(positive):
    return np.column_stack([1.0 - positive, positive])


def noisy(seed, spread=0.15):
    return both(np.clip(TRUE + np.random.default_rng(seed).normal(0, spread, ROWS), 0.001, 0.999))


def contract(metric, **more):
    return {"problem": {"type": "binary", "metric": metric}, **more}


def trials(answers, loss, milliseconds=0.05):
    found = []
    for number, answer in enumerate(answers):
        trial = Trial(number, f"f{number}", {}, "portfolio", {0: Held(answer, {}, 1.0, 1.0, milliseconds)})
        trial.loss = loss(Y, answer)
        found.append(trial)
    return found


def test_answers_that_err_differently_are_mixed():
    answers = [noisy(1), noisy(2), both(CHANCE.random(ROWS))]
    weights = select(answers, Y, BRIER, [0.1] * 3, budget_ms=1.0)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert weights.get(2, 0.0) < 0.1 < min(weights[0], weights[1])
    assert BRIER(Y, mixed(answers, weights)) < min(BRIER(Y, answers[0]), BRIER(Y, answers[1])) - 0.002


def test_a_trial_that_is_worse_and_errs_differently_complements_the_best():
    best, other, copy = noisy(1, 0.2), noisy(2, 0.25), noisy(1, 0.25)
    assert errors_behind(RowLosses("binary"), Y, other, best) > 2
    assert complements(RowLosses("binary"), Y, other, best)
    assert not complements(RowLosses("binary"), Y, copy, best)  # the same errors, but greater
    assert not complements(RowLosses("binary"), Y, best, best)


def test_members_keep_within_their_time_and_number():
    answers = [noisy(seed) for seed in range(12)]
    weights = select(answers, Y, BRIER, [0.1] * 12, budget_ms=0.25)
    assert len(weights) == 2
    assert len(select(answers, Y, BRIER, [0.0] * 12, budget_ms=0.25)) == MAX_MEMBERS
    assert len(select(answers, Y, BRIER, [9.0] * 12, budget_ms=0.25)) == 1


def test_a_slow_trial_does_not_keep_better_company_out():
    answers = [noisy(0, 0.12), *(noisy(seed) for seed in range(1, 4))]
    slow = [0.18, 0.05, 0.05, 0.05]
    assert list(select(answers, Y, BRIER, slow, budget_ms=0.2)) == [0]
    assert set(select_within(answers, Y, BRIER, slow, budget_ms=0.2)) == {1, 2, 3}
    # alone it is better than the one quick trial that there is
    assert select_within(answers[:2], Y, BRIER, slow[:2], budget_ms=0.2) == {0: 1.0}


def test_an_ensemble_that_is_better_by_noise_alone_is_not_taken():
    same = [noisy(1), noisy(1).copy()]
    choice = choose(trials(same, BRIER), same, Y, contract("brier"), seed=0)
    assert list(choice.weights.values()) == [1.0]
    better = [noisy(1), noisy(2)]
    choice = choose(trials(better, BRIER), better, Y, contract("brier"), seed=0)
    assert len(choice.weights) == 2
    assert choice.sure >= 0.8


def test_no_family_has_more_than_its_part_of_what_may_be_chosen():
    answers = [noisy(seed, 0.15) for seed in range(OF_A_FAMILY + 2)] + [noisy(9, 0.3)]
    found = trials(answers, BRIER)
    for trial in found[:-1]:
        trial.family = "mlp"
    ranked = sorted(range(len(found)), key=lambda place: found[place].loss)
    chosen = choose(found, answers, Y, contract("brier"), seed=0).weights
    assert set(chosen) <= {*ranked[:OF_A_FAMILY], len(found) - 1}


def test_the_bootstrap_knows_better_from_equal_and_worse():
    good, bad = both(TRUE), noisy(3, 0.4)
    assert share_better(Y, good, bad, (BRIER, BRIER), 0, 100) == 1.0
    assert share_better(Y, bad, good, (BRIER, BRIER), 0, 100) == 0.0
    assert share_better(Y, good, good, (BRIER, BRIER), 0, 100) == 0.0


def test_distorted_probabilities_are_calibrated_and_keep_their_order():
    logit = np.log(TRUE / (1 - TRUE))
    sharp = both(1 / (1 + np.exp(-(3.0 * logit + 1.0))))
    calibration = fitted_calibration("binary", Y, sharp, 0)
    assert calibration.slope == pytest.approx(1 / 3, abs=0.05)
    after = calibration(sharp)[:, 1]
    assert np.abs(after - TRUE).mean() < 0.03
    assert (np.diff(after[np.argsort(sharp[:, 1])]) >= 0).all()
    assert calibration.of_one(float(sharp[7, 1])) == after[7]


def test_calibrated_probabilities_stay_as_they_are():
    assert fitted_calibration("binary", Y, both(TRUE), 0) is None
    assert fitted_calibration("binary", Y[:90], both(TRUE**3)[:90], 0) is None
    assert fitted_calibration("regression", TRUE, TRUE * 2, 0) is None


def test_a_temperature_corrects_many_classes_and_keeps_the_greatest():
    shares = CHANCE.dirichlet([0.6, 0.6, 0.6], ROWS)
    y = np.array([CHANCE.choice(3, p=share) for share in shares])
    sharp = shares**2.5 / (shares**2.5).sum(axis=1, keepdims=True)
    calibration = fitted_calibration("multiclass", y, sharp, 0)
    assert calibration.slope == pytest.approx(0.4, abs=0.06)
    assert (calibration(sharp).argmax(axis=1) == sharp.argmax(axis=1)).all()
    assert np.allclose(calibration(sharp).sum(axis=1), 1.0)


def test_the_threshold_is_the_best_for_f1_and_is_the_default_where_the_metric_has_none():
    threshold, why = threshold_of("binary", "f1", None, Y, both(TRUE), 0)
    assert 0.2 < threshold < 0.42
    assert "f1" in why
    f1 = {t: -Loss("binary", "f1", None, t, smooth=False)(Y, both(TRUE)) for t in (threshold, 0.5)}
    assert f1[threshold] > f1[0.5]
    assert threshold_of("binary", "roc_auc", None, Y, both(TRUE), 0) == (0.5, "the default")
    assert threshold_of("binary", "recall", None, Y, both(TRUE), 0)[0] == 0.5
    assert threshold_of("regression", "rmse", None, TRUE, TRUE, 0)[0] == 0.5


def test_calibrated_probabilities_need_no_other_threshold_for_accuracy():
    threshold, why = threshold_of("binary", "accuracy", None, Y, both(TRUE), 0)
    assert threshold == 0.5
    assert "noise" in why
    assert abs(threshold_of("binary", "accuracy", None, Y, both(TRUE**2), 0)[0] - 0.25) < 0.1


def test_by_value_a_row_is_positive_where_a_contact_pays():
    business = {"value_per_true_positive": 10.0, "cost_per_contact": 2.0}
    assert threshold_of("binary", "profit", business, Y, both(TRUE), 0)[0] == pytest.approx(0.2)
