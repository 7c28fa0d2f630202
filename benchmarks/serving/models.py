"""Makes what is served, in the benchmark's environment: the data, our artefact, and the same model for the peers.

Gradient boosting of 200 trees on 8 numeric and 5 categorical columns, with missing values. `python models.py FOLDER
SOURCE` writes below FOLDER: `ours` (an artefact by the training job, whose code lies in SOURCE), `pipeline.joblib`
(ColumnTransformer and estimator), `mlflow` (the same in MLflow's format), `requests.json`, `parity.json`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

ROWS, TREES, SEED = 6_000, 200, 7
NUMERIC = [f"n{i}" for i in range(8)]
CATEGORIES = {f"c{i}": [f"v{j}" for j in range(count)] for i, count in enumerate((3, 4, 5, 8, 12))}


def frame() -> pd.DataFrame:
    generator = np.random.default_rng(SEED)
    data = {name: np.round(generator.normal(size=ROWS) * 10 ** (i % 3), 4) for i, name in enumerate(NUMERIC)}
    for name, values in CATEGORIES.items():
        data[name] = generator.choice(values, ROWS)
    table = pd.DataFrame(data)
    signal = table.n0 + 0.05 * table.n1 * (table.c0 == "v1") + (table.c3 == "v2") * 1.5 + 0.02 * table.n2
    table["y"] = signal + generator.normal(size=ROWS) * 0.5 > 0.4
    for name in (*NUMERIC, *CATEGORIES):
        table.loc[generator.random(ROWS) < 0.03, name] = None
    return table


def contract() -> dict:
    columns = {name: {"type": "number", "nullable": True} for name in NUMERIC}
    columns |= {name: {"type": "category", "nullable": True} for name in CATEGORIES}
    columns["y"] = {"type": "boolean"}
    return {
        "problem": {"type": "binary", "target": "y", "positive": True, "metric": "roc_auc"},
        "data": {"key": [], "time": None, "columns": columns},
        "features": {"drop": [], "bins": {}, "log": [], "interactions": False},
        "training": {"candidates": [], "seed": SEED},
        "gates": [],
    }


def channels(folder: Path, table: pd.DataFrame) -> dict[str, str]:
    """Environment of a training job: the data as its channels."""
    root = folder / "channels"
    for part, rows in (("train", table[: ROWS * 4 // 5]), ("validation", table[ROWS * 4 // 5 :])):
        (root / part).mkdir(parents=True)
        rows.to_csv(root / part / "data.csv", index=False)
    (root / "contract").mkdir()
    (root / "contract" / "contract.json").write_text(json.dumps(contract()))
    return {f"SM_CHANNEL_{name.upper()}": str(root / name) for name in ("train", "validation", "contract")}


def train(folder: Path, source: Path, places: dict[str, str], family: str, **parameters: int) -> float:
    """An artefact by the training job; answers its greatest difference from scikit-learn's own answers."""
    arguments = ["--family", family, "--run-id", "r0123456789ab"]
    arguments += [text for name, value in parameters.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    environment = {**os.environ, **places, "SM_MODEL_DIR": str(folder)}
    command = [sys.executable, str(source / "train.py"), *arguments]
    printed = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(re.findall(r"parity=(\S+)", printed)[0])


def pipeline(table: pd.DataFrame) -> Pipeline:
    encode = ColumnTransformer(
        [("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), list(CATEGORIES))],
        remainder="passthrough",
    )
    model = HistGradientBoostingClassifier(max_iter=TREES, early_stopping=False, random_state=SEED)
    return Pipeline([("encode", encode), ("model", model)]).fit(table[[*NUMERIC, *CATEGORIES]], table.y)


def main(folder: Path, source: Path) -> None:
    table = frame()
    places = channels(folder, table)
    parity = {
        "gradient_boosting": train(folder / "ours", source, places, "gradient_boosting", max_iter=TREES),
        "random_forest": train(folder / "forest", source, places, "random_forest"),
        "logistic_regression": train(folder / "linear", source, places, "logistic_regression"),
    }
    fitted = pipeline(table)
    joblib.dump(fitted, folder / "pipeline.joblib")
    import mlflow.sklearn

    mlflow.sklearn.save_model(fitted, str(folder / "mlflow"), pip_requirements=[], serialization_format="cloudpickle")
    rows = table[[*NUMERIC, *CATEGORIES]].head(200)
    (folder / "requests.json").write_text(rows.to_json(orient="records"))
    (folder / "parity.json").write_text(json.dumps(parity))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
