"""What tuning may vary, per family: plain data, because the Lambda that asks for a tuning job has no scikit-learn.

The ranges keep one job on some ten thousand rows to a few seconds of one core. The number of rounds is in none of them:
a training job watches the validation rows and finds it by itself (`families/rounds.py`).
"""

from __future__ import annotations

from typing import Any, Final

from sluice.model.unlabelled_spaces import UNLABELLED_SPACES

Range = dict[str, Any]

_NETWORK: Final[dict[str, list[Range]]] = {
    "continuous": [
        {"name": "learning-rate", "min": 0.0003, "max": 0.01, "scaling": "Logarithmic"},
        {"name": "weight-decay", "min": 0.0001, "max": 0.3, "scaling": "Logarithmic"},
        {"name": "dropout", "min": 0.0, "max": 0.5, "scaling": "Linear"},
    ],
    "integer": [
        {"name": "bins", "min": 4, "max": 50, "scaling": "Logarithmic"},
        {"name": "width", "min": 64, "max": 512, "scaling": "Logarithmic"},
        {"name": "layers", "min": 1, "max": 4, "scaling": "Linear"},
    ],
    "categorical": [
        {"name": "activation", "values": ["relu", "silu"]},
        {"name": "batch-norm", "values": ["false", "true"]},
    ],
}

SEARCH_SPACES: Final[dict[str, dict[str, list[Range]]]] = {
    "baseline": {"continuous": [], "integer": [], "categorical": []},
    "logistic_regression": {
        "continuous": [
            {"name": "c", "min": 0.001, "max": 30.0, "scaling": "Logarithmic"},
        ],
        "integer": [],
        "categorical": [
            {"name": "spread", "values": ["standard", "signed-log"]},
        ],
    },
    "random_forest": {
        "continuous": [
            {"name": "max-features", "min": 0.1, "max": 0.7, "scaling": "Linear"},
        ],
        "integer": [
            {"name": "n-estimators", "min": 60, "max": 200, "scaling": "Linear"},
            {"name": "max-depth", "min": 5, "max": 14, "scaling": "Linear"},
            {"name": "min-samples-leaf", "min": 2, "max": 40, "scaling": "Logarithmic"},
        ],
        "categorical": [],
    },
    "extra_trees": {
        "continuous": [
            {"name": "max-features", "min": 0.2, "max": 1.0, "scaling": "Linear"},
        ],
        "integer": [
            {"name": "n-estimators", "min": 60, "max": 200, "scaling": "Linear"},
            {"name": "max-depth", "min": 6, "max": 20, "scaling": "Linear"},
            {"name": "min-samples-leaf", "min": 1, "max": 20, "scaling": "Logarithmic"},
        ],
        "categorical": [],
    },
    "gradient_boosting": {
        "continuous": [
            {"name": "learning-rate", "min": 0.02, "max": 0.2, "scaling": "Logarithmic"},
            {"name": "l2-regularization", "min": 0.001, "max": 30.0, "scaling": "Logarithmic"},
            {"name": "max-features", "min": 0.2, "max": 1.0, "scaling": "Linear"},
        ],
        "integer": [
            {"name": "max-leaf-nodes", "min": 4, "max": 63, "scaling": "Logarithmic"},
            {"name": "min-samples-leaf", "min": 5, "max": 100, "scaling": "Logarithmic"},
        ],
        "categorical": [],
    },
    "ridge": {
        "continuous": [
            {"name": "alpha", "min": 0.000001, "max": 1.0, "scaling": "Logarithmic"},
        ],
        "integer": [],
        "categorical": [
            {"name": "spread", "values": ["standard", "signed-log"]},
        ],
    },
    "lasso": {
        "continuous": [
            {"name": "alpha", "min": 0.000001, "max": 1.0, "scaling": "Logarithmic"},
        ],
        "integer": [],
        "categorical": [
            {"name": "spread", "values": ["standard", "signed-log"]},
        ],
    },
    "elastic_net": {
        "continuous": [
            {"name": "alpha", "min": 0.000001, "max": 1.0, "scaling": "Logarithmic"},
            {"name": "l1-ratio", "min": 0.05, "max": 0.95, "scaling": "Linear"},
        ],
        "integer": [],
        "categorical": [
            {"name": "spread", "values": ["standard", "signed-log"]},
        ],
    },
    "spline_linear": {
        "continuous": [
            {"name": "c", "min": 0.003, "max": 300.0, "scaling": "Logarithmic"},
        ],
        "integer": [
            {"name": "knots", "min": 4, "max": 25, "scaling": "Logarithmic"},
        ],
        "categorical": [],
    },
    "svm": {
        "continuous": [
            {"name": "c", "min": 0.1, "max": 1000.0, "scaling": "Logarithmic"},
            {"name": "gamma", "min": 0.03, "max": 10.0, "scaling": "Logarithmic"},
            {"name": "epsilon", "min": 0.01, "max": 0.5, "scaling": "Logarithmic"},
        ],
        "integer": [],
        "categorical": [
            {"name": "spread", "values": ["standard", "common"]},
        ],
    },
    "mlp": {
        "continuous": [
            {"name": "learning-rate", "min": 0.0003, "max": 0.01, "scaling": "Logarithmic"},
            {"name": "alpha", "min": 0.00001, "max": 0.1, "scaling": "Logarithmic"},
        ],
        "integer": [
            {"name": "bins", "min": 4, "max": 50, "scaling": "Logarithmic"},
            {"name": "width", "min": 32, "max": 256, "scaling": "Logarithmic"},
            {"name": "layers", "min": 1, "max": 3, "scaling": "Linear"},
        ],
        "categorical": [],
    },
    "torch_mlp": _NETWORK,
    "keras_mlp": _NETWORK,
    # At most 64 leaves, here, for xgboost and for catboost (a depth of 6): such trees become tables (`leaf_tables`).
    "lightgbm": {
        "continuous": [
            {"name": "learning-rate", "min": 0.02, "max": 0.2, "scaling": "Logarithmic"},
            {"name": "feature-fraction", "min": 0.3, "max": 1.0, "scaling": "Linear"},
            {"name": "bagging-fraction", "min": 0.5, "max": 1.0, "scaling": "Linear"},
            {"name": "lambda-l2", "min": 0.001, "max": 30.0, "scaling": "Logarithmic"},
        ],
        "integer": [
            {"name": "num-leaves", "min": 4, "max": 64, "scaling": "Logarithmic"},
            {"name": "min-data-in-leaf", "min": 3, "max": 100, "scaling": "Logarithmic"},
        ],
        "categorical": [
            {"name": "extra-trees", "values": ["false", "true"]},
        ],
    },
    "xgboost": {
        "continuous": [
            {"name": "learning-rate", "min": 0.02, "max": 0.2, "scaling": "Logarithmic"},
            {"name": "min-child-weight", "min": 0.5, "max": 50.0, "scaling": "Logarithmic"},
            {"name": "subsample", "min": 0.5, "max": 1.0, "scaling": "Linear"},
            {"name": "colsample-bynode", "min": 0.3, "max": 1.0, "scaling": "Linear"},
            {"name": "lambda", "min": 0.001, "max": 30.0, "scaling": "Logarithmic"},
        ],
        "integer": [
            {"name": "max-leaves", "min": 4, "max": 64, "scaling": "Logarithmic"},
        ],
        "categorical": [],
    },
    "catboost": {
        "continuous": [
            {"name": "learning-rate", "min": 0.03, "max": 0.2, "scaling": "Logarithmic"},
            {"name": "l2-leaf-reg", "min": 0.3, "max": 30.0, "scaling": "Logarithmic"},
            {"name": "random-strength", "min": 0.01, "max": 10.0, "scaling": "Logarithmic"},
            {"name": "rsm", "min": 0.3, "max": 1.0, "scaling": "Linear"},
        ],
        "integer": [
            {"name": "depth", "min": 3, "max": 6, "scaling": "Linear"},
        ],
        "categorical": [],
    },
}

