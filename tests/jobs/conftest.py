"""The learning jobs run as SageMaker runs them: from an unpacked source folder, in a process of their own."""

import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

# Threads of scikit-learn that compete for the cores of a busy machine make small fits a hundred times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[2]
LEARN = ROOT / "jobs" / "learn"
if str(LEARN) not in sys.path:
    sys.path.append(str(LEARN))


class Workspace:
    """Source folder, data and artefacts of one module's tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "source"
        shutil.copytree(LEARN, self.source, ignore=shutil.ignore_patterns("__pycache__"))
        package = ROOT / "layers" / "core" / "sluice"
        shutil.copytree(
            package / "model", self.source / "sluice" / "model", ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copyfile(package / "__init__.py", self.source / "sluice" / "__init__.py")

    def run(self, script, *arguments, environment=None):
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("SM_", "PYTHONPATH"))}
        return subprocess.run(
            [sys.executable, str(self.source / script), *map(str, arguments)],
            capture_output=True,
            text=True,
            env={**clean, **(environment or {})},
            cwd=self.folder,
            timeout=120,
        )

    def train(self, data, family, name=None, **hyperparameters):
        target = self.folder / (name or f"{data.name}-{family}")
        channels = {f"SM_CHANNEL_{c.upper()}": str(data / c) for c in ("train", "validation", "contract")}
        # as SageMaker's toolkit spells them: one dash before a name of one letter
        dashes = {key: "-" if len(key) == 1 else "--" for key in hyperparameters}
        more = [text for key, value in hyperparameters.items() for text in (f"{dashes[key]}{key}", value)]
        done = self.run(
            "train.py", "--family", family, "--run-id", "r0123456789ab", *more,
            environment={**channels, "SM_MODEL_DIR": str(target)},
        )  # fmt: skip
        return done, target

    def pack(self, model, name):
        folder = self.folder / f"in-{name}"
        folder.mkdir()
        with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
            tar.add(model, arcname=".")
        return folder


def write_csv(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def make_data(folder, kind, rows=400, seed=3):
    """A small project with every column type, missing values and something to learn."""
    chance = random.Random(seed)
    header = ["id", "pages", "seconds", "channel", "member", "words", "at", "y"]
    types = ["text", "integer", "number", "category", "boolean", "text", "timestamp"]
    target = {"binary": "boolean", "multiclass": "category", "regression": "number"}[kind]
    columns = {name: {"type": t, "nullable": True} for name, t in zip(header, [*types, target])}
    metric = {"binary": "roc_auc", "multiclass": "macro_f1", "regression": "rmse"}[kind]
    contract = {
        "problem": {"type": kind, "target": "y", "positive": True if kind == "binary" else None, "metric": metric},
        "business": {"value_per_true_positive": 12.0, "cost_per_contact": 0.4},
        "data": {"key": ["id"], "time": None, "columns": columns},
        "features": {"drop": [], "bins": {}, "log": ["seconds"], "interactions": False},
        "training": {"candidates": [], "seed": 0},
        "gates": [{"metric": metric, "not_worse_than_champion_by": 0.01, "confidence": 0.9}],
    }
    for part in ("train", "validation", "test"):
        lines = []
        for i in range(rows):
            pages, seconds = chance.randint(0, 30), chance.expovariate(0.01)
            channel = chance.choice(["search", "ads", "email"])
            signal = pages / 30 + (channel == "ads") + chance.gauss(0, 0.3)
            y = {
                "binary": str(signal > 0.9),
                "multiclass": "low" if signal < 0.5 else "mid" if signal < 1 else "high",
                "regression": f"{signal:.4f}",
            }[kind]
            known = ["" if chance.random() < 0.05 else str(value) for value in (pages, round(seconds, 3), channel)]
            when = f"2026-{chance.randint(1, 12):02d}-11T{chance.randint(0, 23):02d}:30:00Z"
            lines.append([f"{part}{i}", *known, chance.choice(["true", "false"]), "red shoe", when, y])
        write_csv(folder / part / "data.csv", header, lines)
    (folder / "contract").mkdir(parents=True)
    (folder / "contract" / "contract.json").write_text(json.dumps(contract))
    return folder


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("learn"))
