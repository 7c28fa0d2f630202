"""Quality estimated from probabilities: right where they are calibrated, corrected where not, with an interval."""

from __future__ import annotations

import numpy as np
import pytest

from sluice.contract import Contract
from sluice.profile.answered import Answered
from sluice.profile.estimated import estimates

CONTRACT = Contract.model_validate(
    {
        "project": "shop",
        "problem": {"type": "binary", "target": "bought", "positive": True},
        "data": {
            "key": ["id"],
            "columns": {"id": {"type": "text"}, "x": {"type": "number"}, "bought": {"type": "boolean"}},
        },
    }
)


def drawn(seed: int, rows: int, sharp: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and truths that agree; with a smaller `sharp` the probabilities are nearer to a half."""
    random = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-sharp * random.standard_normal(rows)))
    return p, random.random(rows) < p


def chances(p: np.ndarray) -> list[list[int]]:
    answered = Answered(CONTRACT, None)
    answered.add([{"prediction": bool(each >= 0.5), "probability": float(each)} for each in p], len(p))
    told: list[list[int]] = answered.to_json()["chances"]
    return told


def rows(p: np.ndarray, truth: np.ndarray) -> list[tuple[bool, float, bool]]:
    return [(bool(each >= 0.5), float(each), bool(t)) for each, t in zip(p, truth, strict=True)]


def auc(p: np.ndarray, truth: np.ndarray) -> float:
    ranks = np.argsort(np.argsort(p)) + 1
    positive = int(truth.sum())
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * (len(p) - positive)))


def test_it_is_what_labels_would_show_and_a_loss_is_suspected_only_where_there_is_one() -> None:
    reference = rows(*drawn(1, 3000, 2.5))
    inside = worse = 0
    for seed in range(20):
        p, truth = drawn(100 + seed, 1500, 2.5)
        found = estimates(chances(p), "binary", reference)
        accuracy = float(((p >= 0.5) == truth).mean())
        inside += found["accuracy"].low <= accuracy <= found["accuracy"].high
        worse += found["accuracy"].worse + found["roc_auc"].worse
        assert found["roc_auc"].value == pytest.approx(auc(p, truth), abs=0.03)
        assert found["log_loss"].low < found["log_loss"].value < found["log_loss"].high
    assert inside >= 17
    assert worse == 0
    p, truth = drawn(7, 1500, 0.8)
    found = estimates(chances(p), "binary", reference)
    assert all(found[name].worse for name in ("accuracy", "roc_auc", "log_loss", "brier"))
    assert found["accuracy"].value == pytest.approx(float(((p >= 0.5) == truth).mean()), abs=0.05)


def test_probabilities_that_are_too_sure_are_corrected_by_the_evaluation() -> None:
    p, truth = drawn(3, 4000, 1.0)
    too_sure = np.clip(0.5 + 2 * (p - 0.5), 0.001, 0.999)
    found = estimates(chances(too_sure[2000:]), "binary", rows(too_sure[:2000], truth[:2000]))
    right = float(((too_sure[2000:] >= 0.5) == truth[2000:]).mean())
    stated = float(np.maximum(too_sure, 1 - too_sure).mean())
    assert stated - right > 0.05
    assert found["accuracy"].value == pytest.approx(right, abs=0.04)


def test_too_few_rows_are_no_estimate() -> None:
    p, truth = drawn(3, 99, 1.0)
    many, truths = drawn(4, 300, 1.0)
    assert estimates(chances(p), "binary", rows(many, truths)) == {}
    assert estimates(chances(many), "binary", rows(p, truth)) == {}
