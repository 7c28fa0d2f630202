"""The drafted margin: equal candidates pass, and one that is worse by the margin does not."""

from __future__ import annotations

import numpy as np
import pytest

from sluice.gates.power import GREATEST, LEAST, POWER, SPREAD, decidable_margin

CONFIDENCE, RUNS = 0.95, 20_000


@pytest.mark.parametrize("metric", SPREAD)
@pytest.mark.parametrize("rows", [500, 2_000, 8_000])
def test_an_equal_candidate_passes_with_the_power_and_a_worse_one_does_not(metric: str, rows: int) -> None:
    margin = decidable_margin(metric, rows, CONFIDENCE)
    error = SPREAD[metric] / np.sqrt(rows)
    measured = np.random.default_rng(1).normal(0, error, RUNS)
    half = 1.959964 * error
    assert (measured - half >= -margin).mean() >= POWER - 0.01
    assert (measured - margin - half >= -margin).mean() <= 0.03


def test_a_draft_names_no_margin_that_is_trifling_or_lets_all_pass() -> None:
    assert decidable_margin("roc_auc", 10**7, CONFIDENCE) == LEAST
    assert decidable_margin("accuracy", 0, CONFIDENCE) == GREATEST
    margins = [decidable_margin("r2", rows, CONFIDENCE) for rows in (100, 400, 1_600, 6_400)]
    assert margins == sorted(margins, reverse=True)
    assert decidable_margin("r2", 400, 0.99) > decidable_margin("r2", 400, 0.9)
