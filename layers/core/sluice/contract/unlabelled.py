"""Families and metrics of the types clustering and anomaly, and which limits on these metrics can be decided."""

from __future__ import annotations

from typing import Any, Literal

from sluice.model.search_spaces import FRAMEWORKS

UNLABELLED = ("clustering", "anomaly")
UnlabelledFamily = Literal[
    "kmeans", "gaussian_mixture", "pca_kmeans", "isolation_forest", "lof", "one_class_svm", "autoencoder"
]
FAMILIES: dict[str, tuple[str, ...]] = {
    "clustering": ("kmeans", "gaussian_mixture", "pca_kmeans"),
    "anomaly": ("isolation_forest", "lof", "one_class_svm", "autoencoder"),
}
NO_LABELS_AT_ALL = ("isolation_forest",)
"""The default of an anomaly problem without a target. Of several families nothing says which is best without a label:
in a comparison of the measures for it none beat this family at its defaults (Ma et al., SIGKDD Explorations 25, 2023).
"""
METRICS = {
    "clustering": ("silhouette", "davies_bouldin", "calinski_harabasz", "stability", "smallest_share"),
    "anomaly": ("pr_auc", "roc_auc", "stability", "precision", "recall", "f1", "flagged_share"),
}
NEED_LABELS = ("pr_auc", "roc_auc", "precision", "recall", "f1")
"""Metrics of anomaly detection that are computed only if the contract names a target."""
NOT_TO_TUNE = ("smallest_share", "flagged_share")
"""The contract's own choice (`clusters`, `contamination`) decides them: they are for gates."""
EITHER_LIMIT = frozenset({"flagged_share"})
"""Neither more nor less is better as such: `min` and `max` both have a meaning."""
AGAINST_CHAMPION = {"clustering": ("silhouette",), "anomaly": NEED_LABELS}
"""Measured row by row, so that the difference of two models has an interval."""
AGAINST_BASELINE = {"clustering": ("silhouette",), "anomaly": NEED_LABELS}
BY_SLICE = {"clustering": ("silhouette",), "anomaly": (*NEED_LABELS, "flagged_share")}


def default_families(problem: dict[str, Any]) -> list[str]:
    """All that need no framework of deep learning. Raises KeyError for a type that learns from labels."""
    families = [name for name in FAMILIES[problem["type"]] if name not in FRAMEWORKS]
    return list(NO_LABELS_AT_ALL if problem["type"] == "anomaly" and not problem.get("target") else families)


def default_metric(problem: dict[str, Any]) -> str:
    """`silhouette`; of anomalies `pr_auc` where there are labels to measure it by, else `stability`."""
    if problem["type"] == "clustering":
        return "silhouette"
    return "pr_auc" if problem.get("target") else "stability"
