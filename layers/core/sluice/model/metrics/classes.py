"""Metrics of chosen classes, all from the confusion matrix C: C[i, j] rows of class i were taken for class j."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sluice.model.metrics.weighting import ratio

_FEW = 3
"""Up to this many classes, a product with each cell's rows is faster than sorting the rows by cell."""


def confusion_matrix(y: np.ndarray, chosen: np.ndarray, classes: int) -> np.ndarray:
    """(classes, classes) counts: truth down, prediction across."""
    return np.bincount(y * classes + chosen, minlength=classes**2).reshape(classes, classes)


def confusion(y: np.ndarray, chosen: np.ndarray) -> tuple[int, int, int, int]:
    """(true positives, false positives, false negatives, true negatives)."""
    (tn, fp), (fn, tp) = confusion_matrix((y != 0).astype(np.int64), (chosen != 0).astype(np.int64), 2).tolist()
    return tp, fp, fn, tn


def confusion_weighted(y: np.ndarray, chosen: np.ndarray, weights: np.ndarray, classes: int) -> np.ndarray:
    """(resamples, classes, classes)."""
    cells = y * classes + chosen
    if classes <= _FEW:
        one_hot = (cells[:, None] == np.arange(classes**2)).astype(np.float64)
        return (weights @ one_hot).reshape(-1, classes, classes)
    order = np.argsort(cells, kind="stable")
    known, starts = np.unique(cells[order], return_index=True)
    matrix = np.zeros((len(weights), classes**2))
    matrix[:, known] = np.add.reduceat(weights[:, order], starts, axis=1)
    return matrix.reshape(-1, classes, classes)


Matrices = np.ndarray
"""Confusion matrices (resamples, classes, classes)."""
OfMatrices = Callable[[Matrices], np.ndarray]


def accuracy(c: Matrices) -> np.ndarray:
    return ratio(_hits(c).sum(axis=1), c.sum(axis=(1, 2)))


def balanced_accuracy(c: Matrices) -> np.ndarray:
    """Mean recall of the classes that occur."""
    return _mean_over(recalls(c), c.sum(axis=2) > 0)


def precisions(c: Matrices) -> np.ndarray:
    """The precision of each class (resamples, classes); 0 for a class that is never predicted."""
    return ratio(_hits(c), c.sum(axis=1), 0.0)


def recalls(c: Matrices) -> np.ndarray:
    """The recall of each class (resamples, classes); 0 for a class that does not occur."""
    return ratio(_hits(c), c.sum(axis=2), 0.0)


def recall_of_positive(c: Matrices) -> np.ndarray:
    """The recall of class 1; NaN without a row of it: there is nothing to find, so a 0 would blame the model."""
    return ratio(c[:, 1, 1], c[:, 1, :].sum(axis=1))


def f1_of_positive(c: Matrices) -> np.ndarray:
    """The F1 of class 1; NaN if no row is of class 1 or predicted to be."""
    return ratio(2 * c[:, 1, 1], c[:, 1, :].sum(axis=1) + c[:, :, 1].sum(axis=1))


def f1s(c: Matrices) -> np.ndarray:
    """The F1 of each class (resamples, classes): 2 TP / (2 TP + FP + FN); 0 for a class that is absent."""
    return ratio(2 * _hits(c), c.sum(axis=1) + c.sum(axis=2), 0.0)


def of_positive(each: OfMatrices) -> OfMatrices:
    """The figure of class 1."""
    return lambda c: each(c)[:, 1]


def macro(each: OfMatrices) -> OfMatrices:
    """Unweighted mean over the classes that occur in either truth or prediction."""
    return lambda c: _mean_over(each(c), (c.sum(axis=1) + c.sum(axis=2)) > 0)


def by_support(each: OfMatrices) -> OfMatrices:
    """Mean weighted by how often each class occurs."""
    return lambda c: ratio((each(c) * c.sum(axis=2)).sum(axis=1), c.sum(axis=(1, 2)))


def selection_rate(c: Matrices) -> np.ndarray:
    """Share of the rows that is taken for class 1."""
    return ratio(c[:, :, 1].sum(axis=1), c.sum(axis=(1, 2)))


def false_positive_rate(c: Matrices) -> np.ndarray:
    """The share of class 0 that is predicted as class 1, for two classes. NaN without class 0."""
    return ratio(c[:, 0, 1], c[:, 0, :].sum(axis=1))


def mcc(c: Matrices) -> np.ndarray:
    """Matthews correlation coefficient; of several classes after Gorodkin 2004. 0 where a marginal does not vary."""
    rows, truth, chosen = c.sum(axis=(1, 2)), c.sum(axis=2), c.sum(axis=1)
    covariance = _hits(c).sum(axis=1) * rows - (truth * chosen).sum(axis=1)
    spread = (rows**2 - (truth**2).sum(axis=1)) * (rows**2 - (chosen**2).sum(axis=1))
    return ratio(covariance, np.sqrt(np.maximum(spread, 0.0)), 0.0)


def _hits(c: Matrices) -> np.ndarray:
    return np.diagonal(c, axis1=1, axis2=2)


def _mean_over(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    return ratio((values * counted).sum(axis=1), counted.sum(axis=1))
