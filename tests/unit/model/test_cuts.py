"""Classes that were cut from a number are found in a small table; classes that a number happens to divide are not."""

from __future__ import annotations

import numpy as np
import pytest

from sluice.model.identities import search
from sluice.model.identities.cuts import cut_from

ROWS = 150


def weights() -> np.ndarray:
    return np.random.default_rng(4).normal(2_900, 700, ROWS).round()


@pytest.mark.parametrize("limits", [[2_500], [2_500, 3_300], [3_000]])
def test_bands_of_a_number_are_cut_from_it(limits):
    x = weights()
    y = np.searchsorted(limits, x)
    assert cut_from(x, y, len(limits) + 1)
    assert cut_from(np.where(np.arange(ROWS) % 10 == 0, np.nan, x), y, len(limits) + 1)
    found, _ = search({"weight": x.tolist()}, {"weight": "integer"}, y, len(limits) + 1, ["weight"])
    assert [(each.kind, each.columns) for each in found] == [("copy", ("weight",))]


def test_points_with_many_equal_ones_are_no_less_a_cause():
    points = np.random.default_rng(5).integers(0, 21, ROWS).astype(float)
    assert cut_from(points, (points >= 10).astype(int), 2)


def test_one_row_on_the_other_side_is_enough_against_it():
    x = weights()
    y = (x > 2_900).astype(int)
    y[np.argmax(x)] = 0
    assert not cut_from(x, y, 2)


def test_two_clusters_far_apart_are_honest():
    """Petals of setosa and of the other irises."""
    chance = np.random.default_rng(6)
    y = np.repeat([0, 1], ROWS // 2)
    x = np.where(y == 1, chance.normal(4.9, 0.6, ROWS), chance.normal(1.5, 0.15, ROWS)).round(1)
    assert x[y == 0].max() < x[y == 1].min()
    assert not cut_from(x, y, 2)


def test_few_rows_of_a_class_say_nothing():
    x = weights()
    assert not cut_from(x, (x > np.sort(x)[-15]).astype(int), 2)
    assert not cut_from(np.full(ROWS, np.nan), np.arange(ROWS) % 2, 2)
