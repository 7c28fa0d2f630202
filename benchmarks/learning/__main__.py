"""`make bench-learning`: Sluice's training on the data sets of ../shared/data, against the goals of its issue.

One JSON line a figure: {"name", "value", "goal", "ok"}. ONLY=adult,digits runs a part; BUDGET is the seconds of each
training job (default 60), FOLDS how many of the five folds are run (default 1; the value is their mean), SEED the deal,
FAMILY one family instead of `auto`. Exits 1 when a goal is missed, and says which data are absent.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable

import numpy as np
from leakage import examine

from benchmarks.learning import nab, tables, unlabelled
from benchmarks.learning.leaks import LEAKS, rows_of
from benchmarks.learning.tables import Table
from benchmarks.learning.training_job import JobFailedError, run, truth
from sluice.model.metrics import metrics_of

BUDGET = float(os.environ.get("BUDGET") or 60)
FOLDS = int(os.environ.get("FOLDS") or 1)
SEED = int(os.environ.get("SEED") or 0)
FAMILY = os.environ.get("FAMILY") or "auto"
ONLY = [name for name in (os.environ.get("ONLY") or "").split(",") if name]

# set → its metric and the goal on it; an `_error` is 1 - accuracy
GOALS: dict[str, list[tuple[str, str, float]]] = {
    "online_shoppers": [("roc_auc", ">=", 0.937), ("pr_auc", ">=", 0.754)],
    "telco_churn": [("roc_auc", ">=", 0.848)],
    "bike_sharing": [("r2", ">=", 0.947)],
    "california_housing": [("rmse", "<=", 46_000)],
    "dry_bean": [("accuracy", ">=", 0.932)],
    "adult": [("error", "<=", 0.128)],
    "product_categories": [("accuracy", ">=", 0.954)],
    "sms_spam": [("accuracy", ">=", 0.987)],
    "digits": [("accuracy", ">=", 0.985)],
}
TUNED_FOR = {"roc_auc": "roc_auc", "accuracy": "accuracy", "error": "accuracy", "r2": "rmse", "rmse": "rmse"}
"""The contract's metric, by the first goal of a set: a project that wants accuracy says so."""


def say(name: str, value: float | None, goal: str | None = None, ok: bool = True, **more: object) -> bool:
    shown = None if value is None else round(value, 5)
    print(json.dumps({"name": f"learning_{name}", "value": shown, "goal": goal, "ok": ok, **more}), flush=True)
    return ok


def measured(table: Table, test: np.ndarray) -> dict[str, float]:
    """Every metric of one training job on its test rows."""
    learn = np.setdiff1d(np.arange(len(table.frame)), test)
    answer = run(table, learn, test, family=FAMILY, seconds=BUDGET, seed=SEED)
    y = truth(table, test, answer.classes)
    found = {name: float(metric(y, answer.scores)) for name, metric in metrics_of(table.kind).items()}
    if "accuracy" in found:
        found["error"] = 1.0 - found["accuracy"]
    return {**found, "seconds": answer.fit_seconds}


def of_set(name: str, make: Callable[[], Table]) -> bool:
    """Runs the folds of a set and prints its figures; False where a goal is missed."""
    table = make()
    goals = GOALS[name]
    table = Table(**{**vars(table), "metric": TUNED_FOR[goals[0][0]]})
    tests = [np.flatnonzero(table.test)] if table.test is not None else tables.folds(table, SEED)[:FOLDS]
    split = "the data's own" if table.test is not None else f"{len(tests)} of 5 folds"
    try:
        found = [measured(table, test) for test in tests]
    except JobFailedError as error:
        return say(name, None, "a model", False, failure=str(error))
    good = True
    about = {"split": split + (", grouped" if table.groups is not None else ""), "family": FAMILY}
    for metric, sign, goal in goals:
        value = float(np.mean([each[metric] for each in found]))
        ok = value >= goal if sign == ">=" else value <= goal
        good &= say(f"{name}_{metric}", value, f"{sign} {goal:g}", ok, **about)
    say(f"{name}_seconds", float(np.mean([each["seconds"] for each in found])), load=round(os.getloadavg()[0], 1))
    if name == "bike_sharing":
        later = np.flatnonzero(table.frame["yr"].to_numpy() == 1)
        say("bike_sharing_r2_of_2012_from_2011", measured(table, later)["r2"], None, split="by time", family=FAMILY)
    return good


def anomalies() -> None:
    """NAB's score; the series are a part of NAB's corpus, so that its published figures are no goal."""
    if not (tables.shared() / "nab_anomaly").is_dir():
        say("nab_anomaly", None, None, True, skipped="there is no nab_anomaly in the folder of shared data")
        return
    for family in ("isolation_forest", "lof", "baseline"):
        say(f"nab_anomaly_{family}", nab.score_of(family, SEED), None, text="0 never reports, 100 is perfect")


def leakage(name: str, expected: set[tuple[str, ...]]) -> bool:
    """Whether the leakage alarm names these columns of a set, and no others."""
    contract, schema, rows, labels, y = rows_of(name)
    found = {tuple(sorted(each["columns"])) for each in examine(contract, schema, rows, labels, y)["suspects"]}
    missed, false = expected - found, found - expected
    right = say(f"leakage_{name}_missed", len(missed), "<= 0", not missed, columns=sorted(map(list, missed)))
    return say(f"leakage_{name}_false", len(false), "<= 0", not false, columns=sorted(map(list, false))) and right


def main() -> int:
    good, began = True, time.monotonic()
    sets = {**tables.SHARED, "digits": tables.digits}
    for name, make in sets.items():
        if ONLY and name not in ONLY:
            continue
        if name in tables.SHARED and not (tables.shared() / name).is_dir():
            say(name, None, None, True, skipped=f"there is no {name} in the folder of shared data")
            continue
        good &= of_set(name, make)
    good &= unlabelled.of_sets(say, SEED, ONLY)
    if not ONLY or "nab_anomaly" in ONLY:
        anomalies()
    for name, expected in LEAKS.items():
        if ONLY and name not in ONLY and "leakage" not in ONLY:
            continue
        if not (tables.shared() / name).is_dir():
            say(f"leakage_{name}", None, None, True, skipped=f"there is no {name} in the folder of shared data")
            continue
        good &= leakage(name, expected)
    say("minutes", (time.monotonic() - began) / 60, load=round(os.getloadavg()[0], 1))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
