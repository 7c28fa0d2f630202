"""Families of problem type clustering: a file of one table, since each is a fit and its export.

A segmenter fits points of the model's space for a given number of segments. Adding one: a class, a line in SEGMENTERS,
and its search space.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

from sluice.model.errors import ModelError
from sluice.model.segment_scorers import shares_of_logs
from unsupervised.base import Arrays, Meta, Parameter

MAX_FULL_WIDTH = 200
"""Matrix columns up to which a mixture may have whole covariances: each has width² numbers in the artefact."""
_STARTS = 3
_NARROWEST = 1e-4
"""Least variance around a centre. Where all rows lie on their centres, rounding would decide the shares otherwise."""


class Segmenter(ABC):
    """`columns`: (offset, width) of each contract column's part of the points."""

    name: ClassVar[str]
    parameters: ClassVar[dict[str, Parameter]] = {}

    @abstractmethod
    def fit(self, points: np.ndarray, segments: int, hyperparameters: dict[str, Any], seed: int) -> Any:
        """What the library has learned."""

    @abstractmethod
    def shares(self, fitted: Any, points: np.ndarray) -> np.ndarray:
        """The library's own answer: shares of the segments, (rows, segments)."""

    @abstractmethod
    def export(self, fitted: Any) -> tuple[Arrays, Meta]:
        """The same as arrays, without the space's, and the scorer's meta data."""

    def labels(self, fitted: Any, points: np.ndarray) -> np.ndarray:
        chosen: np.ndarray = self.shares(fitted, points).argmax(axis=1)
        return chosen


class Centres:
    """k-means centres, and the spread of the rows around them."""

    def __init__(self, points: np.ndarray, segments: int, trim: float, seed: int, starts: int = _STARTS) -> None:
        self.kmeans = KMeans(segments, n_init=starts, random_state=seed).fit(points)
        nearest = self.kmeans.transform(points).min(axis=1)
        kept = points
        if trim > 0:
            # the rows farthest from any centre do not pull on it (trimmed k-means, Cuesta-Albertos et al., 1997)
            kept = points[nearest <= np.quantile(nearest, 1.0 - trim)]
            self.kmeans = KMeans(segments, init=self.kmeans.cluster_centers_, n_init=1).fit(kept)
        squared = self.kmeans.transform(kept).min(axis=1) ** 2
        used = max(1, int(np.count_nonzero(points.var(axis=0) > 0)))
        self.variance = float(max(squared.mean() / used, _NARROWEST))

    def shares(self, points: np.ndarray) -> np.ndarray:
        # SciPy subtracts coordinates; scikit-learn's transform subtracts squared norms, which cancel far from 0
        squared = cdist(points, self.kmeans.cluster_centers_, "sqeuclidean")
        return shares_of_logs(-squared / (2.0 * self.variance))

    @property
    def arrays(self) -> Arrays:
        return {
            "centres": np.asarray(self.kmeans.cluster_centers_, dtype=np.float64),
            "variance": np.array([self.variance]),
        }


_TRIM = Parameter(0.0, 0.0, 0.2)


class Kmeans(Segmenter):
    name = "kmeans"
    parameters = {"trim": _TRIM}  # noqa: RUF012 - a ClassVar in the base

    def fit(self, points: np.ndarray, segments: int, hyperparameters: dict[str, Any], seed: int) -> Any:
        return Centres(points, segments, hyperparameters["trim"], seed)

    def shares(self, fitted: Any, points: np.ndarray) -> np.ndarray:
        found: np.ndarray = fitted.shares(points)
        return found

    def export(self, fitted: Any) -> tuple[Arrays, Meta]:
        return fitted.arrays, {"scorer": "nearest-centre"}


class PcaKmeans(Segmenter):
    """k-means on the principal components that explain `explained` of the variance."""

    name = "pca_kmeans"
    parameters = {"explained": Parameter(0.8, 0.3, 0.99), "trim": _TRIM}  # noqa: RUF012

    def fit(self, points: np.ndarray, segments: int, hyperparameters: dict[str, Any], seed: int) -> Any:
        pca = PCA(n_components=hyperparameters["explained"], svd_solver="full").fit(points)
        return pca, Centres(pca.transform(points), segments, hyperparameters["trim"], seed)

    def shares(self, fitted: Any, points: np.ndarray) -> np.ndarray:
        pca, centres = fitted
        found: np.ndarray = centres.shares(pca.transform(points))
        return found

    def export(self, fitted: Any) -> tuple[Arrays, Meta]:
        pca, centres = fitted
        projection = {"project": np.ascontiguousarray(pca.components_.T), "mean": pca.mean_}
        return {**centres.arrays, **projection}, {"scorer": "nearest-centre"}


class Mixture(Segmenter):
    name = "gaussian_mixture"
    parameters = {  # noqa: RUF012
        "covariance": Parameter("diag", choices=("full", "tied", "diag", "spherical")),
        "reg-covar": Parameter(0.001, 1e-6, 1.0),
    }

    def fit(self, points: np.ndarray, segments: int, hyperparameters: dict[str, Any], seed: int) -> Any:
        covariance = str(hyperparameters["covariance"])
        if covariance in ("full", "tied") and points.shape[1] > MAX_FULL_WIDTH:
            raise ModelError(
                f"hyperparameter covariance {covariance!r} of a mixture needs {points.shape[1]}² numbers for each "
                f"segment, more than the {MAX_FULL_WIDTH}² that a model may have: use diag or spherical"
            )
        model = GaussianMixture(
            segments, covariance_type=covariance, reg_covar=float(hyperparameters["reg-covar"]), n_init=2,
            random_state=seed,
        )  # fmt: skip
        return model.fit(points)

    def shares(self, fitted: Any, points: np.ndarray) -> np.ndarray:
        found: np.ndarray = fitted.predict_proba(points)
        return found

    def export(self, fitted: Any) -> tuple[Arrays, Meta]:
        factors = np.asarray(fitted.precisions_cholesky_, dtype=np.float64)
        segments, width = fitted.means_.shape
        if fitted.covariance_type == "tied":
            factors = np.tile(factors, (segments, 1, 1))
        elif fitted.covariance_type == "spherical":
            factors = np.tile(factors[:, None], (1, width))
        return {
            "means": np.asarray(fitted.means_, dtype=np.float64),
            "log_weights": np.log(fitted.weights_),
            "precisions": np.ascontiguousarray(factors),
        }, {"scorer": "mixture"}


SEGMENTERS: dict[str, Segmenter] = {each.name: each for each in (Kmeans(), Mixture(), PcaKmeans())}
