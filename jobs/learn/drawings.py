"""What the report draws: curves, bins and counts of the test rows, as small JSON. No value of a row is in it.

`plots.json` is read by `sluice.records.plots`. Curves are thinned to POINTS; class names are the target's categories.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sluice.model import metrics
from sluice.model.metrics.probabilities import CALIBRATION_BINS, calibration_bin

POINTS = 120
SCORE_BINS = 25
SHOWN_CLASSES = 20
"""The classes of a confusion matrix; rarer ones are counted together."""
SHOWN_CURVES = 5
"""Classes of a multiclass problem with a curve of their own, the most frequent ones."""
THRESHOLDS = tuple(round(0.05 * i, 2) for i in range(1, 20))
GRID = 24
_Z = 1.959964


def drawings(
    problem: str,
    classes: Sequence[str],
    y: np.ndarray,
    scores: Mapping[str, np.ndarray],
    business: Mapping[str, Any] | None,
    threshold: float = metrics.THRESHOLD,
) -> dict[str, Any]:
    """`classes`: texts in the order of the scores' columns; `scores`: model → its scores of the rows."""
    if problem == "binary":
        return _binary(classes, y, scores, business, threshold)
    return _multiclass(classes, y, scores) if problem == "multiclass" else _regression(y, scores)


def _binary(
    classes: Sequence[str],
    y: np.ndarray,
    scores: Mapping[str, np.ndarray],
    business: Mapping[str, Any] | None,
    threshold: float,
) -> dict[str, Any]:
    positive = {role: each[:, 1] for role, each in scores.items()}
    ours = positive["candidate"]
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    ranked = {role: Ranked(y, score) for role, score in positive.items()}
    found: dict[str, Any] = {
        "roc": {role: each.roc() for role, each in ranked.items()},
        "precision_recall": {role: each.precision_recall() for role, each in ranked.items()},
        "gain": {role: each.gain() for role, each in ranked.items()},
        "calibration": {role: calibration(y, score) for role, score in positive.items()},
        "scores": {
            "edges": edges.tolist(),
            "counts": {name: np.histogram(ours[y == k], edges)[0].tolist() for k, name in enumerate(classes)},
        },
        "confusion": confusion(classes, y, (ours >= threshold).astype(np.int64)),
        "thresholds": [_at(y, ours, border, business) for border in sorted({*THRESHOLDS, round(threshold, 4)})],
    }
    if metrics.has_value(business):
        found["profit"] = {role: each.profit(business or {}) for role, each in ranked.items()}
    return found


