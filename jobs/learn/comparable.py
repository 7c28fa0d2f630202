"""Say why two models, or a model and the test rows, cannot be compared: a gate's verdict, not a failed job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sluice.model.labels import UNLABELLED, Labels
from sluice.model.metrics import Metric
from sluice.model.model import Model
from sluice.model.schema import Row, Schema
from sluice.model.score_bins import expected_scores
from sluice.model.shortening import listed

_READ_ALIKE = ({"integer", "number"}, {"category", "text"})
_NAMED = 5
WHAT_TO_DO = "to release the candidate anyway, remove the gates against the champion for one run"


def why_not(champion: Model, candidate: Labels, schema: Schema, who: str = "the champion") -> str | None:
    """Why the champion's scores of the test rows would say nothing beside the candidate's; None if they do."""
    known, ours = champion.labels, candidate
    unlabelled = known.problem == ours.problem and ours.problem in UNLABELLED
    if not unlabelled and (known.problem, known.target) != (ours.problem, ours.target):
        return (
            f"{who} predicts {known.target!r} ({known.problem}), the candidate {ours.target!r} "
            f"({ours.problem}); {WHAT_TO_DO}"
        )
    # other segments are compared anyway
    if not unlabelled and set(known.classes) != set(ours.classes):
        # a class may be a raw value: they are counted, not named
        new, gone = len(set(ours.classes) - set(known.classes)), len(set(known.classes) - set(ours.classes))
        return (
            f"{who} knows other classes of {ours.target!r}: {new} of the candidate's {len(ours.classes)} are "
            f"new to it, and {gone} of its own are not in the candidate's data; {WHAT_TO_DO}"
        )
    asked = champion.encoder.schema
    if gone_columns := [name for name in asked.features if name not in schema.types]:
        return (
            f"{who} reads {_names(gone_columns)}, which the contract no longer has, so the test rows lack "
            f"what it needs; {WHAT_TO_DO}"
        )
    if changed := [name for name in asked.features if not _alike(asked.types[name], schema.types[name])]:
        types = listed(
            [f"{name!r} as {asked.types[name]} (now {schema.types[name]})" for name in changed],
            _NAMED,
            "the two contracts",
        )
        return f"{who} was trained with {types}; {WHAT_TO_DO}"
    return None


def scores_side_by_side(
    candidate: Model, champion: Model, ours: np.ndarray, theirs: np.ndarray
) -> dict[str, dict[str, Any] | str]:
    """`scores` of the evaluation: what a release may expect of both models' answers, from their scores of the same
    rows. Or `scores_not_compared`: why nothing can be expected."""
    own, other = (model.encoder.schema.seasonal for model in (candidate, champion))
    if own == other:
        return {"scores": expected_scores(ours, theirs)}
    who = "the candidate" if other is None else "the champion" if own is None else "each model"
    return {
        "scores_not_compared": (
            f"the scores of canary and replay are not tested against the champion's: {who} knows the seasons of a time "
            "that the other does not, and a release sees some hours of them only. The other tests are made"
        )
    }


def unknown_classes(labels: Labels, rows: Sequence[Row]) -> str | None:
    """Why the candidate cannot be measured on these rows: they have labels that its training rows do not have."""
    if not labels.classes:
        return None
    strange = [value for row in rows if (value := row.get(labels.target)) is not None and value not in labels.classes]
    if not strange:
        return None
    return (
        f"{len(strange):,} of {len(rows):,} test rows have a {labels.target!r} that no training row has "
        f"({len(set(strange))} further classes): bring training rows of them, or change data.split"
    )


def undefined(known: dict[str, Metric], measured: dict[str, float], labels: Labels, y: np.ndarray) -> dict[str, str]:
    """Metric → why it has no value on these test rows."""
    if len(y) and (y == y[0]).all():
        why = "have one class only" if labels.classes else f"have one and the same {labels.target!r}"
        why = f"all {len(y):,} test rows {why}: bring more data, or change data.split"
    else:
        why = f"it is not defined on these {len(y):,} test rows"
    return {name: why for name in known if name not in measured}


def _alike(one: str, other: str) -> bool:
    return one == other or any({one, other} <= group for group in _READ_ALIKE)


def _names(names: Sequence[str]) -> str:
    return listed([repr(name) for name in names], _NAMED, "the two contracts")
