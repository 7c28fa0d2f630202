"""NAB's scoring: early detections count more, false ones cost by their distance, silence is 0 and perfection 100."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.learning.nab import FALSE_POSITIVE, nab, normalised, rarity, scaled

WINDOWS = [(200, 299), (500, 599)]


def rows(*places: int) -> np.ndarray:
    return np.array(places, dtype=np.int64)


def test_silence_misses_each_window() -> None:
    assert nab(rows(), WINDOWS, 100) == -2.0


def test_the_start_of_each_window_is_perfect_and_its_end_is_worth_little() -> None:
    assert nab(rows(200, 500), WINDOWS, 100) == pytest.approx(2.0)
    assert 0 < nab(rows(299, 500), WINDOWS, 100) - 1.0 < 0.05


def test_of_several_detections_in_a_window_the_first_counts() -> None:
    assert nab(rows(200, 250, 290, 500), WINDOWS, 100) == pytest.approx(2.0)


def test_a_false_detection_costs_more_the_farther_it_lies_behind_a_window() -> None:
    near, far = (nab(rows(200, place, 500), WINDOWS, 100) for place in (301, 450))
    assert 2.0 > near > far
    assert nab(rows(120, 200, 500), WINDOWS, 100) == pytest.approx(2.0 - FALSE_POSITIVE), "before every window"
    assert scaled(3.5) == -1.0


def test_rows_of_the_probation_are_not_scored() -> None:
    assert nab(rows(5, 50, 200, 500), WINDOWS, 100) == pytest.approx(2.0)


def test_scores_that_mark_the_windows_reach_100_and_a_constant_one_0() -> None:
    marks = np.zeros(800)
    marks[[200, 500]] = 1.0
    assert normalised([(marks, WINDOWS, 100)])[0] == pytest.approx(100.0)
    assert normalised([(np.zeros(800), WINDOWS, 100)])[0] == 0.0


def test_rarity_counts_earlier_answers_only() -> None:
    assert rarity(np.array([1.0, 5.0, 3.0])).tolist() == pytest.approx([0.0, np.log10(2), -np.log10(2 / 3)])
