"""Simulated candidates before the gates: models whose true quality is known, and what the gates say about them.

Recalls and accuracies are shares of rows that are right, so their bootstrap is a draw from a multinomial distribution:
that is drawn here directly, many resamples at a time. `tests/unit/gates/test_gate_simulations.py` holds it against the
bootstrap that evaluation runs. What decides is the product's own code: `gaps.bounds`, `judge`, `anchors.of_next`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from sluice.contract import Contract, Gate
from sluice.gates import judge
from sluice.model import gaps
from sluice.ports import Champion
from sluice.records.evaluation import Evaluation
from sluice.release import anchors

METRIC = "accuracy"
RESAMPLES = 1_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Shares(NamedTuple):
    """How often each outcome came."""

    passed: float
    failed: float

    @property
    def inconclusive(self) -> float:
        return 1 - self.passed - self.failed


# --- slices: recall in segments of equal size -----------------------------------------------------------------------


def slice_gate(
    recalls: list[float], positives: int, limit: float, runs: int, seed: int, confidence: float = 0.95
) -> Shares:
    """Candidates whose true recall in each segment is `recalls`, with `positives` test rows in each."""
    hits = np.random.default_rng(seed).binomial(positives, recalls, size=(runs, len(recalls)))
    values, errors = hits / positives, recall_errors(hits, positives)
    names = [str(number) for number in range(len(recalls))]
    found = [gaps.bounds(value, error, names, confidence) for value, error in zip(values, errors, strict=True)]
    failed = np.mean([each["low"] > limit for each in found])
    passed = np.mean([each["low"] <= limit and each["high"] <= limit for each in found])
    return Shares(float(passed), float(failed))


def recall_errors(hits: np.ndarray, positives: int) -> np.ndarray:
    """Standard errors as `gaps.gap` has them: the greater one of the segment's own and that of all rows, scaled."""
    own = hits / positives
    of_all = hits.mean(axis=1, keepdims=True) / positives
    return np.sqrt(np.maximum(own * (1 - own), of_all * (1 - of_all)) / positives)


def point_gap(recalls: list[float], positives: int, limit: float, runs: int, seed: int) -> float:
    """Share of candidates that a gate on the measured gap alone would fail: the rule of before."""
    hits = np.random.default_rng(seed).binomial(positives, recalls, size=(runs, len(recalls)))
    return float(np.mean((hits.max(axis=1) - hits.min(axis=1)) / positives > limit))


# --- champion: accuracy on the same rows ----------------------------------------------------------------------------


@dataclass
class Models:
    """Models that are right on a row if its ease and the model's own chance suffice: they agree on most rows."""

    rows: int
    seed: int
    accuracy: float = 0.9
    own: float = 0.3
    """How far a model's answer depends on its own chance. 0.3: two equal models disagree on some 5 % of the rows."""

    def __post_init__(self) -> None:
        self.generator = np.random.default_rng(self.seed)
        self.fresh_rows()

    def fresh_rows(self) -> None:
        self.ease = self.generator.normal(size=self.rows)

    def right(self, loss: float) -> np.ndarray:
        """On which rows a model is right whose true accuracy is `accuracy` - `loss`."""
        border = _normal_quantile(self.accuracy - loss) * math.hypot(1, self.own)
        return self.ease + self.own * self.generator.normal(size=self.rows) < border

    def paired(self, ours: np.ndarray, theirs: np.ndarray, confidence: float = 0.95) -> dict[str, Any]:
        """What `paired_difference` answers about accuracy; the resamples are drawn by their counts."""
        better, worse = np.count_nonzero(ours & ~theirs), np.count_nonzero(theirs & ~ours)
        shares = [better / self.rows, worse / self.rows, 1 - (better + worse) / self.rows]
        drawn = self.generator.multinomial(self.rows, shares, size=RESAMPLES)
        ends = np.quantile((drawn[:, 0] - drawn[:, 1]) / self.rows, [(1 - confidence) / 2, (1 + confidence) / 2])
        difference = (better - worse) / self.rows
        return {"difference": difference, "low": float(ends[0]), "high": float(ends[1]), "confidence": confidence}