def unlabelled(truth: np.ndarray, scores: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The histogram of anomaly scores (rows, 2), and curves over the labelled rows if there are any.

    `truth`: 0, 1 or NaN for rows without a label. A score is not a probability, so there is no calibration.
    """
    known = np.isfinite(truth)
    y = truth[known].astype(np.int64)
    if len(np.unique(y)) < 2:
        edges = np.linspace(0, 1, SCORE_BINS + 1)
        counts = np.histogram(scores["candidate"][:, 1], edges)[0].tolist()
        return {"scores": {"edges": edges.tolist(), "counts": {"all rows": counts}}}
    labelled = {role: each[known] for role, each in scores.items()}
    drawn = _binary(("normal", "anomaly"), y, labelled, None, metrics.THRESHOLD)
    return {name: each for name, each in drawn.items() if name != "calibration"}


class Ranked:
    """Rows from the greatest score down, as cumulative counts after each group of tied scores."""

    def __init__(self, y: np.ndarray, score: np.ndarray) -> None:
        order = np.argsort(-score, kind="stable")
        last = np.append(np.diff(score[order]) != 0, True) if len(y) else np.zeros(0, bool)
        self.found = np.append(0, np.cumsum(y[order] != 0)[last])
        self.seen = np.append(0, np.flatnonzero(last) + 1)
        self.rows, self.positives = len(y), int(np.count_nonzero(y))

    def roc(self) -> list[list[float]]:
        """[false positive rate, true positive rate]; empty unless both classes occur."""
        negatives = self.rows - self.positives
        if not negatives or not self.positives:
            return []
        return thinned((self.seen - self.found) / negatives, self.found / self.positives)

    def precision_recall(self) -> list[list[float]]:
        """[recall, precision]."""
        if not self.positives:
            return []
        return thinned(self.found[1:] / self.positives, self.found[1:] / self.seen[1:])

    def gain(self) -> list[list[float]]:
        """[share of the rows, share of the positives among them]."""
        return thinned(self.seen / self.rows, self.found / self.positives) if self.positives else []

    def profit(self, business: Mapping[str, Any]) -> list[list[float]]:
        """[share of the rows that are contacted, profit of it]."""
        value, cost = float(business["value_per_true_positive"]), float(business["cost_per_contact"])
        return thinned(self.seen / self.rows, value * self.found - cost * self.seen)


def thinned(x: np.ndarray, y: np.ndarray) -> list[list[float]]:
    """At most POINTS points of a curve, evenly along its drawn length, its ends and its highest point among them."""
    if len(x) > POINTS:
        span = max(float(np.ptp(y)), 1e-12)
        length = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)) / span))
        wanted = np.linspace(0, length[-1], POINTS - 1)
        kept = np.unique(np.append(np.searchsorted(length, wanted).clip(0, len(x) - 1), int(y.argmax())))
        x, y = x[kept], y[kept]
    return [rounded(x), rounded(y)]


def rounded(values: np.ndarray) -> list[float]:
    return [float(f"{value:.5g}") for value in values.tolist()]


def calibration(truth: np.ndarray, probability: np.ndarray) -> list[dict[str, float]]:
    """For each bin with rows: their number, mean probability, share that is true, and its 95 % Wilson interval."""
    bins = calibration_bin(probability)
    found = []
    for b in range(CALIBRATION_BINS):
        inside = bins == b
        if rows := int(inside.sum()):
            share = float(truth[inside].mean())
            low, high = wilson(share, rows)
            predicted = float(probability[inside].mean())
            found.append({"rows": rows, "predicted": predicted, "observed": share, "low": low, "high": high})
    return found


def wilson(share: float, rows: int) -> tuple[float, float]:
    """Wilson's 95 % score interval of a share."""
    centre = share + _Z**2 / (2 * rows)
    half = _Z * math.sqrt(share * (1 - share) / rows + _Z**2 / (4 * rows**2))
    whole = 1 + _Z**2 / rows
    return max(0.0, (centre - half) / whole), min(1.0, (centre + half) / whole)


def confusion(classes: Sequence[str], y: np.ndarray, chosen: np.ndarray) -> dict[str, Any]:
    """Counts, truth down and prediction across, of the most frequent classes; `others` is how many are one line."""
    counts = metrics.confusion_matrix(y, chosen, len(classes))
    if len(classes) <= SHOWN_CLASSES:
        return {"classes": list(classes), "counts": counts.tolist(), "others": 0}
    kept = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[: SHOWN_CLASSES - 1])
    place = np.full(len(classes), SHOWN_CLASSES - 1)
    place[kept] = np.arange(SHOWN_CLASSES - 1)
    merged = metrics.confusion_matrix(place[y], place[chosen], SHOWN_CLASSES)
    others = len(classes) - len(kept)
    return {"classes": [*(classes[k] for k in kept), f"{others} others"], "counts": merged.tolist(), "others": others}


def _at(y: np.ndarray, p: np.ndarray, threshold: float, business: Mapping[str, Any] | None) -> dict[str, float]:
    """What a threshold would do with these rows."""
    chosen = p >= threshold
    tp, fp, fn, _ = metrics.confusion(y, chosen)
    found = {
        "threshold": threshold,
        "rows": tp + fp,
        "precision": tp / (tp + fp) if tp + fp else 0.0,
        "recall": tp / (tp + fn) if tp + fn else 0.0,
        "f1": 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0,
    }
    if business and metrics.has_value(business):
        value, cost = float(business["value_per_true_positive"]), float(business["cost_per_contact"])
        found["profit"] = value * tp - cost * (tp + fp)
    return found


