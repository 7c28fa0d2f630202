"""The answer to beat: one column with a logistic rule, or no column at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression

from families.base import Arrays, Estimated, Meta, Parameter, Sample, Task
from families.linear import export_linear, linear_pipeline
from families.objectives import quantile_of
from sluice.model.metrics import roc_auc


class OneColumn(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Logistic regression on the one column whose own ranking of the training rows is best (two classes)."""

    def fit(self, matrix: np.ndarray, y: np.ndarray) -> OneColumn:
        filled = SimpleImputer(strategy="median", keep_empty_features=True).fit_transform(matrix)
        strength = [abs(roc_auc(y, filled[:, j]) - 0.5) for j in range(matrix.shape[1])]
        self.column_ = int(np.argmax(strength))
        self.width_ = matrix.shape[1]
        self.pipeline_ = linear_pipeline(LogisticRegression()).fit(matrix[:, [self.column_]], y)
        self.classes_ = self.pipeline_.classes_
        return self

    def predict_proba(self, matrix: np.ndarray) -> np.ndarray:
        return self.pipeline_.predict_proba(matrix[:, [self.column_]])


class Baseline(Estimated):
    name = "baseline"
    uses_learned_columns = False  # they would be a model, and the baseline is one column of the data
    parameters = {"rule": Parameter("one-column", choices=("one-column", "prior"))}  # noqa: RUF012 - as the others

    def fit(self, hyperparameters: Mapping[str, Any], task: Task, sample: Sample, watch: Sample | None = None) -> Any:
        if (quantile := quantile_of(task.problem, task.metric)) is not None:
            constant = DummyRegressor(strategy="quantile", quantile=quantile)
            # a relative error is by its definition weighted
            return constant.fit(sample.matrix, sample.y, sample.weight if task.metric == "mape" else None)
        # the answer to beat is what a person would do without thinking about weights
        return super().fit(hyperparameters, task, sample._replace(weight=None))

    def build(self, hyperparameters: Mapping[str, Any], problem: str, seed: int) -> Any:
        if problem == "regression":
            return DummyRegressor(strategy="mean")
        # With more than two classes there is no single ranking; the class shares are the rule.
        if problem == "multiclass" or hyperparameters["rule"] == "prior":
            return DummyClassifier(strategy="prior", random_state=seed)
        return OneColumn()

    def export(self, estimator: Any) -> tuple[Arrays, Meta]:
        if isinstance(estimator, DummyRegressor):
            answer = np.atleast_1d(np.asarray(estimator.constant_, dtype=np.float64).ravel())
            return {"answer": answer}, {"scorer": "constant", "output": "identity"}
        if isinstance(estimator, DummyClassifier):
            answer = np.asarray(estimator.class_prior_, dtype=np.float64)
            return {"answer": answer}, {"scorer": "constant", "output": "probability"}
        narrow, meta = export_linear(estimator.pipeline_)
        wide: Arrays = {"intercept": narrow["intercept"]}
        for name, rest in (("impute", 0.0), ("mean", 0.0), ("scale", 1.0)):
            wide[name] = np.full(estimator.width_, rest)
            wide[name][estimator.column_] = narrow[name][0]
        wide["coef"] = np.zeros((1, estimator.width_))
        wide["coef"][0, estimator.column_] = narrow["coef"][0, 0]
        return wide, {**meta, "column": estimator.column_, "spread": "standard"}