def _normal_quantile(share: float) -> float:
    low, high = -10.0, 10.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if math.erfc(-middle / math.sqrt(2)) / 2 < share else (low, middle)
    return low


def gate_of(margin: float) -> Gate:
    return Gate(metric=METRIC, not_worse_than_champion_by=margin)


def champion_gate(loss: float, rows: int, margin: float, runs: int, seed: int, anchor: bool = False) -> Shares:
    """Candidates that are truly worse by `loss` than the champion, which equals the anchor where there is one."""
    models, gate, outcomes = Models(rows, seed), gate_of(margin), []
    for _ in range(runs):
        models.fresh_rows()
        ours = models.right(loss)
        pairs = {"champion": models.paired(ours, models.right(0.0))}
        if anchor:
            pairs["anchor"] = models.paired(ours, models.right(0.0))
        outcomes.append(judge([gate], evaluation(rows, pairs)).decision)
    return Shares(outcomes.count("approved") / runs, outcomes.count("rejected") / runs)


def evaluation(rows: int, pairs: dict[str, dict[str, Any]], run_ids: dict[str, str] | None = None) -> Evaluation:
    names = run_ids or {role: role for role in pairs}
    content: dict[str, Any] = {
        "metric": METRIC, "lower_is_better": False, "problem": "binary", "rows": rows, "champion_serves": True,
        "candidate": {"metrics": {}},
        **{role: {"metrics": {}, "run_id": names[role]} for role in pairs},
        "paired": {METRIC: pairs["champion"]},
        "paired_anchor": {METRIC: pairs["anchor"]} if "anchor" in pairs else None,
    }  # fmt: skip
    return Evaluation.of(content, "a simulation")


# --- a chain of releases --------------------------------------------------------------------------------------------

CONTRACT = {
    "project": "shop",
    "problem": {"type": "binary", "target": "y", "positive": True},
    "data": {"columns": {"a": {"type": "number"}, "y": {"type": "boolean"}}},
}


def chain(
    step: float, margin: float, rows: int, seed: int, *, anchored: bool = True, fresh: bool = True, releases: int = 20
) -> float:
    """The greatest true loss of a champion in a chain of releases, each candidate worse by `step` than the champion.

    `fresh`: each release is judged on new test rows; else all on the same ones. `anchored=False`: the rule of before.
    """
    models = Models(rows, seed)
    gate = gate_of(margin)
    contract = Contract.model_validate({**CONTRACT, "gates": [gate.model_dump()]})
    losses, answers = {"r0": 0.0}, {"r0": models.right(0.0)}
    champion = Champion("r0", "v", "e", "c", "m", "arn:p", NOW, NOW, metrics={"artifact_uri": "s3://d/r0"})
    for number in range(1, releases + 1):
        run = f"r{number}"
        if fresh:
            models.fresh_rows()
            answers = {name: models.right(losses[name]) for name in _compared(champion)}
        losses[run], answers[run] = losses[champion.run_id] + step, models.right(losses[champion.run_id] + step)
        roles = {"champion": champion.run_id}
        if anchored and champion.anchor:
            roles["anchor"] = champion.anchor["run_id"]
        pairs = {role: models.paired(answers[run], answers[name]) for role, name in roles.items()}
        found = evaluation(rows, pairs, roles)
        if judge([gate], found).decision == "approved":
            anchor = anchors.of_next(contract, found, champion) if anchored else None
            champion = replace(champion, run_id=run, anchor=anchor, metrics={"artifact_uri": f"s3://d/{run}"})
    return losses[champion.run_id]


def _compared(champion: Champion) -> list[str]:
    return [champion.run_id, *([champion.anchor["run_id"]] if champion.anchor else [])]
