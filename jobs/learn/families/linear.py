"""Linear models behind median imputation and standardisation, and their export."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from families.base import Arrays, Meta, output_of


def linear_pipeline(estimator: Any) -> Pipeline:
    # keep_empty_features: a column without any value stays, as zeros, so that widths agree.
    impute = SimpleImputer(strategy="median", keep_empty_features=True)
    return Pipeline([("impute", impute), ("scale", StandardScaler()), ("model", estimator)])


def export_linear(pipeline: Pipeline) -> tuple[Arrays, Meta]:
    impute, scale, model = (pipeline.named_steps[name] for name in ("impute", "scale", "model"))
    arrays = {
        "impute": np.asarray(impute.statistics_, dtype=np.float64),
        "mean": np.asarray(scale.mean_, dtype=np.float64),
        "scale": np.asarray(scale.scale_, dtype=np.float64),
        "coef": np.atleast_2d(np.asarray(model.coef_, dtype=np.float64)),
        "intercept": np.atleast_1d(np.asarray(model.intercept_, dtype=np.float64)),
    }
    return arrays, {"scorer": "linear", "output": output_of(model)}
