"""The folds of a trial settle rounds, and the slope of a support vector machine, together."""

import numpy as np
import pytest

from auto.fitting import Held
from auto.folds import Fold, Folds, mean_by_row
from auto.guide import Loss
from auto.settling import settle
from families import FAMILIES, Sample, Task

Y = np.array([0, 1, 0, 1, 0, 1, 0, 1])
HALVES = Folds([Fold(np.arange(4, 8), np.arange(4)), Fold(np.arange(4), np.arange(4, 8))], "two halves")
AUC = Loss("binary", "roc_auc", None)


def both(positive):
    positive = np.array(positive)
    return np.column_stack([1.0 - positive, positive])


def held(path, best):
    path = {rounds: both(answer) for rounds, answer in path.items()}
    return Held(path[best], {"num-iterations": best, "rate": 0.1}, 1.0, 1.0, None, path=path)


def settled(*held, folds=HALVES, family="lightgbm"):
    return settle(dict(enumerate(held)), held[0].settled, FAMILIES[family], folds, Y, AUC)


def test_folds_that_stopped_apart_get_the_rounds_that_are_best_for_all_rows():
    # each fold orders its own rows without a fault, but after 2 rounds all are near the prior and after 9 they are not
    early = held({2: [0.45, 0.55, 0.46, 0.54], 5: [0.3, 0.7, 0.4, 0.6], 9: [0.9, 0.95, 0.9, 0.8]}, best=2)
    late = held({2: [0.56, 0.6, 0.58, 0.57], 5: [0.4, 0.6, 0.5, 0.7], 9: [0.1, 0.5, 0.2, 0.46]}, best=9)
    apart = mean_by_row(HALVES, [early.answer, late.answer], 8)
    assert AUC(Y, apart) > -1.0
    found = settled(early, late)
    assert [each.settled for each in found.values()] == [{"num-iterations": 5, "rate": 0.1}] * 2
    assert AUC(Y, mean_by_row(HALVES, [found[0].answer, found[1].answer], 8)) == pytest.approx(-1.0)
    assert not any(each.path for each in found.values())


def test_a_fold_that_ended_before_has_its_last_answers():
    short = held({1: [0.5, 0.5, 0.5, 0.5], 3: [0.2, 0.8, 0.2, 0.8]}, best=3)
    long = held({1: [0.5, 0.5, 0.5, 0.5], 3: [0.5, 0.4, 0.5, 0.6], 8: [0.1, 0.9, 0.2, 0.8]}, best=8)
    found = settled(short, long)
    assert found[0].settled["num-iterations"] == 8
    assert np.array_equal(found[0].answer, short.path[3])
    assert np.array_equal(found[1].answer, long.path[8])


def test_without_a_path_or_another_fold_the_answers_stay():
    one = Held(both([0.1, 0.9, 0.2, 0.8]), {"num-iterations": 7}, 1.0, 1.0, None)
    other = held({4: [0.1, 0.9, 0.2, 0.8]}, best=4)
    found = settled(one, other)
    assert [each.settled["num-iterations"] for each in found.values()] == [7, 4]
    alone = Folds(HALVES.folds[:1], "one")
    assert settled(other, folds=alone)[0].answer is other.answer


def test_a_support_vector_machine_s_folds_get_the_mean_slope():
    chance = np.random.default_rng(1)
    x = chance.normal(size=(80, 3))
    y = (x[:, 0] + chance.normal(size=80) > 0).astype(np.int64)
    family, task = FAMILIES["svm"], Task("binary", 2, "roc_auc")
    given, held = family.hyperparameters({}), []
    for part in (slice(0, 4), slice(4, 8)):
        watch = Sample(x[part], y[part])
        fitted = family.fit(given, task, Sample(x[8:], y[8:]), watch)
        answer, own = family.answer(fitted, task, watch), family.settled(fitted, given)
        held.append(Held(answer, own, 1.0, 1.0, None, raw=family.raw(fitted, task, watch)))
    slopes = [each.settled["slope"] for each in held]
    assert slopes[0] != slopes[1]
    found = settled(*held, family="svm")
    assert found[0].settled == found[1].settled
    assert found[0].settled["slope"] == pytest.approx(np.mean(slopes))
    watch = Sample(x[:4], y[:4])
    again = family.fit(found[0].settled, task, Sample(x[8:], y[8:]))
    assert np.abs(family.answer(again, task, watch) - found[0].answer).max() < 1e-12


@pytest.mark.parametrize(
    ("name", "problem"),
    [("lightgbm", "binary"), ("lightgbm", "multiclass"), ("lightgbm", "regression"), ("xgboost", "multiclass"),
     ("catboost", "binary"), ("mlp", "binary")],
)  # fmt: skip
def test_a_path_has_the_answers_of_shorter_fits(name, problem):
    chance = np.random.default_rng(0)
    x = chance.normal(size=(240, 4))
    y = x[:, 0] + chance.normal(size=240)
    if problem != "regression":
        y = np.digitize(y, [0.0] if problem == "binary" else [-0.5, 0.5])
    train, watch = Sample(x[:160], y[:160]), Sample(x[160:], y[160:])
    family, task = FAMILIES[name], Task(problem, {"binary": 2, "multiclass": 3, "regression": 0}[problem], "log_loss")
    given = family.hyperparameters({"width": "8"} if name == "mlp" else {"learning-rate": "0.1"})
    path = family.path(family.fit(given, task, train, watch), task, watch)
    assert list(path) == sorted(path)
    for rounds in list(path)[2:6:3]:
        shorter = family.answer(family.fit({**given, family.rounds: rounds}, task, train), task, watch)
        assert np.abs(path[rounds] - shorter).max() < 1e-6
