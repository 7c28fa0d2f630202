"""Binned scores: bins, expected ratios, and the tolerance."""

from __future__ import annotations

import pytest

from sluice.release.evalue import log_evalue_apart, log_mean
from sluice.release.scores import Scores, edges, histogram, log_evalue_scores


def test_bins_hold_about_equally_many() -> None:
    scores = [i / 1000 for i in range(1000)]
    inner = edges(scores)
    assert len(inner) == 9
    assert histogram(scores, inner) == [100] * 10
    assert histogram([0.0, 0.1, 2.0], [0.1, 0.5]) == [1, 1, 1]
    assert edges([0.5] * 20) == [0.5]
    with pytest.raises(ValueError, match="need scores"):
        edges([])


def test_equal_histograms_are_no_evidence_and_a_shift_is() -> None:
    assert log_evalue_scores(Scores([10] * 10, [90] * 10), 0.1) < 0
    assert log_evalue_scores(Scores([100] + [0] * 9, [90] * 10), 0.1) > 10
    # an empty bin on the canary is evidence too
    assert log_evalue_scores(Scores([0, 300], [300, 300]), 0.5) > 10


def test_an_expected_shift_is_no_evidence() -> None:
    live = Scores([80, 20], [450, 450], expected_canary=[800, 200], expected_control=[500, 500])
    assert log_evalue_scores(live, 0.1) < 0
    assert log_evalue_scores(Scores([80, 20], [450, 450]), 0.1) > log_evalue_scores(live, 0.1)


def test_without_a_control_nothing_is_said_and_unlike_bins_are_refused() -> None:
    assert log_evalue_scores(Scores([5], [0]), 1.0) == 0.0
    with pytest.raises(ValueError, match="same bins"):
        log_evalue_scores(Scores([1, 2], [3, 4], [1], [1]), 0.1)
    with pytest.raises(ValueError, match="tolerance"):
        log_evalue_scores(Scores([1], [1]), 0.1, tolerance=0.5)


def test_evidence_against_a_split_grows_in_both_directions() -> None:
    assert log_evalue_apart(100, 1000, 0.1) < 0
    assert log_evalue_apart(250, 1000, 0.1) > 20
    assert log_evalue_apart(20, 1000, 0.1) > 20
    assert log_evalue_apart(0, 0, 0.1) == log_evalue_apart(5, 9, 1.0) == 0.0
    assert log_mean([0.0, 0.0]) == 0.0