LIBRARIES: Final[dict[str, str]] = {"lightgbm": "lightgbm", "xgboost": "xgboost-cpu", "catboost": "catboost"}
"""Family → the distribution that it needs and that the training container lacks. It is shipped beside the job code
(`jobs/requirements.txt` and `jobs/packed` lock it), and only jobs of these families load it."""

FRAMEWORKS: Final[dict[str, str]] = {"torch_mlp": "pytorch", "keras_mlp": "tensorflow", "autoencoder": "pytorch"}
"""Family → the framework in whose container it is trained; the others are trained in the scikit-learn container. What
it learned is scored by numpy, as everything is, so only training needs the framework."""


AUTO: Final = "auto"
"""The family that finds families and hyperparameters itself, in one training job. A tuning job needs something to vary:
one parameter with one value."""
SPACES: Final[dict[str, dict[str, list[Range]]]] = {
    **SEARCH_SPACES,
    **UNLABELLED_SPACES,
    AUTO: {"continuous": [], "integer": [], "categorical": [{"name": "search", "values": ["portfolio"]}]},
}
"""The space of every family, including clustering and anomaly detection."""


def parameter_ranges(family: str) -> dict[str, list[dict[str, Any]]]:
    """A family's space as SageMaker's `ParameterRanges`. Raises KeyError for an unknown family."""
    space = SPACES[family]

    def numeric(kind: str) -> list[dict[str, Any]]:
        return [
            {"Name": r["name"], "MinValue": str(r["min"]), "MaxValue": str(r["max"]), "ScalingType": r["scaling"]}
            for r in space[kind]
        ]

    return {
        "ContinuousParameterRanges": numeric("continuous"),
        "IntegerParameterRanges": numeric("integer"),
        "CategoricalParameterRanges": [{"Name": r["name"], "Values": list(r["values"])} for r in space["categorical"]],
    }
