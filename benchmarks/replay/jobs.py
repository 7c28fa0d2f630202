"""The product's own training and evaluation jobs on chosen rows; each is kept, so that a stopped replay goes on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.learning import LEARN
from benchmarks.learning.tables import ROOT
from benchmarks.learning.training_job import JobFailedError, write_csv
from benchmarks.replay.streams import Stream
from channels import read_rows
from sluice.model.model import Model
from sluice.model.schema import Schema

TEST, VALIDATION = 0.2, 0.2
PATIENCE = 3_600
"""Seconds that a job may take."""


@dataclass(frozen=True, eq=False)
class Jobs:
    """Jobs on the rows of one stream, with one contract and family; what they make is kept below `folder`."""

    stream: Stream
    contract: dict[str, Any]
    """contract.json of a run."""
    family: str
    folder: Path

    @cached_property
    def part(self) -> np.ndarray:
        """train, validation or test of each row, for life: by a hash, as the cleaning job deals them."""
        shares = np.array([int(hashlib.sha256(str(row).encode()).hexdigest()[:13], 16) / 16**13 for row in self.rows])
        return np.where(shares < TEST, "test", np.where(shares >= 1 - VALIDATION, "validation", "train"))

    @property
    def rows(self) -> range:
        return range(len(self.stream.frame))

    @cached_property
    def read(self) -> list[Any]:
        """Every row as the scorer reads it."""
        place = self.folder / "all"
        write_csv(self.stream.frame, self.stream.types, place / "data.csv")
        return list(read_rows(place, Schema.from_contract(self.contract), "test", needed=set()))

    def train(self, learn: np.ndarray, family: str | None = None) -> Path:
        """The folder with `model.tar.gz` and `model/` of a training job on the train and validation rows of `learn`."""
        chosen = family or self.family
        target = self.folder / f"train-{_digest(chosen, self.contract, learn.tolist())}"
        if (target / "model.tar.gz").exists():
            return target
        shutil.rmtree(target, ignore_errors=True)
        channels = {name: target / "data" / name for name in ("train", "validation", "contract")}
        for name in ("train", "validation"):
            kept = learn[self.part[learn] == name]
            write_csv(self.stream.frame.iloc[kept], self.stream.types, channels[name] / "data.csv")
        self._contract(channels["contract"])
        where = {f"SM_CHANNEL_{name.upper()}": str(path) for name, path in channels.items()}
        _run(
            "train.py", ["--family", chosen, "--run-id", "r0123456789ab"], {**where, "SM_MODEL_DIR": f"{target}/model"}
        )
        with tarfile.open(target / "part.tar.gz", "w:gz") as tar:
            tar.add(target / "model", arcname=".")
        (target / "part.tar.gz").rename(target / "model.tar.gz")
        return target

    def evaluate(self, candidate: Path, baseline: Path, champion: Path | None, rows: np.ndarray) -> Path:
        """The folder with evaluation.json, baseline.json and the others, on the test rows of `rows`."""
        test = rows[self.part[rows] == "test"]
        models = [str(each.name) if each else "" for each in (candidate, baseline, champion)]
        target = self.folder / f"evaluation-{_digest(models, self.contract, test.tolist())}"
        if (target / "evaluation.json").exists():
            return target
        shutil.rmtree(target, ignore_errors=True)
        inputs = target / "inputs"
        write_csv(self.stream.frame.iloc[test], self.stream.types, inputs / "test" / "data.csv")
        self._contract(inputs / "contract")
        given = {"candidate": candidate, "baseline": baseline, "champion": champion}
        for name, model in given.items():
            (inputs / name).mkdir(parents=True)
            if model:
                shutil.copyfile(model / "model.tar.gz", inputs / name / "model.tar.gz")
        places = {name: inputs / name for name in ("test", "contract", *given)}
        places |= {"output": target / "part", "message": inputs / "message"}
        _run("evaluate.py", [text for name, path in places.items() for text in (f"--{name}", str(path))], {})
        for made in (target / "part").iterdir():
            if made.name != "evaluation.json":
                made.rename(target / made.name)
        # last: it says that the evaluation is whole
        (target / "part" / "evaluation.json").rename(target / "evaluation.json")
        return target

    def scores(self, trained: Path, rows: np.ndarray) -> np.ndarray:
        """The model's probability of the positive class, for each of `rows`."""
        model = Model.load(trained / "model", exact=True)
        found = model.score([self.read[row] for row in rows])
        return np.asarray(found[:, -1] if found.ndim == 2 else found, dtype=np.float64)

    def _contract(self, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        (place / "contract.json").write_text(json.dumps(self.contract))


def _run(script: str, arguments: list[str], environment: dict[str, str]) -> None:
    path = f"{LEARN}:{ROOT / 'layers' / 'core'}:{ROOT / '.envs' / 'packed'}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SM_")}
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": path}
    command = [sys.executable, str(LEARN / script), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**clean, **one, **environment}, timeout=PATIENCE
    )
    if done.returncode:
        raise JobFailedError("\n".join((done.stdout + done.stderr).splitlines()[-5:]))


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]
