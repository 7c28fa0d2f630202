"""Ranks, pairs and their intervals of the AutoML comparison, and how its rows are split."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.automl import ranking
from benchmarks.learning import tables


def line(name: str, split: int, system: str, value: float | None, metric: str = "roc_auc") -> dict[str, Any]:
    return {"set": name, "split": split, "system": system, "value": value, "metric": metric}


LINES = [
    line("a", 0, "sluice", 0.9), line("a", 0, "flaml", 0.8), line("a", 0, "plain", 0.8),
    line("b", 0, "sluice", 3.0, "rmse"), line("b", 0, "flaml", 2.0, "rmse"), line("b", 0, "plain", 4.0, "rmse"),
]  # fmt: skip
SYSTEMS = ["sluice", "flaml", "plain"]


def test_less_of_a_loss_and_more_of_an_auc_is_better() -> None:
    results = ranking.losses(LINES, SYSTEMS)
    assert ranking.ranks(results["a", 0]) == {"sluice": 1.0, "flaml": 2.5, "plain": 2.5}
    assert ranking.ranks(results["b", 0]) == {"sluice": 2.0, "flaml": 1.0, "plain": 3.0}
    assert ranking.mean_ranks(results) == {"sluice": 1.5, "flaml": 1.75, "plain": 2.75}
    assert ranking.won(results, "flaml") == 0.5
    assert ranking.won(results, "plain") == 1.0


def test_our_failure_is_the_worst_and_a_peers_counts_for_nobody() -> None:
    ours = ranking.losses([line("c", 0, "sluice", None), *[line("c", 0, s, 0.6) for s in SYSTEMS[1:]]], SYSTEMS)
    assert ranking.ranks(ours["c", 0])["sluice"] == 3.0
    theirs = [line("c", 0, "flaml", None), line("c", 0, "sluice", 0.6), line("c", 0, "plain", 0.6)]
    assert ranking.losses([*LINES, *theirs], SYSTEMS).keys() == {("a", 0), ("b", 0)}


def test_a_split_that_not_all_have_run_is_left_out() -> None:
    assert ranking.losses([*LINES, line("c", 0, "sluice", 0.9)], SYSTEMS).keys() == {("a", 0), ("b", 0)}


def test_the_interval_draws_sets_and_not_splits() -> None:
    many = [line("a", split, system, 0.9 if system == "sluice" else 0.8) for split in range(50) for system in SYSTEMS]
    many += [line("b", 0, system, 0.7 if system == "sluice" else 0.8) for system in SYSTEMS]
    low, high = ranking.interval(ranking.losses(many, SYSTEMS), lambda results: ranking.won(results, "flaml"))
    assert (low, high) == (0.0, 1.0), "two sets, of which one is lost"


def grouped() -> tables.Table:
    groups = np.repeat(np.arange(40), 5)
    frame = pd.DataFrame({"x": np.arange(200.0), "y": np.where(np.arange(200) % 4 == 0, "a", "b")})
    return tables.Table("g", "binary", frame, "y", "roc_auc", {"x": "number", "y": "category"}, "a", groups)


@pytest.mark.parametrize("groups", [True, False])
def test_folds_hold_every_row_once_and_keep_classes_or_groups_together(groups: bool) -> None:
    table = grouped() if groups else tables.Table(**{**vars(grouped()), "groups": None})
    folds = tables.folds(table, 3)
    assert sorted(np.concatenate(folds).tolist()) == list(range(200))
    for test in folds:
        if groups:
            assert table.groups is not None
            learn = np.setdiff1d(np.arange(200), test)
            assert not set(table.groups[test]) & set(table.groups[learn])
        else:
            assert (table.frame["y"].iloc[test] == "a").sum() == 10