def _multiclass(classes: Sequence[str], y: np.ndarray, scores: Mapping[str, np.ndarray]) -> dict[str, Any]:
    ours = scores["candidate"]
    chosen, sure = ours.argmax(axis=1), ours.max(axis=1)
    right = chosen == y
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    frequent = np.argsort(-np.bincount(y, minlength=len(classes)), kind="stable")
    ranked = {classes[k]: Ranked((y == k).astype(np.int64), ours[:, k]) for k in frequent[:SHOWN_CURVES]}
    return {
        "roc": {name: each.roc() for name, each in ranked.items()},
        "precision_recall": {name: each.precision_recall() for name, each in ranked.items()},
        "calibration": {
            role: calibration((each.argmax(axis=1) == y).astype(np.int64), each.max(axis=1))
            for role, each in scores.items()
        },
        "scores": {
            "edges": edges.tolist(),
            "counts": {
                "wrong": np.histogram(sure[~right], edges)[0].tolist(),
                "right": np.histogram(sure[right], edges)[0].tolist(),
            },
        },
        "confusion": confusion(classes, y, chosen),
        "classes": [_of_class(classes[k], y == k, chosen == k, ours[:, k]) for k in frequent[:SHOWN_CLASSES]],
    }


def _of_class(name: str, truth: np.ndarray, chosen: np.ndarray, score: np.ndarray) -> dict[str, Any]:
    tp, fp, fn, _ = metrics.confusion(truth, chosen)
    auc = metrics.roc_auc(truth.astype(np.int64), score)
    return {
        "name": name,
        "rows": tp + fn,
        "precision": tp / (tp + fp) if tp + fp else 0.0,
        "recall": tp / (tp + fn) if tp + fn else 0.0,
        "f1": 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0,
        "roc_auc": auc if math.isfinite(auc) else None,
    }


def _regression(y: np.ndarray, scores: Mapping[str, np.ndarray]) -> dict[str, Any]:
    ours = scores["candidate"]
    error = ours - y
    low, high = (float(q) for q in np.quantile(np.concatenate([y, ours]), [0.005, 0.995]))
    edges = np.linspace(low, high if high > low else low + 1.0, GRID + 1)
    seen = np.histogram2d(ours.clip(edges[0], edges[-1]), y.clip(edges[0], edges[-1]), bins=[edges, edges])[0]
    ends = np.quantile(error, [0.01, 0.99])
    bins = np.linspace(ends[0], ends[1] if ends[1] > ends[0] else ends[0] + 1.0, SCORE_BINS + 1)
    counts = np.histogram(error.clip(bins[0], bins[-1]), bins)[0]
    return {
        "predicted": {"edges": rounded(edges), "counts": seen.astype(int).tolist()},
        "residuals": {"edges": rounded(bins), "counts": counts.tolist()},
        "by_prediction": _by_prediction(ours, error),
    }


def _by_prediction(value: np.ndarray, error: np.ndarray) -> list[dict[str, float]]:
    """Quantiles of the error in ten groups of equally many rows, by what is predicted."""
    borders = np.unique(np.quantile(value, np.linspace(0, 1, 11)))
    group = np.searchsorted(borders[1:-1], value, side="right")
    found = []
    for k in np.unique(group):
        inside = group == k
        q10, q50, q90 = (float(q) for q in np.quantile(error[inside], [0.1, 0.5, 0.9]))
        found.append(
            {"rows": int(inside.sum()), "predicted": float(value[inside].mean()), "low": q10, "mid": q50, "high": q90}
        )
    return found


def residual_summary(y: np.ndarray, value: np.ndarray) -> dict[str, float]:
    """Mean, standard deviation and quantiles of value - y. `zeros`: rows with y = 0, which `mape` leaves out."""
    error = value - y
    names = {"q01": 0.01, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "q99": 0.99}
    quantiles = np.quantile(error, list(names.values())).tolist()
    return {
        "mean": float(error.mean()),
        "standard_deviation": float(error.std()),
        **dict(zip(names, quantiles)),
        "zeros": int(np.count_nonzero(y == 0)),
    }
