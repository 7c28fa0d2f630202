"""Training rows that are unlike the others, for `features.rows`: they are left out of the fit, and counted.

Rows to predict are never left out, so nothing of this is in the artefact but the count.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.cluster import DBSCAN
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.impute import SimpleImputer
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from sluice.model.encoder import Encoder
from sluice.model.errors import ModelError
from sluice.model.preparation.numbers import limits
from sluice.model.schema import Row, Schema

MAX_SAMPLE = 5_000
"""Rows that a method learns from; it judges all of them."""
_MIN_ROWS = 50
_NEIGHBOURS = 5
BY_COLUMN = ("z_score", "iqr")


class Left(NamedTuple):
    """`stays` is None where all rows stay; `report` is the encoder's."""

    stays: np.ndarray | None
    report: dict[str, Any]


def leave_out(
    schema: Schema, features: Mapping[str, Any], rows: Sequence[Row], seed: int, classes: np.ndarray | None = None
) -> Left:
    """Which rows stay, and the report about it. A class (`classes`: of each row) keeps its rows if it would have
    none left: a model cannot learn what it never sees. Raises ModelError on an unknown method."""
    stays = kept(schema, features, rows, seed)
    if stays is None:
        asked = _method(features) != "keep"
        why = f"{len(rows):,} training rows are fewer than the {_MIN_ROWS} it needs"
        return Left(None, {"rows_why_not": why} if asked else {})
    report: dict[str, Any] = {}
    if classes is not None:
        gone = ~stays & ~np.isin(classes, classes[stays])
        if gone.any():
            stays |= gone
            report["rows_of_lost_classes"] = int(gone.sum())
    return Left(stays, {"rows_dropped": int((~stays).sum()), **report})


def kept(schema: Schema, features: Mapping[str, Any], rows: Sequence[Row], seed: int) -> np.ndarray | None:
    """Which rows stay, (rows,) bool; None if all do: the contract keeps them, or they are too few to judge.

    Raises ModelError on an unknown method.
    """
    options, method = features.get("rows") or {}, _method(features)
    if method == "keep" or len(rows) < _MIN_ROWS:
        return None
    if method in BY_COLUMN:
        return _within_limits(schema, rows, method, options.get("limit"))
    plain = {name: value for name, value in features.items() if name in ("numbers", "columns", "log")}
    matrix = Encoder.fit(schema, plain, rows).encode(rows)
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    points = make_pipeline(imputer, StandardScaler()).fit_transform(matrix)
    learnt = points[np.random.default_rng(seed).permutation(len(points))[:MAX_SAMPLE]]
    if method == "dbscan":
        return _near_a_cluster(points, learnt)
    share = float(options.get("share") or 0.01)
    with warnings.catch_warnings():
        # a covariance that is not of full rank (one-hot columns) still orders the rows
        warnings.simplefilter("ignore")
        score = _score(method, learnt, points, seed)
    stays = np.ones(len(points), dtype=bool)
    stays[np.argsort(score, kind="stable")[: int(share * len(points))]] = False
    return stays


def _method(features: Mapping[str, Any]) -> str:
    return (features.get("rows") or {}).get("outliers") or "keep"


def _within_limits(schema: Schema, rows: Sequence[Row], method: str, limit: float | None) -> np.ndarray:
    """Rows of which no number is beyond the limits of its column; a missing one is not."""
    stays = np.ones(len(rows), dtype=bool)
    for name in schema.features:
        if schema.types[name] not in ("number", "integer"):
            continue
        values = np.array([np.nan if (value := row.get(name)) is None else float(value) for row in rows])
        known = values[np.isfinite(values)]
        if len(known) >= _MIN_ROWS:
            with np.errstate(over="ignore", invalid="ignore"):
                low, high = limits(method, limit, known)
            stays &= ~((values < low) | (values > high))
    return stays


def _score(method: str, learnt: np.ndarray, points: np.ndarray, seed: int) -> np.ndarray:
    """The lower, the less a row is like the others."""
    makers: dict[str, Any] = {
        "isolation_forest": lambda: IsolationForest(random_state=seed),
        "lof": lambda: LocalOutlierFactor(novelty=True),
        "elliptic_envelope": lambda: EllipticEnvelope(random_state=seed),
        # half of the rows hold up the boundary: with few of them, far rows would have a boundary of their own
        "one_class_svm": lambda: OneClassSVM(nu=0.5, gamma="scale"),
    }
    if method not in makers:
        known = ", ".join(["keep", *BY_COLUMN, *makers, "dbscan"])
        raise ModelError(f"contract: features.rows.outliers is {method!r}; known: {known}")
    score: np.ndarray = makers[method]().fit(learnt).score_samples(points)
    return score


def _near_a_cluster(points: np.ndarray, learnt: np.ndarray) -> np.ndarray:
    """Rows within DBSCAN's distance of a core point of the sample.

    The distance is twice what 90 % of the rows have to their fifth neighbour.
    """
    distances = NearestNeighbors(n_neighbors=_NEIGHBOURS + 1).fit(learnt).kneighbors(learnt)[0][:, -1]
    reach = max(2.0 * float(np.quantile(distances, 0.9)), 1e-9)
    core = learnt[DBSCAN(eps=reach, min_samples=_NEIGHBOURS + 1).fit(learnt).core_sample_indices_]
    if not len(core):
        return np.ones(len(points), dtype=bool)
    nearest = NearestNeighbors(n_neighbors=1).fit(core).kneighbors(points)[0][:, 0]
    stays: np.ndarray = nearest <= reach
    return stays
