"""Clusters and outlying rows by density (DBSCAN: Ester, Kriegel, Sander and Xu, KDD 1996), on a sample.

A row with at least `neighbours` rows within the reach is the core of a cluster; what no core reaches is noise. The
reach is read from the curve of the distances to the k-th neighbour: where it bends most, farthest from the line between
its ends (Satopää et al., "Finding a kneedle in a haystack", ICDCS workshops 2011).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.cluster import DBSCAN
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from unsupervised.base import columns_of

from exploring.topics import mean
from sluice.model.encoder import Encoder
from sluice.model.schema import Row, Schema
from sluice.model.space import Space

ROWS = 2_000
MIN_ROWS = 50
NEIGHBOURS = 5
SHOWN = 6
"""Clusters with figures of their own; the others count together."""
GRID = 28
POINTS = 60
"""The points of the curve."""
FAR = 0.5
"""Standard deviations by which a column's mean in a cluster differs at least, to be named."""


def clusters(
    schema: Schema, rows: Sequence[Row], outcome: Mapping[str, np.ndarray] | None, seed: int
) -> dict[str, Any] | str:
    """See `sluice.records.exploration.Density`; or why there is none, in words."""
    if len(rows) < MIN_ROWS:
        return f"Clusters by density take {MIN_ROWS} rows; there are {len(rows)}"
    names = tuple(name for name in schema.features if schema.types[name] != "text")
    if len(names) < 2:
        return "Clusters by density take two columns that are not texts"
    schema = replace(schema, features=names)
    drawn = np.sort(np.random.default_rng(seed).permutation(len(rows))[:ROWS])
    few = [rows[i] for i in drawn]
    encoder = Encoder.fit(schema, {}, few, encoding="space")
    if not encoder.width:
        return "Clusters by density were not looked for: no column is left that distances can be measured by"
    matrix = encoder.encode(few)
    points = Space.fit(matrix, columns_of(encoder))(matrix)
    if not np.ptp(points, axis=0).any():
        return "Clusters by density were not looked for: all rows are alike in the columns that count"
    count = min(2 * len(schema.features), 20)
    neighbours = max(NEIGHBOURS, count)
    distances = np.sort(NearestNeighbors(n_neighbors=neighbours).fit(points).kneighbors(points)[0][:, -1])
    knee = bend(distances)
    reach = max(float(distances[knee]), 1e-9)
    label = DBSCAN(eps=reach, min_samples=neighbours).fit(points).labels_
    label = _by_size(label)
    at = np.linspace(0, len(distances) - 1, min(POINTS, len(distances))).astype(np.intp)
    return {
        "rows": len(few),
        "all_rows": len(rows),
        "columns": len(schema.features),
        "neighbours": neighbours,
        "reach": reach,
        "curve": [(at / max(1, len(distances) - 1)).tolist(), distances[at].tolist()],
        "bend": knee / max(1, len(distances) - 1),
        "clusters": int(label.max() + 1),
        "noise": int((label < 0).sum()),
        "largest": [
            _described(label == k, points, encoder, drawn, outcome) for k in range(min(SHOWN, label.max() + 1))
        ],
        "outcome_of_noise": _outcome(label < 0, drawn, outcome),
        "outcome": {} if outcome is None else {what: mean(y[drawn])[0] for what, y in outcome.items()},
        **_picture(points, label, seed),
    }


def bend(distances: np.ndarray) -> int:
    """The place in the ascending distances that lies farthest below the line between their ends."""
    n = len(distances)
    # the very last distances are those of single far rows, and would flatten all others
    last = max(1, int(0.99 * (n - 1)))
    span = distances[last] - distances[0]
    if not span > 0:
        return last
    below = np.arange(last + 1) / last - (distances[: last + 1] - distances[0]) / span
    return int(below.argmax())


def _by_size(label: np.ndarray) -> np.ndarray:
    """Clusters numbered from 0, the largest first; -1 is noise."""
    counts = np.bincount(label[label >= 0], minlength=int(label.max()) + 1)
    order = np.argsort(-counts, kind="stable")
    place = np.empty(len(order) + 1, dtype=np.intp)
    place[order] = np.arange(len(order))
    place[-1] = -1
    renumbered: np.ndarray = place[label]
    return renumbered


def _described(
    mine: np.ndarray, points: np.ndarray, encoder: Encoder, drawn: np.ndarray, outcome: Mapping[str, np.ndarray] | None
) -> dict[str, Any]:
    """Rows, outcome, and the columns whose mean differs most from the other rows'."""
    spread = points.std(axis=0)
    other = points[~mine].mean(axis=0) if not mine.all() else points.mean(axis=0)
    apart = (points[mine].mean(axis=0) - other) / np.where(spread > 0, spread, 1.0)
    names, told = encoder.names, []
    if len(names) == len(apart):
        far = [i for i in np.argsort(-np.abs(apart), kind="stable")[:3].tolist() if abs(apart[i]) >= FAR]
        told = [(names[i], round(float(apart[i]), 2)) for i in far]
    return {"rows": int(mine.sum()), "outcome": _outcome(mine, drawn, outcome), "apart": told}


def _outcome(
    mine: np.ndarray, drawn: np.ndarray, outcome: Mapping[str, np.ndarray] | None
) -> dict[str, list[float] | list[None]]:
    return {} if outcome is None else {what: mean(y[drawn][mine]) for what, y in outcome.items()}


def _picture(points: np.ndarray, label: np.ndarray, seed: int) -> dict[str, Any]:
    """Rows by cell of the two greatest principal components and by cluster: counts, and no row's own place."""
    if points.shape[1] < 2:
        return {}
    fitted = PCA(2, random_state=seed, svd_solver="full").fit(points)
    plane = fitted.transform(points)
    low, high = np.quantile(plane, [0.005, 0.995], axis=0)
    cell = np.clip(((plane - low) / np.where(high > low, high - low, 1.0) * GRID).astype(np.intp), 0, GRID - 1)
    shown = np.where(label >= SHOWN, SHOWN, label)
    counted = np.unique(np.column_stack([cell, shown]), axis=0, return_counts=True)
    cells = [[*place, count] for place, count in zip(counted[0].tolist(), counted[1].tolist())]
    return {"cells": cells, "explained": [round(float(each), 3) for each in fitted.explained_variance_ratio_]}
