"""Logistic regression; ridge regression where the target is a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from families.base import Arrays, Estimated, Meta, Parameter, Sample, Task
from families.linear import export_linear, linear_pipeline
from families.linear_terms import LinearOnTerms


def signed_log(matrix: np.ndarray) -> np.ndarray:
    """sign(x)·log1p(|x|): pulls in long tails (durations, counts, money) without a choice per column."""
    return np.sign(matrix) * np.log1p(np.abs(matrix))


class LogisticRegressionFamily(Estimated):
    name = "logistic_regression"
    uses_words = True
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "c": Parameter(0.1, 1e-6, 1e6),
        "spread": Parameter("signed-log", choices=("standard", "signed-log")),
    }

    def build(self, hyperparameters: Mapping[str, Any], problem: str, seed: int) -> Any:
        c = float(hyperparameters["c"])
        if problem == "regression":
            model: Any = Ridge(alpha=1.0 / c, random_state=seed)
        else:
            model = LogisticRegression(C=c, max_iter=2000, random_state=seed)
        pipeline = linear_pipeline(model)
        if hyperparameters["spread"] == "signed-log":
            pipeline.steps.insert(0, ("spread", FunctionTransformer(signed_log)))
        return pipeline

    def fit(self, hyperparameters: Mapping[str, Any], task: Task, sample: Sample, watch: Sample | None = None) -> Any:
        if sample.words is None:
            return super().fit(hyperparameters, task, sample, watch)
        before = Pipeline(self.build(hyperparameters, task.problem, task.seed).steps[:-1])
        return LinearOnTerms(before, task, float(hyperparameters["c"])).fit(sample)

    def answer(self, fitted: Any, task: Task, sample: Sample) -> np.ndarray:
        return fitted.answer(sample) if isinstance(fitted, LinearOnTerms) else super().answer(fitted, task, sample)

    def export(self, estimator: Pipeline | LinearOnTerms) -> tuple[Arrays, Meta]:
        if isinstance(estimator, LinearOnTerms):
            arrays, meta = estimator.export()
            estimator = estimator.before
        else:
            arrays, meta = export_linear(estimator)
        return arrays, {**meta, "spread": "signed-log" if "spread" in estimator.named_steps else "standard"}
