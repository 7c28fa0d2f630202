"""inference.py as people write it for SageMaker's scikit-learn container: a DataFrame in predict_fn."""

import json
from pathlib import Path

import joblib
import pandas as pd


def model_fn(model_dir):
    return joblib.load(Path(model_dir) / "pipeline.joblib")


def input_fn(body, content_type):
    content = json.loads(body)
    return pd.DataFrame(content.get("instances", [content]))


def predict_fn(data, model):
    return model.predict_proba(data.reindex(columns=model.feature_names_in_))[:, 1]


def output_fn(prediction, accept):
    answers = [{"prediction": bool(p >= 0.5), "probability": float(p)} for p in prediction]
    return json.dumps({"predictions": answers}), accept
