"""One family with one set of hyperparameters: measured on the validation rows, then fitted again on all rows.

The metrics come from a model that has seen nothing of the validation rows but where to stop adding rounds. The model
that is exported has the settled number of rounds, and has learned from train and validation together: that is a
quarter more rows by the contract's defaults (`training.refit: false` exports the measured model instead).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import learning_curve
import numpy as np
import sklearn

from families import Family
from families.progress import Progress
from parity import check
from project_data import ProjectData
from sluice.model.metrics import compute
from sluice.model.model import Model


class Trial(NamedTuple):
    """`state` and `arrays` are the artefact's; `prove` raises ParityError, else the greatest difference."""

    metrics: dict[str, float]
    state: dict[str, Any]
    arrays: dict[str, np.ndarray]
    fit_seconds: float
    width: int
    rows: int
    fitted: Any

    def prove(self, model: Model, family: Family, data: ProjectData) -> float:
        return check(model, family, self.fitted, data.task, data.validation)


def run(
    data: ProjectData,
    family: Family,
    hyperparameters: Mapping[str, Any],
    run_id: str,
    report: Callable[[dict[str, float]], None] | None = None,
) -> Trial:
    """Measure on validation, refit where the contract does not forbid it, export.

    `report` is given the metrics on validation of a fit in rounds while it goes on (`families/progress.py`).
    """
    began = time.perf_counter()
    task = data.task
    if report is not None:
        task = replace(task, progress=Progress(lambda answer: report(_metrics(data, answer))))
    encoder, sample = data.prepared(family, data.rows, data.y)
    watch = data.sample(family, encoder, data.validation, data.y_validation)
    fitting = time.perf_counter()
    fitted = family.fit(hyperparameters, task, sample, watch)
    whole = fitted, time.perf_counter() - fitting
    answer = family.answer(fitted, task, watch)
    metrics = _metrics(data, answer)
    settled = family.settled(fitted, hyperparameters)
    curve = None
    if data.training.get("learning_curve", True) and family.name != "baseline":
        curve = learning_curve.drawn(family, hyperparameters, task, sample, watch, whole, data.contract.get("business"))
    rows = len(data.rows)
    refit = data.training.get("refit", True)
    if refit:
        every, y = data.all_rows
        encoder, sample = data.prepared(family, every, y)
        fitted = family.fit(settled, task, sample)
        rows = len(every)
    arrays, scorer = family.export(fitted)
    arrays |= encoder.arrays()
    if (learned := scorer.get("fitted_rows", rows)) < len(sample.y):
        encoder.report["rows_learned"] = learned
    state = {
        "family": family.name,
        "run_id": run_id,
        "problem": data.contract["problem"],
        "labels": data.labels.to_json(),
        "encoder": encoder.to_json(),
        "scorer": scorer,
        "training": {
            "hyperparameters": dict(hyperparameters),
            "rows": rows,
            # what the exported model was fitted with and on; the metrics are those of the fit before it
            "fitted_on": ["train", "validation"] if refit else ["train"],
            "settled": settled,
            "validation": {"rows": len(data.validation), "metrics": metrics},
            "learning_curve": curve,
            "class_weights": data.training.get("class_weights", "none"),
            "seed": task.seed,
            "sklearn": sklearn.__version__,
        },
    }
    return Trial(metrics, state, arrays, time.perf_counter() - began, encoder.width, rows, fitted)


def _metrics(data: ProjectData, answer: np.ndarray) -> dict[str, float]:
    return compute(data.labels.problem, data.y_validation, answer, data.contract.get("business"))
