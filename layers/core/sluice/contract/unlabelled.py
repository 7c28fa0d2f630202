"""Families and metrics of the types clustering and anomaly, and which limits on these metrics can be decided."""

from __future__ import annotations

from typing import Any, Literal

UNLABELLED = ("clustering", "anomaly")
UnlabelledFamily = Literal["kmeans", "gaussian_mixture", "pca_kmeans", "isolation_forest", "lof", "one_class_svm"]
FAMILIES: dict[str, tuple[str, ...]] = {
    "clustering": ("kmeans", "gaussian_mixture", "pca_kmeans"),
    "anomaly": ("isolation_forest", "lof", "one_class_svm"),
}
METRICS = {
    "clustering": ("silhouette", "davies_bouldin", "calinski_harabasz", "stability", "smallest_share"),
    "anomaly": ("pr_auc", "roc_auc", "stability", "precision", "recall", "f1", "flagged_share"),
}
NEED_LABELS = ("pr_auc", "roc_auc", "precision", "recall", "f1")
"""Of anomaly: computed where the contract names a target."""
NOT_TO_TUNE = ("smallest_share", "flagged_share")
"""The contract's own choice (`clusters`, `contamination`) decides them: they are for gates."""
EITHER_LIMIT = frozenset({"flagged_share"})
"""Neither more nor less is better as such: `min` and `max` both have a meaning."""
AGAINST_CHAMPION = {"clustering": ("silhouette",), "anomaly": NEED_LABELS}
"""Measured row by row, so that the difference of two models has an interval."""
AGAINST_BASELINE = {"clustering": ("silhouette",), "anomaly": NEED_LABELS}
BY_SLICE = {"clustering": ("silhouette",), "anomaly": (*NEED_LABELS, "flagged_share")}


def default_metric(problem: dict[str, Any]) -> str:
    """`silhouette`; of anomalies `pr_auc` where there are labels to measure it by, else `stability`."""
    if problem["type"] == "clustering":
        return "silhouette"
    return "pr_auc" if problem.get("target") else "stability"
