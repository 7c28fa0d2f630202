"""Linear models on the terms of texts, and on dense columns beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline

from families.base import Arrays, Meta, Sample, Task, without_convergence_warnings

TERM_SCALE = 10.0
"""A text's terms have length 1 for each kind, a standardised column has variance 1: so that one C fits both, terms are
made larger. C = 0.1 is C = 10 for the terms alone, where linear models of text are best."""

CERTAIN = 10.0
"""The logit of a class that every row has: short of certainty, as its absence elsewhere is not known."""


def linear_models(task: Task, c: float, matrix: Any, y: np.ndarray, weight: np.ndarray | None) -> list[Any]:
    """One model for regression and two classes, else one for each class against the rest.

    Coordinate descent in the dual (liblinear) is the fastest solver on sparse columns: 28,000 titles with 3.3 million
    terms and ten classes take 4 s of one core, and L-BFGS has not converged in that time.
    """
    if task.problem == "regression":
        model = Ridge(alpha=1.0 / c, solver="sparse_cg", tol=1e-5, random_state=task.seed)
        return [model.fit(matrix, y, sample_weight=weight)]
    models = []
    for k in [1] if task.classes == 2 else range(task.classes):
        if (own := y == k).all() or not own.any():
            models.append(Constant(matrix.shape[1], CERTAIN if own.all() else -CERTAIN))
            continue
        model = LogisticRegression(C=c, solver="liblinear", dual=True, tol=0.1, max_iter=200, random_state=task.seed)
        with without_convergence_warnings():
            models.append(model.fit(matrix, own, sample_weight=weight))
    return models


class Constant:
    """A model that is only an intercept, for a class that all of the rows have, or none."""

    def __init__(self, width: int, intercept: float) -> None:
        self.coef_, self.intercept_ = np.zeros((1, width)), np.array([intercept])

    def decision_function(self, matrix: Any) -> np.ndarray:
        return np.full(matrix.shape[0], self.intercept_[0])


def weights_of(models: list[Any]) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (outputs, columns) and intercepts (outputs,)."""
    coef = np.concatenate([np.atleast_2d(model.coef_) for model in models])
    return coef, np.concatenate([np.atleast_1d(model.intercept_) for model in models])


class LinearOnTerms:
    """`before` prepares the dense columns; terms are used as they are. Their weights are rounded to float32."""

    def __init__(self, before: Pipeline, task: Task, c: float) -> None:
        self.before, self.task, self.c = before, task, c

    def fit(self, sample: Sample) -> LinearOnTerms:
        self.before.fit(sample.matrix)
        self.models = linear_models(self.task, self.c, self._joined(sample), sample.y, sample.weight)
        width = sample.matrix.shape[1]
        for model in self.models:
            # what is exported is what answers here
            rounded = (np.atleast_2d(model.coef_)[:, width:] * TERM_SCALE).astype(np.float32)
            model.coef_[..., width:] = (rounded.astype(np.float64) / TERM_SCALE).reshape(model.coef_[..., width:].shape)
        return self

    def answer(self, sample: Sample) -> np.ndarray:
        joined = self._joined(sample)
        if self.task.problem == "regression":
            values: np.ndarray = self.models[0].predict(joined)
            return values
        each = expit(np.stack([model.decision_function(joined) for model in self.models], axis=1))
        if len(self.models) == 1:
            return np.concatenate([1.0 - each, each], axis=1)
        total = each.sum(axis=1, keepdims=True)
        shares: np.ndarray = np.where(total > 0, each / np.where(total > 0, total, 1.0), 1.0 / each.shape[1])
        return shares

    def export(self) -> tuple[Arrays, Meta]:
        impute, scale = self.before.named_steps["impute"], self.before.named_steps["scale"]
        coef, intercept = weights_of(self.models)
        width = len(impute.statistics_)
        arrays = {
            "impute": np.asarray(impute.statistics_, dtype=np.float64),
            "mean": np.asarray(scale.mean_, dtype=np.float64),
            "scale": np.asarray(scale.scale_, dtype=np.float64),
            "coef": coef[:, :width],
            "terms": (coef[:, width:] * TERM_SCALE).astype(np.float32),
            "intercept": intercept,
        }
        output = "identity" if self.task.problem == "regression" else "expit" if len(coef) == 1 else "shares"
        return arrays, {"scorer": "linear", "output": output}

    def _joined(self, sample: Sample) -> Any:
        dense = sparse.csr_matrix(self.before.transform(sample.matrix))
        return sparse.hstack([dense, sample.words * TERM_SCALE], format="csr")
