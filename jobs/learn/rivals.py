"""The models that a candidate has to stand beside: the champion, and the anchor (the best champion so far).

Each is compared on the test rows that it was not trained on; the Glue job has marked the others in the columns
`_seen_by_champion` and `_seen_by_anchor` of the test rows. Whatever prevents a comparison is said in words.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import comparable
import numpy as np
from evaluation_files import has_champion, load_model

from channels import crash, read_marks
from sluice.model import metrics
from sluice.model.bootstrap import paired_difference
from sluice.model.errors import ModelError
from sluice.model.family_names import members_of
from sluice.model.labels import UNLABELLED, Labels
from sluice.model.metrics import Metric
from sluice.model.model import Model
from sluice.model.schema import Row, Schema

WHO = {"champion": "the champion", "anchor": "the best champion so far"}
MIN_ROWS = 30
"""With fewer rows that a model was not trained on it is not compared."""


@dataclass
class Rivals:
    models: dict[str, Model] = field(default_factory=dict)
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    """The scores of all test rows, in the candidate's class order."""
    kept: dict[str, np.ndarray] = field(default_factory=dict)
    """Places of the rows on which it is compared."""
    compared: dict[str, dict[str, Any]] = field(default_factory=dict)
    """`{"rows", "test_rows", "known"}`; `known`: whether it is on record which rows the model was trained on."""
    not_compared: dict[str, str] = field(default_factory=dict)

    def paired(
        self,
        role: str,
        chosen: dict[str, Metric],
        confidences: dict[str, float],
        y: np.ndarray,
        ours: np.ndarray,
        business: dict[str, Any] | None = None,
    ) -> dict[str, Any] | None:
        """Metric → the candidate's minus the rival's on the kept rows; None without a comparison.

        A metric that is a sum over rows is scaled to all test rows, which the gate's margin is about.
        """
        if role not in self.models:
            return None
        at, theirs = self.kept[role], self.scores[role]
        own = self.metrics(business)[role]
        found: dict[str, Any] = {}
        for name, metric in chosen.items():
            found[name] = paired_difference(metric, y[at], ours[at], theirs[at], confidences[name], other=own[name])
            if metric.total and len(at) < len(y):
                for end in ("difference", "low", "high"):
                    if found[name][end] is not None:
                        found[name][end] *= len(y) / len(at)
        return found

    def has_all(self, role: str, rows: int) -> bool:
        """Whether it is compared on all test rows: it was trained on none of them."""
        return len(self.kept.get(role, ())) == rows

    def metrics(self, business: dict[str, Any] | None) -> dict[str, dict[str, Metric]]:
        """Rival → its metrics, each with the threshold from which it takes a row for positive."""
        return {
            role: metrics.metrics_of(model.labels.problem, business, model.threshold)
            for role, model in self.models.items()
        }

    def measured(self, role: str, y: np.ndarray, business: dict[str, Any] | None) -> dict[str, Any] | None:
        """The rival's metrics on its kept rows."""
        if role not in self.models:
            return None
        at, model = self.kept[role], self.models[role]
        return {
            "metrics": metrics.compute(model.labels.problem, y[at], self.scores[role][at], business, model.threshold),
            "family": model.family,
            "members": members_of(model.training.get("trials") or []),
            "run_id": model.run_id,
            "artifact_sha256": model.artifact_sha256,
        }


def load(
    arguments: argparse.Namespace, scratch: Path, candidate: Labels, schema: Schema, rows: Sequence[Row]
) -> Rivals:
    """Champion and anchor where there are any, with their scores of the rows."""
    found = Rivals()
    seen = seen_rows(arguments.test)
    for role, who in WHO.items():
        folder: Path = getattr(arguments, role)
        if not has_champion(folder):
            continue
        try:
            model = load_model(folder, role, scratch)
            why = comparable.why_not(model, candidate, schema, who)
            if not why:
                found.scores[role] = _in_order(model, candidate, model.score(rows))
        except Exception as error:
            said = str(error) if isinstance(error, ModelError) else crash(error)
            why = f"{who} cannot be read or asked: {said}; {comparable.WHAT_TO_DO}"
        kept = np.flatnonzero(~seen[role]) if role in seen else np.arange(len(rows))
        if not why and len(kept) < MIN_ROWS:
            why = (
                f"{who} was trained on {len(rows) - len(kept):,} of the {len(rows):,} test rows, and {len(kept)} are "
                f"too few to compare the two ({MIN_ROWS} are needed): bring new rows; {comparable.WHAT_TO_DO}"
            )
        found.compared[role] = {"rows": len(kept), "test_rows": len(rows), "known": role in seen}
        if why:
            found.not_compared[role] = why
        else:
            found.models[role], found.kept[role] = model, kept
    return found


def seen_rows(folder: Path) -> dict[str, np.ndarray]:
    """`champion` or `anchor` → for each test row, in the order of `channels.read_rows`, whether it was trained on it.

    A role is absent where the rows are not marked: then it is not on record.
    """
    marks = read_marks(folder, [f"_seen_by_{role}" for role in WHO])
    return {
        role: np.array([mark == "true" for mark in marks[name]], dtype=bool)
        for role in WHO
        if (name := f"_seen_by_{role}") in marks
    }


def _in_order(model: Model, candidate: Labels, scores: np.ndarray) -> np.ndarray:
    """Scores in the candidate's class order; `comparable.why_not` has seen to it that both know the same classes.

    Segments stay in the model's own order: they need not be the candidate's.
    """
    if model.labels.classes == candidate.classes or candidate.problem in UNLABELLED:
        return scores
    return scores[:, [model.labels.classes.index(label) for label in candidate.classes]]
