"""A calibration is fitted on out-of-fold answers, and kept where it improves log loss on rows that it has not seen."""

from __future__ import annotations

import numpy as np

from auto.guide import RowLosses
from sluice.model.calibration import Calibration, logits

_FOLDS = 5
_SURE = 2.0
"""Standard errors by which the mean log loss must fall."""
_RIDGE = 1e-6


def fitted_calibration(problem: str, y: np.ndarray, answer: np.ndarray, seed: int) -> Calibration | None:
    """None where the answers are as good as they are."""
    if problem == "regression" or len(y) < 20 * _FOLDS:
        return None
    fold = np.random.default_rng(seed).permutation(len(y)) % _FOLDS
    corrected = np.empty_like(answer)
    for k in range(_FOLDS):
        found = _fit(problem, y[fold != k], answer[fold != k])
        if found is None:
            return None
        corrected[fold == k] = found(answer[fold == k])
    losses = RowLosses(problem)
    gain = losses(y, answer) - losses(y, corrected)
    error = float(gain.std()) / np.sqrt(len(gain))
    if not float(gain.mean()) > _SURE * error:
        return None
    return _fit(problem, y, answer)


def _fit(problem: str, y: np.ndarray, answer: np.ndarray) -> Calibration | None:
    return _platt(y, answer[:, 1]) if problem == "binary" else _temperature(y, answer)


def _platt(y: np.ndarray, probability: np.ndarray) -> Calibration | None:
    """Logistic regression on the logit, by Newton's method with halved steps. None where its slope is not positive."""
    x = np.column_stack([logits(probability), np.ones(len(y))])
    start = np.array([1.0, 0.0])

    def loss(beta: np.ndarray) -> float:
        raw = x @ beta
        return float(np.mean(np.logaddexp(0.0, raw) - y * raw)) + _RIDGE * float(((beta - start) ** 2).sum())

    beta, current = start, loss(start)
    for _ in range(50):
        p = 0.5 * (1.0 + np.tanh(0.5 * (x @ beta)))
        gradient = x.T @ (p - y) / len(y) + 2 * _RIDGE * (beta - start)
        hessian = (x * (p * (1.0 - p))[:, None]).T @ x / len(y) + 2 * _RIDGE * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-8 and not loss(beta - size * step) <= current:
            size /= 2.0
        beta = beta - size * step
        before, current = current, loss(beta)
        if before - current < 1e-12:
            break
    slope, offset = map(float, beta)
    return Calibration("platt", slope, offset) if slope > 0 and np.isfinite(beta).all() else None


def _temperature(y: np.ndarray, answer: np.ndarray) -> Calibration:
    """The power of the probabilities that gives the least log loss, by golden section on its logarithm."""

    def loss(power: float) -> float:
        return float(RowLosses("multiclass")(y, Calibration("temperature", power, 0.0)(answer)).mean())

    low, high, ratio = np.log(0.2), np.log(5.0), (np.sqrt(5.0) - 1.0) / 2.0
    for _ in range(40):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if loss(float(np.exp(left))) < loss(float(np.exp(right))):
            high = right
        else:
            low = left
    return Calibration("temperature", float(np.exp((low + high) / 2.0)), 0.0)
