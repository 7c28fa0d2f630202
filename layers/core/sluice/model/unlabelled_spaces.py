"""What tuning may vary in families that learn without labels, in the form of `sluice.model.search_spaces`."""

from __future__ import annotations

from typing import Any, Final

UNLABELLED_SPACES: Final[dict[str, dict[str, list[dict[str, Any]]]]] = {
    "kmeans": {
        "continuous": [{"name": "trim", "min": 0.0, "max": 0.1, "scaling": "Linear"}],
        "integer": [],
        "categorical": [],
    },
    "gaussian_mixture": {
        "continuous": [{"name": "reg-covar", "min": 0.0001, "max": 0.1, "scaling": "Logarithmic"}],
        "integer": [],
        "categorical": [{"name": "covariance", "values": ["diag", "spherical"]}],
    },
    "pca_kmeans": {
        "continuous": [
            {"name": "explained", "min": 0.5, "max": 0.95, "scaling": "Linear"},
            {"name": "trim", "min": 0.0, "max": 0.1, "scaling": "Linear"},
        ],
        "integer": [],
        "categorical": [],
    },
    "isolation_forest": {
        "continuous": [],
        "integer": [
            {"name": "n-estimators", "min": 50, "max": 300, "scaling": "Linear"},
            {"name": "max-samples", "min": 64, "max": 1024, "scaling": "Logarithmic"},
        ],
        "categorical": [],
    },
    "lof": {
        "continuous": [],
        "integer": [{"name": "n-neighbors", "min": 5, "max": 60, "scaling": "Logarithmic"}],
        "categorical": [],
    },
    "autoencoder": {
        "continuous": [
            {"name": "code", "min": 0.1, "max": 0.6, "scaling": "Linear"},
            {"name": "noise", "min": 0.0, "max": 0.3, "scaling": "Linear"},
            {"name": "learning-rate", "min": 0.0005, "max": 0.01, "scaling": "Logarithmic"},
        ],
        "integer": [{"name": "width", "min": 16, "max": 256, "scaling": "Logarithmic"}],
        "categorical": [],
    },
    "one_class_svm": {
        "continuous": [
            {"name": "nu", "min": 0.005, "max": 0.2, "scaling": "Logarithmic"},
            {"name": "gamma", "min": 0.05, "max": 5.0, "scaling": "Logarithmic"},
        ],
        "integer": [],
        "categorical": [],
    },
}
