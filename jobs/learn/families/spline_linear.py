"""Generalised additive model: a smooth curve of each number, a straight line of everything else, summed up.

A column with more than a few values gets cubic B-splines with knots at its quantiles, and one more input that says that
the value is missing; beyond the knots a curve is flat. Logistic regression, or ridge regression, weighs them all.
Source: Eilers and Marx, Statistical Science 11 (1996), with a ridge penalty in the place of theirs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse
from scipy.interpolate import BSpline
from sklearn.linear_model import LogisticRegression, Ridge

from families.base import Arrays, Family, Meta, Parameter, Sample, Task, output_of, without_convergence_warnings

_FEW = 8  # a column with no more distinct values gets a straight line
_DEGREE = 3


class Curves:
    """The inputs of the linear model: splines of some columns, missing flags of these, standardised other columns."""

    def __init__(self, knots: int) -> None:
        self.knots = knots

    def fit(self, matrix: np.ndarray) -> Curves:
        width = matrix.shape[1]
        self.columns: list[int] = []
        self.splines: list[np.ndarray] = []
        self.impute, self.mean, self.scale = np.zeros(width), np.zeros(width), np.ones(width)
        for column in range(width):
            values = matrix[:, column]
            values = values[~np.isnan(values)]
            if not len(values):
                continue
            places = np.unique(np.quantile(values, np.linspace(0, 1, self.knots)))
            if len(np.unique(values)) > _FEW and len(places) > 2:
                self.columns.append(column)
                ends = [places[0]] * _DEGREE, [places[-1]] * _DEGREE
                self.splines.append(np.concatenate([ends[0], places, ends[1]]))
            self.impute[column] = np.median(values)
            filled = np.where(np.isnan(matrix[:, column]), self.impute[column], matrix[:, column])
            # of equal numbers the deviation may be a rounding error above 0, and of tiny ones it is 0
            spread = filled.std() if np.ptp(filled) > 0 else 0.0
            self.mean[column], self.scale[column] = filled.mean(), spread if spread > np.finfo(float).tiny else 1.0
        self.straight = np.setdiff1d(np.arange(width), self.columns)
        return self

    def transform(self, matrix: np.ndarray) -> sparse.csr_array:
        parts = []
        for column, knots in zip(self.columns, self.splines, strict=True):
            x = matrix[:, column]
            missing = np.isnan(x)
            inside = np.clip(np.where(missing, knots[0], x), knots[0], knots[-1])
            basis = sparse.csr_array(BSpline.design_matrix(inside, knots, _DEGREE))
            parts += [sparse.diags_array((~missing).astype(float)) @ basis, sparse.csr_array(missing[:, None] * 1.0)]
        rest = matrix[:, self.straight]
        rest = np.where(np.isnan(rest), self.impute[self.straight], rest)
        parts.append(sparse.csr_array((rest - self.mean[self.straight]) / self.scale[self.straight]))
        return sparse.csr_array(sparse.hstack(parts, format="csr"))


class Fitted:
    def __init__(self, curves: Curves, model: Any) -> None:
        self.curves, self.model = curves, model


class SplineLinear(Family):
    name = "spline_linear"
    tolerance = 1e-11  # a piece's polynomial is the splines' sum, multiplied out
    parameters = {  # noqa: RUF012 - a ClassVar in the base
        "c": Parameter(1.0, 1e-6, 1e6),
        "knots": Parameter(20, 3, 50),
    }

    def fit(self, hyperparameters: Mapping[str, Any], task: Task, sample: Sample, watch: Sample | None = None) -> Any:
        c = float(hyperparameters["c"])
        curves = Curves(int(hyperparameters["knots"])).fit(sample.matrix)
        inputs = curves.transform(sample.matrix)
        if task.problem == "regression":
            model: Any = Ridge(alpha=1.0 / c, solver="sparse_cg", tol=1e-6, max_iter=1000)
        else:
            model = LogisticRegression(C=c, max_iter=300)
        with without_convergence_warnings():
            model.fit(inputs, sample.y, sample_weight=sample.weight)
        return Fitted(curves, model)

    def answer(self, fitted: Fitted, task: Task, sample: Sample) -> np.ndarray:
        inputs = fitted.curves.transform(sample.matrix)
        predict = fitted.model.predict if task.problem == "regression" else fitted.model.predict_proba
        answer: np.ndarray = predict(inputs)
        return answer

    def export(self, fitted: Fitted) -> tuple[Arrays, Meta]:
        curves, model = fitted.curves, fitted.model
        weights = np.atleast_2d(model.coef_).T  # (inputs, outputs)
        outputs, count = weights.shape[1], len(curves.columns)
        # the inner knots; those at the ends come four times
        begins = [knots[_DEGREE : -_DEGREE - 1] for knots in curves.splines]
        pieces = max((len(begin) for begin in begins), default=1)
        arrays: Arrays = {
            "columns": np.array(curves.columns, dtype=np.int32),
            "begin": np.full((count, pieces), np.inf),
            "inverse": np.zeros((count, pieces)),
            "low": np.array([knots[0] for knots in curves.splines]),
            "high": np.array([knots[-1] for knots in curves.splines]),
            "cubic": np.zeros((count, pieces, outputs, _DEGREE + 1)),
            "missing": np.zeros((count, outputs)),
            "impute": curves.impute,
            "coef": np.zeros((len(curves.impute), outputs)),
        }
        at = 0
        for place, (knots, begin) in enumerate(zip(curves.splines, begins, strict=True)):
            size = len(knots) - _DEGREE - 1
            spline = BSpline(knots, weights[at : at + size], _DEGREE)
            width = np.diff(np.append(begin, knots[-1]))
            arrays["begin"][place, : len(begin)] = begin
            arrays["inverse"][place, : len(begin)] = 1.0 / width
            for power in range(_DEGREE + 1):  # Taylor's series at a piece's begin, in shares of its width
                scale = width[:, None] ** power / math.factorial(power)
                arrays["cubic"][place, : len(begin), :, power] = spline(begin, nu=power) * scale
            arrays["missing"][place] = weights[at + size]
            at += size + 1
        slopes = weights[at:] / curves.scale[curves.straight, None]
        arrays["coef"][curves.straight] = slopes
        # taken off before the product: of numbers that are far from 0 and near each other, little would be left
        arrays["center"] = np.where(np.isin(np.arange(len(curves.impute)), curves.straight), curves.mean, 0.0)
        arrays["intercept"] = np.atleast_1d(model.intercept_)
        return arrays, {"scorer": "additive", "output": output_of(model)}
