"""The gates over simulated candidates whose true quality is known; `make bench-gates` does more of it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks import gate_cases
from sluice.model import gaps
from sluice.model.bootstrap import paired_difference
from sluice.model.metrics import METRICS

RUNS = 400
MARGIN = 0.02


def allowed(share: float, runs: int = RUNS) -> float:
    """The share above which chance alone (three standard deviations) does not explain it any more."""
    return share + 3 * math.sqrt(share * (1 - share) / runs)


@pytest.mark.parametrize("positives", [20, 50, 200])
@pytest.mark.parametrize("segments", [2, 5, 10])
def test_an_even_model_fails_no_slice_gate(positives: int, segments: int) -> None:
    recalls = [0.8] * segments
    assert gate_cases.slice_gate(recalls, positives, 0.2, RUNS, 1).failed <= 0.05
    assert gate_cases.slice_gate(recalls, positives, 0.0, RUNS, 1).failed <= allowed(0.05)


def test_the_measured_gap_alone_failed_even_models() -> None:
    assert gate_cases.point_gap([0.8] * 10, 20, 0.2, RUNS, 1) > 0.5


def test_a_slice_gate_tells_what_the_rows_suffice_for() -> None:
    assert gate_cases.slice_gate([0.8] * 5, 400, 0.2, RUNS, 2).passed >= 0.9
    assert gate_cases.slice_gate([0.8] * 4 + [0.4], 200, 0.2, RUNS, 2).failed >= 0.8
    assert gate_cases.slice_gate([0.8, 0.6], 200, 0.2 - 1e-9, RUNS, 2).passed <= allowed(0.05)


def test_the_simulated_slices_are_what_evaluation_measures() -> None:
    generator = np.random.default_rng(3)
    hits = generator.binomial(20, 0.8, size=(1, 3))
    y = np.tile([1] * 20 + [0] * 20, 3)
    right = np.concatenate([[float(i < count) for i in range(20)] + [0.0] * 20 for count in hits[0]])
    places, scores = np.repeat([0, 1, 2], 40), np.column_stack([1 - right, right])
    names = ["a", "b", "c"]
    entry = gaps.gap("recall", METRICS["binary"]["recall"], y, scores, names, places, 0.95)
    errors = [entry["segments"][name]["error"] for name in names]
    assert errors == pytest.approx(gate_cases.recall_errors(hits, 20)[0].tolist(), rel=0.15)


def test_the_simulated_comparison_is_the_bootstrap_of_evaluation() -> None:
    models = gate_cases.Models(1_000, 4)
    ours, theirs = models.right(0.01), models.right(0.0)
    y = np.ones(1_000, dtype=np.int64)
    scores = [np.column_stack([~right, right]).astype(float) for right in (ours, theirs)]
    real = paired_difference(METRICS["binary"]["accuracy"], y, *scores)
    drawn = models.paired(ours, theirs)
    assert [drawn[name] for name in ("difference", "low", "high")] == pytest.approx(
        [real[name] for name in ("difference", "low", "high")], abs=0.002
    )


@pytest.mark.parametrize("rows", [500, 2_000])
def test_a_candidate_that_is_worse_by_the_margin_does_not_pass(rows: int) -> None:
    assert gate_cases.champion_gate(MARGIN, rows, MARGIN, RUNS, 5).passed <= allowed(0.05)


@pytest.mark.parametrize("anchor", [False, True])
def test_an_equal_candidate_passes(anchor: bool) -> None:
    assert gate_cases.champion_gate(0.0, 3_000, MARGIN, RUNS, 6, anchor=anchor).passed >= 0.95


def test_creep_is_stopped() -> None:
    alone = [gate_cases.chain(0.009, MARGIN, 2_000, seed, anchored=False) for seed in range(4)]
    assert np.mean(alone) > 3 * MARGIN
    for fresh in (True, False):
        lost = np.array([gate_cases.chain(0.009, MARGIN, 2_000, seed, fresh=fresh) for seed in range(40)])
        assert lost.max() <= 1.5 * MARGIN
        assert (lost > MARGIN).mean() <= 0.1
