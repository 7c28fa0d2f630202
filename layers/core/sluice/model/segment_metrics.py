"""How good a division of rows into segments is, in numpy, equal to scikit-learn's measures.

`points` (rows, width) are rows in the model's space (`sluice.model.space`), `labels` (rows,) their segments' numbers.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from sluice.model.space import squared_distances

MAX_ROWS: Final = 1_000
"""Rows that a silhouette is measured on: it needs every pair of them."""
_ROUNDING: Final = 1e-20
"""Variance within over variance between, below which rows differ from their centre by rounding alone."""
METRICS: Final = ("silhouette", "davies_bouldin", "calinski_harabasz", "smallest_share")
"""What test rows tell. `stability` comes from training, which can fit again."""


def sampled(rows: int, most: int = MAX_ROWS) -> np.ndarray:
    """Places of at most `most` rows, drawn by chance and always the same, in order."""
    return np.arange(rows) if rows <= most else np.sort(np.random.default_rng(0).permutation(rows)[:most])


def measured(points: np.ndarray, labels: np.ndarray, segments: int) -> dict[str, float]:
    """All of METRICS that are defined; the silhouette on a sample. `segments`: how many the model has.

    With one segment among the rows nothing but `smallest_share` is defined.
    """
    counts = np.bincount(labels, minlength=segments)
    found = {"smallest_share": float(counts.min() / max(1, len(labels)))}
    chosen = sampled(len(labels))
    values = {
        "silhouette": float(np.mean(silhouettes(points[chosen], labels[chosen]))),
        "davies_bouldin": davies_bouldin(points, labels),
        "calinski_harabasz": calinski_harabasz(points, labels),
    }
    return {**{name: value for name, value in values.items() if np.isfinite(value)}, **found}


def silhouettes(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(b - a) / max(a, b) of each row: a its mean distance to its own segment's other rows, b to the nearest other's.

    0 for the only row of a segment; NaN for all rows where they are of one segment. Rousseeuw, J. Comput. Appl. Math.
    20 (1987).
    """
    known, own = np.unique(labels, return_inverse=True)
    if len(known) < 2:
        return np.full(len(labels), np.nan)
    distances = np.sqrt(squared_distances(points, points))
    members = (own[:, None] == np.arange(len(known))).astype(np.float64)
    counts = members.sum(axis=0)
    sums = distances @ members
    rows = np.arange(len(labels))
    alone = counts[own] == 1
    inner = sums[rows, own] / np.maximum(1, counts[own] - 1)
    means = sums / counts
    means[rows, own] = np.inf
    outer = means.min(axis=1)
    greatest = np.maximum(inner, outer)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.where(greatest > 0, (outer - inner) / greatest, 0.0)
    return np.where(alone, 0.0, values)


def davies_bouldin(points: np.ndarray, labels: np.ndarray) -> float:
    """Mean over segments of the worst (spread + other's spread) / distance of centres; less is better. NaN: undefined.

    Davies & Bouldin, IEEE PAMI 1 (1979).
    """
    known, centres = _centres(points, labels)
    if len(known) < 2:
        return float("nan")
    spreads = np.array(
        [np.sqrt(np.square(points[labels == k] - c).sum(axis=1)).mean() for k, c in zip(known, centres, strict=True)]
    )
    apart = np.sqrt(squared_distances(centres, centres))
    np.fill_diagonal(apart, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = (spreads[:, None] + spreads[None, :]) / apart
    return float(ratios.max(axis=1).mean())


def calinski_harabasz(points: np.ndarray, labels: np.ndarray) -> float:
    """Variance between segments over variance within, each by its degrees of freedom. NaN: undefined.

    Undefined where every row lies on its segment's centre: what is left within is rounding.
    Calinski & Harabasz, Communications in Statistics 3 (1974).
    """
    known, centres = _centres(points, labels)
    rows, segments = len(labels), len(known)
    if segments < 2 or rows <= segments:
        return float("nan")
    counts = np.array([np.count_nonzero(labels == k) for k in known])
    between = float((counts * np.square(centres - points.mean(axis=0)).sum(axis=1)).sum())
    within = sum(float(np.square(points[labels == k] - c).sum()) for k, c in zip(known, centres, strict=True))
    if within <= _ROUNDING * between:
        return float("nan")
    return between * (rows - segments) / (within * (segments - 1))


def why_undefined(name: str, labels: np.ndarray) -> str:
    """Why `measured` lacks a metric, in words."""
    rows, known = len(labels), len(np.unique(labels))
    if name == "stability":
        return "training did not measure it"
    if known < 2:
        return f"all {rows:,} test rows are in one segment"
    if rows <= known:
        return f"each of the {rows:,} test rows is a segment of its own"
    return "all rows of a segment are equal in the features, or two segments have one centre"


def contingency(one: np.ndarray, other: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Counts of rows by (segment of one division, segment of the other), shape (rows, columns), int64."""
    return np.bincount(one * columns + other, minlength=rows * columns).reshape(rows, columns)


def adjusted_rand(one: np.ndarray, other: np.ndarray) -> float:
    """Agreement of two divisions of the same rows: 1 equal, about 0 by chance. Hubert & Arabie, J. Classif. 2 (1985).

    Pairs of rows that both divisions put together, less what chance brings, over the most that could be.
    """
    first, a = np.unique(one, return_inverse=True)
    second, b = np.unique(other, return_inverse=True)
    table = contingency(a, b, len(first), len(second)).astype(np.float64)

    def pairs(counts: np.ndarray) -> float:
        return float((counts * (counts - 1) / 2).sum())

    together, of_one, of_other = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    total = len(one) * (len(one) - 1) / 2
    by_chance = of_one * of_other / total if total else 0.0
    most = (of_one + of_other) / 2
    return 1.0 if most == by_chance else (together - by_chance) / (most - by_chance)


def _centres(points: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    known = np.unique(labels)
    return known, np.stack([points[labels == k].mean(axis=0) for k in known])
