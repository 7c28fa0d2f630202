"""One AutoML system on one split: runs in the environment `automl`, beside which Sluice is not installed.

    python peer.py --peer flaml --folder F --seconds 60 --cores 2 --seed 0

Reads F/train.parquet, F/test.parquet and F/task.json; writes F/scores.npy (probabilities in the task's order of
classes, or values) and F/peer.json. Each system gets the columns with their types, and its own
defaults for the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

METRICS = {"roc_auc": "roc_auc", "log_loss": "log_loss", "rmse": "rmse"}


class Task:
    """`train` and `test` are features; categories have pandas' type for it, texts are strings, times are numbers."""

    def __init__(self, folder: Path, seconds: float, cores: int, seed: int) -> None:
        facts = json.loads((folder / "task.json").read_text())
        self.kind, self.metric, self.classes = facts["kind"], facts["metric"], facts["classes"]
        self.seconds, self.cores, self.seed = seconds, cores, seed
        target = facts["target"]
        train, test = pd.read_parquet(folder / "train.parquet"), pd.read_parquet(folder / "test.parquet")
        self.y = train.pop(target)
        if self.kind != "regression":
            self.y = self.y.astype(str)
        self.texts = [name for name, kind in facts["types"].items() if kind == "text" and name != target]
        for name, kind in facts["types"].items():
            if name == target:
                continue
            for part in (train, test):
                if kind == "timestamp":
                    part[name] = pd.to_datetime(part[name]).astype("int64") / 1e9
                elif kind == "boolean":
                    part[name] = part[name].astype("float64")
                elif kind == "category":
                    values = sorted(train[name].dropna().astype(str).unique())
                    part[name] = pd.Categorical(part[name].astype(str).where(part[name].notna()), categories=values)
        self.train, self.test = train, test


def of_classes(task: Task, probabilities: np.ndarray, classes: list[str]) -> np.ndarray:
    """Columns in the task's order; a class that the training rows lack has 0."""
    out = np.zeros((len(probabilities), len(task.classes)))
    for column, label in enumerate(classes):
        out[:, task.classes.index(str(label))] = probabilities[:, column]
    return out


def flaml(task: Task) -> tuple[Any, Callable[[], np.ndarray]]:
    from flaml import AutoML

    model = AutoML()
    kind = "regression" if task.kind == "regression" else "classification"
    metric = {"roc_auc": "roc_auc", "log_loss": "log_loss", "rmse": "rmse"}[task.metric]
    train, test = task.train.copy(), task.test.copy()
    model.fit(
        train, task.y, task=kind, metric=metric, time_budget=task.seconds, n_jobs=task.cores, seed=task.seed, verbose=0
    )
    if task.kind == "regression":
        return model, lambda: np.asarray(model.predict(test))
    return model, lambda: of_classes(task, model.predict_proba(test), list(model.classes_))


def autogluon(preset: str) -> Callable[[Task], tuple[Any, Callable[[], np.ndarray]]]:
    def fit(task: Task) -> tuple[Any, Callable[[], np.ndarray]]:
        from autogluon.tabular import TabularPredictor

        metric = {"roc_auc": "roc_auc", "log_loss": "log_loss", "rmse": "root_mean_squared_error"}[task.metric]
        facts = {"label": "__y", "eval_metric": metric, "problem_type": task.kind, "verbosity": 0}
        data, began = task.train.assign(__y=task.y), time.monotonic()
        try:
            model = TabularPredictor(**facts, path=tempfile.mkdtemp())
            model.fit(data, presets=preset, time_limit=task.seconds, num_cpus=task.cores)
        except AssertionError:
            # its trial for the choice of stacking found no time for a model, and its way on from there is broken
            left = max(1.0, task.seconds - (time.monotonic() - began))
            model = TabularPredictor(**facts, path=tempfile.mkdtemp())
            model.fit(data, presets=preset, time_limit=left, num_cpus=task.cores, dynamic_stacking=False)
        if task.kind == "regression":
            return model, lambda: model.predict(task.test).to_numpy()

        def score() -> np.ndarray:
            found = model.predict_proba(task.test)
            return of_classes(task, found.to_numpy(), list(found.columns))

        return model, score

    return fit


def hist_gradient_boosting(task: Task) -> tuple[Any, Callable[[], np.ndarray]]:
    """Defaults. A category beyond the 255 that it takes, and a text, is the number of its value."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    train, test = task.train.copy(), task.test.copy()
    for name in train:
        wide = isinstance(train[name].dtype, pd.CategoricalDtype) and len(train[name].cat.categories) > 250
        if name in task.texts or wide:
            values = pd.Index(train[name].astype(str).unique())
            train[name], test[name] = (
                values.get_indexer(train[name].astype(str)),
                values.get_indexer(test[name].astype(str)),
            )
    kind = HistGradientBoostingRegressor if task.kind == "regression" else HistGradientBoostingClassifier
    model = kind(random_state=task.seed).fit(train, task.y)
    if task.kind == "regression":
        return model, lambda: model.predict(test)
    return model, lambda: of_classes(task, model.predict_proba(test), list(model.classes_))


def logistic_regression(task: Task) -> tuple[Any, Callable[[], np.ndarray]]:
    """Logistic or ridge regression on scaled numbers, one-hot categories and TF-IDF words."""
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    categories = [name for name in task.train if isinstance(task.train[name].dtype, pd.CategoricalDtype)]
    numbers = [name for name in task.train if name not in categories and name not in task.texts]
    train, test = task.train.copy(), task.test.copy()
    for part in (train, test):
        part[categories] = part[categories].astype(object).where(part[categories].notna(), "")
        part[task.texts] = part[task.texts].fillna("")
    parts: list[Any] = [
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        ("categories", OneHotEncoder(handle_unknown="ignore", min_frequency=5), categories),
    ]
    parts += [(f"text {name}", TfidfVectorizer(), name) for name in task.texts]
    last = Ridge() if task.kind == "regression" else LogisticRegression(max_iter=1000)
    model = make_pipeline(ColumnTransformer(parts), last).fit(train, task.y)
    if task.kind == "regression":
        return model, lambda: model.predict(test)
    return model, lambda: of_classes(task, model.predict_proba(test), list(model.classes_))


PEERS: dict[str, Callable[[Task], tuple[Any, Callable[[], np.ndarray]]]] = {
    "flaml": flaml,
    "autogluon_medium": autogluon("medium_quality"),
    "autogluon_best": autogluon("best_quality"),
    "hist_gradient_boosting": hist_gradient_boosting,
    "logistic_regression": logistic_regression,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", choices=PEERS, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--cores", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.cores])
    task = Task(arguments.folder, arguments.seconds, arguments.cores, arguments.seed)
    began = time.monotonic()
    _, score = PEERS[arguments.peer](task)
    fit_seconds = time.monotonic() - began
    began = time.monotonic()
    scores = score()
    facts = {"fit_seconds": fit_seconds, "score_seconds": time.monotonic() - began}
    np.save(arguments.folder / "scores.npy", scores, allow_pickle=False)
    (arguments.folder / "peer.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
