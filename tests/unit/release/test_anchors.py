"""What small losses add up from: the best champion so far, which only a better model with confidence replaces."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from sluice.contract import Contract
from sluice.ports import Champion
from sluice.records.evaluation import Evaluation
from sluice.release import anchors, champions

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SERVING = Champion("r2", "v", "e", "c", "m", "arn:p", NOW, NOW, metrics={"artifact_uri": "s3://d/r2"})
ANCHOR = {"run_id": "r1", "artifact_uri": "s3://d/r1"}
GATED = [{"metric": "roc_auc", "not_worse_than_champion_by": 0.01}]


def contract(gates: list[dict[str, Any]]) -> Contract:
    columns = {"a": {"type": "number"}, "y": {"type": "boolean"}}
    problem = {"type": "binary", "target": "y", "positive": True}
    return Contract.model_validate(
        {"project": "shop", "problem": problem, "data": {"columns": columns}, "gates": gates}
    )


def evaluation(low: float, role: str = "champion", run_id: str = "r2", metric: str = "roc_auc") -> Evaluation:
    pair = {metric: {"difference": low + 0.01, "low": low, "high": low + 0.02, "confidence": 0.95}}
    content = {
        "metric": "roc_auc", "lower_is_better": False, "problem": "binary", "rows": 100,
        "candidate": {"metrics": {}}, role: {"metrics": {}, "run_id": run_id},
        ("paired" if role == "champion" else "paired_anchor"): pair,
    }  # fmt: skip
    return Evaluation.of(content, "here")


def test_the_first_model_and_a_better_one_are_their_own_anchor() -> None:
    assert anchors.of_next(contract(GATED), None, None) is None
    assert anchors.of_next(contract(GATED), evaluation(0.001), SERVING) is None


def test_a_model_that_is_not_better_with_confidence_keeps_the_anchor() -> None:
    assert anchors.of_next(contract(GATED), evaluation(-0.001), SERVING) == {
        "run_id": "r2",
        "artifact_uri": "s3://d/r2",
    }
    later = replace(SERVING, anchor=ANCHOR)
    assert anchors.of_next(contract(GATED), evaluation(-0.001, "anchor", "r1"), later) == ANCHOR
    assert anchors.of_next(contract(GATED), evaluation(0.001, "anchor", "r1"), later) is None
    assert anchors.of_next(contract(GATED), evaluation(0.001), later) == ANCHOR, "better than the champion alone"


@pytest.mark.parametrize("found", [None, evaluation(0.001, run_id="r7")])
def test_without_a_comparison_with_this_champion_it_is_the_anchor(found: Evaluation | None) -> None:
    assert anchors.of_next(contract(GATED), found, SERVING) == {"run_id": "r2", "artifact_uri": "s3://d/r2"}


def test_every_metric_that_is_gated_has_to_be_better() -> None:
    both = [*GATED, {"metric": "log_loss", "not_worse_than_champion_by": 0.01}]
    assert anchors.of_next(contract(both), evaluation(0.001), SERVING) is not None
    lower = [{"metric": "log_loss", "not_worse_than_champion_by": 0.01}]
    assert anchors.of_next(contract(lower), evaluation(0.001, metric="log_loss"), SERVING) is not None
    assert anchors.of_next(contract(lower), evaluation(-0.1, metric="log_loss"), SERVING) is None


def test_a_contract_without_the_gate_begins_anew() -> None:
    assert anchors.of_next(contract([]), evaluation(-0.5), replace(SERVING, anchor=ANCHOR)) is None


def test_a_rollback_brings_the_anchor_back() -> None:
    previous = champions.to_json(replace(SERVING, anchor=ANCHOR))
    assert champions.restored(previous, NOW).anchor == ANCHOR
    del previous["anchor"]
    assert champions.restored(previous, NOW).anchor is None, "a record of before anchors"
