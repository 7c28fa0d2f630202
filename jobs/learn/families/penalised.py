"""Linear models with a penalty on their weights: ridge (squares), lasso (absolute values), and both.

Linear regression for a number; logistic regression for classes. `alpha` is the penalty for each row, so that it means
the same for many rows as for few; a number is standardised first, so that it means the same in every unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sklearn import linear_model
from sklearn.linear_model import ElasticNet, LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from families.base import Arrays, Estimated, Meta, Parameter, Sample, Task, without_convergence_warnings
from families.linear import export_linear, linear_pipeline
from families.logistic_regression import signed_log


class Penalised(Estimated):
    """`share` is that of the absolute values in the penalty, None where the hyperparameter `l1-ratio` says it."""

    share: ClassVar[float | None]

    def build(self, hyperparameters: Mapping[str, Any], problem: str, seed: int) -> Any:
        raise NotImplementedError("the penalty depends on the number of rows")

    def fit(self, hyperparameters: Mapping[str, Any], task: Task, sample: Sample, watch: Sample | None = None) -> Any:
        alpha = float(hyperparameters["alpha"])
        share = float(hyperparameters["l1-ratio"]) if self.share is None else self.share
        y, mean, deviation = sample.y, 0.0, 1.0
        if task.problem == "regression":
            mean, deviation = float(y.mean()), float(y.std()) or 1.0
            y = (y - mean) / deviation
            # scikit-learn's Ridge adds up the rows' errors, its ElasticNet takes half of their mean
            straight = linear_model.Ridge(alpha=alpha * len(y), random_state=task.seed)
            model: Any = ElasticNet(alpha=alpha, l1_ratio=share, max_iter=2000) if share else straight
        else:
            # SAGA alone knows both penalties; squares alone are L-BFGS's, which needs a fraction of its rounds
            solver = {"solver": "saga", "max_iter": 200, "tol": 1e-3} if share else {"max_iter": 1000}
            model = LogisticRegression(C=1.0 / (alpha * len(y)), l1_ratio=share, random_state=task.seed, **solver)
        pipeline = linear_pipeline(model)
        if hyperparameters["spread"] == "signed-log":
            pipeline.steps.insert(0, ("spread", FunctionTransformer(signed_log)))
        with without_convergence_warnings():
            pipeline.fit(sample.matrix, y, model__sample_weight=sample.weight)
        if task.problem == "regression":
            model.coef_, model.intercept_ = model.coef_ * deviation, model.intercept_ * deviation + mean
        return pipeline

    def export(self, fitted: Pipeline) -> tuple[Arrays, Meta]:
        arrays, meta = export_linear(fitted)
        return arrays, {**meta, "spread": "signed-log" if "spread" in fitted.named_steps else "standard"}


_SPREAD = Parameter("signed-log", choices=("standard", "signed-log"))


class Ridge(Penalised):
    name = "ridge"
    share = 0.0
    parameters = {"alpha": Parameter(1e-3, 1e-9, 1e3), "spread": _SPREAD}  # noqa: RUF012 - a ClassVar in the base


class Lasso(Penalised):
    name = "lasso"
    share = 1.0
    parameters = {"alpha": Parameter(1e-3, 1e-9, 1e3), "spread": _SPREAD}  # noqa: RUF012 - a ClassVar in the base


class ElasticNetFamily(Penalised):
    name = "elastic_net"
    share = None
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "alpha": Parameter(1e-3, 1e-9, 1e3),
        "l1-ratio": Parameter(0.5, 0.0, 1.0),
        "spread": _SPREAD,
    }
