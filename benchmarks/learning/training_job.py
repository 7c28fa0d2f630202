"""One training job as SageMaker runs it (train.py, a process of its own), and its artefact's answers to test rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchmarks.learning import LEARN
from benchmarks.learning.tables import ROOT, Table, folds
from channels import read_rows
from sluice.model.model import Model
from sluice.model.schema import Schema


class Answer(NamedTuple):
    """`scores`: (rows, classes) with the classes in `classes`' order, or (rows,); `log`: what the job printed."""

    scores: np.ndarray
    classes: list[str]
    fit_seconds: float
    score_seconds: float
    log: str
    training: dict[str, object]


class JobFailedError(Exception):
    """The training job ended with an error; the text is the end of its log."""


def write_csv(frame: pd.DataFrame, types: dict[str, str], path: Path) -> None:
    """As the Prepare Data step writes it: booleans true and false, missing values empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    out = frame[list(types)].copy()
    for name, kind in types.items():
        if kind == "boolean":
            out[name] = out[name].map(lambda value: "" if value is None else str(bool(value)).lower())
    out.to_csv(path, index=False)


def run(
    table: Table, learn: np.ndarray, test: np.ndarray, *, family: str, seconds: float, seed: int = 0, cores: int = 2
) -> Answer:
    """Trains on the rows `learn`, a fifth of them for validation, and scores the rows `test`. Raises JobFailedError.

    `auto` plans its search with `seconds`; every other family is one fit with its defaults.
    """
    contract = table.contract(
        seed, candidates=[family], learning_curve=False, tuning={"max_minutes": seconds / 60.0, "max_jobs": 1}
    )
    part = table.all_columns.iloc[learn].reset_index(drop=True)
    groups = None if table.groups is None else np.unique(table.groups[learn], return_inverse=True)[1]
    own = Table(table.name, table.kind, part, table.target, table.metric, table.types, groups=groups)
    held = np.zeros(len(learn), dtype=bool)
    held[folds(own, seed + 1)[0]] = True
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        write_csv(part[~held], table.all_types, folder / "train" / "data.csv")
        write_csv(part[held], table.all_types, folder / "validation" / "data.csv")
        write_csv(table.all_columns.iloc[test], table.all_types, folder / "test" / "data.csv")
        (folder / "contract").mkdir()
        (folder / "contract" / "contract.json").write_text(json.dumps(contract))
        environment = {
            **os.environ,
            "PYTHONPATH": f"{LEARN}:{ROOT / 'layers' / 'core'}:{ROOT / '.envs' / 'packed'}",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            **{f"SM_CHANNEL_{name.upper()}": str(folder / name) for name in ("train", "validation", "contract")},
            "SM_MODEL_DIR": str(folder / "model"),
        }
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, str(LEARN / "train.py"), "--family", family, "--run-id", "r0123456789ab"],
            capture_output=True, text=True, env=environment, timeout=10 * seconds + 600,
            preexec_fn=lambda: keep_to(cores),
        )  # fmt: skip
        took = time.monotonic() - began
        if done.returncode:
            raise JobFailedError("\n".join((done.stdout + done.stderr).splitlines()[-5:]))
        model = Model.load(folder / "model", exact=True)
        rows = read_rows(
            folder / "test", Schema.from_contract(contract), "test", needed={table.target} if table.target else set()
        )
        began = time.monotonic()
        scores = model.score(rows)
        return Answer(
            scores, [text(label) for label in model.labels.classes], took, time.monotonic() - began, done.stdout,
            model.training,
        )  # fmt: skip


def keep_to(cores: int) -> None:
    """That many of the first processors, where the system lets a process choose."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def text(label: object) -> str:
    """A class as the tables write it."""
    return str(bool(label)) if isinstance(label, bool) else str(label)


def truth(table: Table, places: np.ndarray, classes: list[str]) -> np.ndarray:
    """Class indices in `classes`' order, or values. Raises ValueError for a class that is not there."""
    column = table.frame[table.target].iloc[places]
    if table.kind == "regression":
        return column.to_numpy(dtype=np.float64)
    return np.array([classes.index(text(label)) for label in column.tolist()], dtype=np.int64)
