"""The same model as a BentoML service."""

import os
from pathlib import Path

import bentoml
import joblib
import pandas as pd


@bentoml.service(workers=2, traffic={"timeout": 60})
class Model:
    def __init__(self) -> None:
        self.model = joblib.load(Path(os.environ["SM_MODEL_DIR"]) / "pipeline.joblib")

    @bentoml.api
    def invocations(self, instances: list[dict]) -> dict:
        data = pd.DataFrame(instances).reindex(columns=self.model.feature_names_in_)
        answers = self.model.predict_proba(data)[:, 1].tolist()
        return {"predictions": [{"prediction": p >= 0.5, "probability": p} for p in answers]}
