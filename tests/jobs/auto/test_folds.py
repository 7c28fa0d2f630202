"""Out-of-fold answers: every row is held out once, and nothing that belongs together is torn apart."""

import numpy as np
import pytest

from auto import folds

Y = np.random.default_rng(0).integers(0, 3, 900)


def made(y=Y, validation=200, classes=3, **more):
    return folds.make(y, validation, **{"classes": classes, "seed": 1, "by_time": False, **more})


def test_every_row_is_held_out_once_and_never_among_its_own_training_rows():
    found = made(np.tile(Y, 4))
    assert found.text == "8 stratified folds"
    assert sorted(np.concatenate([fold.held_out for fold in found.folds])) == list(range(3600))
    for fold in found.folds:
        assert not set(fold.train) & set(fold.held_out)
        assert len(fold.train) + len(fold.held_out) == 3600


def test_few_rows_are_held_out_twice_in_two_different_ways():
    found = made()
    assert (len(found), found.text) == (16, "8 stratified folds, 2 times")
    assert list(found.rows) == list(range(900))
    assert not np.array_equal(found.folds[0].held_out, found.folds[8].held_out)


def test_folds_have_the_classes_in_their_shares():
    for fold in made().folds:
        shares = np.bincount(Y[fold.held_out], minlength=3) / len(fold.held_out)
        assert shares == pytest.approx(np.bincount(Y) / 900, abs=0.02)


def test_the_only_row_of_a_class_is_never_held_out():
    y = np.array([0, 1] * 200 + [2])
    found = made(y, 100)
    assert 400 not in found.rows
    assert all(400 in fold.train for fold in found.folds)


def test_groups_stay_together():
    groups = np.random.default_rng(1).integers(0, 60, 900)
    found = made(groups=groups)
    assert found.text == "8 grouped folds, 2 times"
    for fold in found.folds:
        assert not set(groups[fold.train]) & set(groups[fold.held_out])
    sizes = [len(fold.held_out) for fold in found.folds]
    assert max(sizes) < 1.5 * min(sizes)


@pytest.mark.parametrize(("rows", "more"), [(900, {"by_time": True}), (200_000, {})])
def test_by_time_and_with_many_rows_validation_is_held_out(rows, more):
    found = made(np.zeros(rows), 200, 0, **more)
    assert len(found) == 1
    assert list(found.rows) == list(range(rows - 200, rows))


def test_answers_of_repeats_are_averaged():
    found = folds.Folds([folds.Fold(np.array([1]), np.array([0])), folds.Fold(np.array([0]), np.array([1])),
                         folds.Fold(np.array([2]), np.array([0, 1]))], "")  # fmt: skip
    mean = folds.mean_by_row(found, [np.array([1.0]), np.array([4.0]), np.array([2.0, 6.0])], 3)
    assert list(mean) == [1.5, 5.0, 0.0]


def test_a_short_budget_means_three_folds():
    y = np.arange(13_000) % 2
    counts = [len(made(y, 2_000, classes=2, seconds=seconds)) for seconds in (60.0, 600.0)]
    assert counts == [3, 5]
