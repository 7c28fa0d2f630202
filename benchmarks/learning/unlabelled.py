"""Segments of wholesale_customers, and one rare class of dry_bean as anomalies: the training job, and unseen rows."""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from unsupervised import training

from benchmarks.learning import tables
from channels import read_contract, read_rows
from sluice.model import anomaly_metrics, segment_metrics
from sluice.model.model import Model

Say = Callable[..., bool]
STABLE = 0.8
RARE, USUAL, ODD = "BOMBAY", 3_000, 60
TIMES_CHANCE = 10.0
"""Average precision over that of a random order, which is the share of the anomalies."""


def of_sets(say: Say, seed: int, only: list[str]) -> bool:
    """Prints the figures; False where a goal is missed."""
    good = True
    for name, measure in (("wholesale_customers", _segments), ("dry_bean_anomalies", _anomalies)):
        if only and name not in only:
            continue
        folder = tables.shared() / name.removesuffix("_anomalies")
        if not folder.is_dir():
            say(name, None, None, True, skipped=f"there is no {folder.name} in the folder of shared data")
            continue
        with tempfile.TemporaryDirectory() as scratch:
            good &= measure(say, folder, Path(scratch), seed)
    return good


def _segments(say: Say, folder: Path, scratch: Path, seed: int) -> bool:
    with (folder / "wholesale_customers_with_id.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    spend = header[3:]
    columns = {name: {"type": "number" if name in spend else "category"} for name in header}
    problem = {"type": "clustering", "metric": "silhouette", "target": None, "clusters": "auto"}
    data = _written(scratch, header, rows, columns, problem, header[:3], seed)
    good, silhouettes = True, {}
    for family in ("baseline", "kmeans", "gaussian_mixture", "pca_kmeans"):
        model, test = _trained(data, family, scratch)
        scorer: Any = model.scorer
        points = scorer.space(model.encoder.encode(test))
        labels = model.score(test).argmax(axis=1)
        silhouettes[family] = segment_metrics.measured(points, labels, len(model.labels.classes))["silhouette"]
        if family != "baseline":
            stability = float(model.training["stability"])
            about = {"family": family, "segments": len(model.labels.classes)}
            good &= say("wholesale_customers_stability", stability, f">= {STABLE}", stability >= STABLE, **about)
    best = max(value for family, value in silhouettes.items() if family != "baseline")
    goal = f"> {silhouettes['baseline']:.3f}, the baseline's"
    return good & say("wholesale_customers_silhouette", best, goal, best > silhouettes["baseline"])


def _anomalies(say: Say, folder: Path, scratch: Path, seed: int) -> bool:
    with (folder / "Dry_Bean_Dataset.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    label, chance = header.index("Class"), np.random.default_rng(seed)
    kinds = {odd: [row for row in rows if (row[label] == RARE) is odd] for odd in (True, False)}
    chosen = [
        [*row[:label], str(odd).lower(), *row[label + 1 :]]
        for odd, count in ((True, ODD), (False, USUAL))
        for row in (kinds[odd][place] for place in chance.permutation(len(kinds[odd]))[:count])
    ]
    columns = {name: {"type": "boolean" if name == "Class" else "number"} for name in header}
    problem = {"type": "anomaly", "metric": "pr_auc", "target": "Class", "positive": True, "contamination": 0.02}
    data = _written(scratch, header, chosen, columns, problem, ["Bean ID"], seed)
    found = {}
    for family in ("baseline", "isolation_forest", "lof", "one_class_svm"):
        model, test = _trained(data, family, scratch)
        truth = anomaly_metrics.truths(read_contract(data / "contract"), test)
        found[family] = anomaly_metrics.measured(model.score(test)[:, 1], truth)["pr_auc"]
    share = float(np.nanmean(truth))
    times, goal = found["isolation_forest"] / share, f">= {TIMES_CHANCE:g}"
    shown = {family: round(value, 4) for family, value in found.items()}
    return say(
        "dry_bean_anomalies_over_chance", times, goal, times >= TIMES_CHANCE, average_precision=shown, share=share
    )


def _written(
    scratch: Path,
    header: list[str],
    rows: list[list[str]],
    columns: dict[str, dict[str, str]],
    problem: dict[str, Any],
    drop: list[str],
    seed: int,
) -> Path:
    """The channels of a training job: 60 % of the rows to train on, 20 % to validate with, 20 % unseen."""
    dealt = [rows[place] for place in np.random.default_rng(seed).permutation(len(rows))]
    ends = [0, int(0.6 * len(rows)), int(0.8 * len(rows)), len(rows)]
    for part, first, last in zip(("train", "validation", "test"), ends, ends[1:], strict=False):
        (scratch / part).mkdir()
        with (scratch / part / "data.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header, *dealt[first:last]])
    contract = {
        "problem": problem,
        "data": {"key": [], "time": None, "columns": columns},
        "features": {"drop": drop},
        "training": {"seed": seed},
        "gates": [],
    }
    (scratch / "contract").mkdir()
    (scratch / "contract" / "contract.json").write_text(json.dumps(contract))
    return scratch


def _trained(data: Path, family: str, scratch: Path) -> tuple[Model, list[Any]]:
    folder = scratch / f"model-{family}"
    folder.mkdir()
    arguments = argparse.Namespace(
        family=family,
        run_id="r0123456789ab",
        train=data / "train",
        validation=data / "validation",
        contract=data / "contract",
        champion=None,
        model_dir=folder,
    )
    with contextlib.redirect_stdout(sys.stderr):  # the job prints its metrics; standard output is for figures
        training.train(arguments, {}, read_contract(data / "contract"))
    model = Model.load(folder, exact=True)
    return model, read_rows(data / "test", model.encoder.schema, "test", needed=set())
