"""Binned scores: bins, expected ratios, and the tolerance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sluice.records.evaluation import Evaluation, ExpectedScores
from sluice.release.evalue import log_evalue, log_evalue_apart, log_evalue_below, log_mean
from sluice.release.scores import Scores, edges, histogram, log_evalue_paired, log_evalue_scores

EDGES = 9


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


def _pairs(rng: np.random.Generator, count: int, gain: float, edges: np.ndarray) -> list[tuple[int, int]]:
    """Bins of two models that score the same rows; `gain` sharpens the canary's log-odds."""
    truth = rng.normal(0, 1.5, count)
    own, other = truth * gain + rng.normal(0, 0.4, count), truth + rng.normal(0, 0.4, count)
    return list(zip(np.searchsorted(edges, own, side="right").tolist(), np.searchsorted(edges, other).tolist()))


def _expected(pairs: list[tuple[int, int]]) -> ExpectedScores:
    bins = range(EDGES + 1)
    counts = ([sum(pair[side] == b for pair in pairs) for b in bins] for side in (0, 1))
    only = [(sum(x == b != y for x, y in pairs), sum(y == b != x for x, y in pairs)) for b in bins]
    candidate, champion = counts
    apart = sum(abs(x - y) >= 3 for x, y in pairs)
    return ExpectedScores(edges=[], candidate=candidate, champion=champion, discordant=only, apart=apart)


@pytest.mark.parametrize("gain", [1.0, 1.3])
def test_replayed_scores_as_evaluation_saw_them_seldom_abort(gain: float) -> None:
    """200 releases, each with an evaluation of its own 800 rows, looked at after every 20 of 300 replayed requests."""
    rng, edges = np.random.default_rng(61), np.linspace(-2, 2, EDGES)
    alpha = 0.05
    aborted = 0
    for _ in range(200):
        expected = _expected(_pairs(rng, 800, gain, edges))
        replayed = _pairs(rng, 300, gain, edges)
        looks = (log_evalue_paired(replayed[:n], expected) for n in range(20, 301, 20))
        aborted += any(log_e >= -math.log(alpha) for log_e in looks)
    assert aborted / 200 <= alpha


@pytest.mark.parametrize("wrong", ["high", "low", "inverted"])
def test_replayed_scores_that_evaluation_did_not_see_abort(wrong: str) -> None:
    rng, edges = np.random.default_rng(62), np.linspace(-2, 2, EDGES)
    expected = _expected(_pairs(rng, 800, 1.0, edges))
    last = len(edges)
    changed = {"high": lambda bin_: last, "low": lambda bin_: 0, "inverted": lambda bin_: last - bin_}[wrong]
    replayed = [(changed(own), other) for own, other in _pairs(rng, 60, 1.0, edges)]
    # the limit of this test in a replay that shares α with the live ones
    assert log_evalue_paired(replayed, expected) > -math.log(0.05 * 0.1 * 0.1)


def test_a_shift_over_many_bins_is_found_where_no_single_bin_shows_it() -> None:
    """Equal shares, 60 requests each, and what the abort test of a live step asks for (8 % of 5 %)."""
    limit = -math.log(0.05 * 0.08)
    emptied = Scores([0] * 5 + [12] * 5, [6] * 10)
    singles = [log_evalue(12, 18, 0.6), log_evalue_below(0, 6, 1 / 2.5)]
    assert max(singles) < limit < log_evalue_scores(emptied, 0.5)
    assert log_evalue_scores(Scores([6] * 10, [6] * 10), 0.5) < 0


def test_an_evaluation_that_told_less_expects_nothing() -> None:
    whole = {"edges": [0.5], "candidate": [1, 2], "champion": [2, 1], "discordant": [[0, 1], [1, 0]], "apart": 0}
    told = {"metric": "roc_auc", "lower_is_better": False, "problem": "binary", "rows": 3, "candidate": {"metrics": {}}}
    assert Evaluation.of({**told, "scores": whole}, "here").scores == ExpectedScores.of(whole, "here")
    assert Evaluation.of({**told, "scores": {**whole, "apart": None}}, "here").scores is None
    assert Evaluation.of(told, "here").scores is None
