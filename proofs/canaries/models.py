"""What is released: models learned once by the training job, evaluated by the evaluation job, packed for each run."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import shutil
import subprocess
import tarfile
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.generate_sessions import Knobs, as_csv
from proofs.canaries.candidates import GOOD
from sluice.model import manifest

ROOT = Path(__file__).resolve().parents[2]
LEARN_PYTHON = ROOT / ".envs" / "learn" / "bin" / "python"
FAULT = Path(__file__).with_name("canary_fault.py")
LEARNED = (
    ("gradient_boosting", 1),
    ("gradient_boosting", 2),
    ("logistic_regression", 1),
    ("random_forest", 1),
    ("random_forest", 2),
    ("logistic_regression", 2),
)
ROWS = 4_000
_RUN = "r0123456789ab"


@dataclass(frozen=True)
class Learned:
    """A trained artefact. The same `family` on other rows is another model."""

    family: str
    rows_seed: int
    folder: Path

    @property
    def name(self) -> str:
        return f"{self.family}/{self.rows_seed}"


class Shelf:
    """Everything that was learned, and the evaluations of the pairs that met."""

    def __init__(self, folder: Path, contract: dict[str, Any]) -> None:
        self._folder, self._contract = folder, contract
        self._source = folder / "source"
        self._evaluating = threading.Lock()
        shutil.copytree(ROOT / "jobs" / "learn", self._source, ignore=shutil.ignore_patterns("__pycache__"))
        package = ROOT / "layers" / "core" / "sluice"
        shutil.copytree(
            package / "model", self._source / "sluice" / "model", ignore=shutil.ignore_patterns("__pycache__")
        )
        shutil.copyfile(package / "__init__.py", self._source / "sluice" / "__init__.py")
        self._write_channels()
        self._baseline = self._train("baseline", 1)
        self.learned = [self._train(family, seed) for family, seed in LEARNED]

    def challenger(self, kind: str, champion: Learned, chance: random.Random) -> Learned:
        """What a good canary of this kind has learned; a bad one is the champion's own model with a fault in it."""
        if kind == GOOD[1]:
            return next(m for m in self.learned if m.family == champion.family and m.rows_seed != champion.rows_seed)
        if kind == GOOD[2]:
            return chance.choice([m for m in self.learned if m.family != champion.family])
        return champion

    def evaluation(self, candidate: Learned, champion: Learned | None) -> dict[str, bytes]:
        """The evaluation job's files by name. Each pair is evaluated once; run ids and sums are put in by `packed`."""
        target = self._folder / "evaluations" / f"{candidate.name}-{champion.name if champion else 'alone'}"
        with self._evaluating:
            if not (target / "evaluation.json").exists():
                self._evaluate(candidate, champion, target)
        return {path.name: path.read_bytes() for path in target.iterdir()}

    def _write_channels(self) -> None:
        (self._folder / "contract").mkdir()
        (self._folder / "contract" / "contract.json").write_text(json.dumps(self._contract))
        for seed in {seed for _, seed in LEARNED}:
            rows = as_csv(Knobs(rows=ROWS, seed=100 + seed))
            parts = {"train": (0.0, 0.8), "validation": (0.8, 1.0)}
            for part, (begin, end) in parts.items():
                _write_rows(self._folder / f"{part}-{seed}" / "data.csv", rows, begin, end)
        _write_rows(self._folder / "test" / "data.csv", as_csv(Knobs(rows=1_000, seed=99)), 0.0, 1.0)

    def _train(self, family: str, seed: int) -> Learned:
        target = self._folder / "learned" / f"{family}-{seed}"
        channels = {"TRAIN": f"train-{seed}", "VALIDATION": f"validation-{seed}", "CONTRACT": "contract"}
        environment = {f"SM_CHANNEL_{name}": str(self._folder / folder) for name, folder in channels.items()}
        self._job("train.py", "--family", family, "--run-id", _RUN, SM_MODEL_DIR=str(target), **environment)
        return Learned(family, seed, target)

    def _evaluate(self, candidate: Learned, champion: Learned | None, target: Path) -> None:
        inputs = {"candidate": candidate, "baseline": self._baseline, "champion": champion}
        with tempfile.TemporaryDirectory() as scratch:
            arguments = []
            for role, model in inputs.items():
                folder = Path(scratch) / role
                folder.mkdir()
                arguments += [f"--{role}", str(folder)]
                if model:
                    (folder / "model.tar.gz").write_bytes(_archive(model.folder))
            places = {name: str(self._folder / name) for name in ("test", "contract")}
            arguments += [text for name, place in places.items() for text in (f"--{name}", place)]
            self._job("evaluate.py", *arguments, "--output", str(target))

    def _job(self, script: str, *arguments: str, **environment: str) -> None:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("SM_", "PYTHONPATH"))}
        # threads that compete for the cores of a busy machine make small fits much slower
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [str(LEARN_PYTHON), str(self._source / script), *arguments]
        subprocess.run(command, env={**clean, **threads, **environment}, check=True, stdout=subprocess.DEVNULL)


def packed(model: Learned, run_id: str, knobs: dict[str, Any]) -> bytes:
    """model.tar.gz of a run: the learned model under the run's id, and the fault in its code."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        shutil.copytree(model.folder, folder)
        state = json.loads((folder / manifest.MODEL).read_text())
        (folder / manifest.MODEL).write_text(json.dumps({**state, "run_id": run_id}, sort_keys=True, indent=1) + "\n")
        shutil.copyfile(FAULT, folder / "code" / FAULT.name)
        with (folder / "code" / "inference.py").open("a") as code:
            code.write(f"\nimport {FAULT.stem}\n\n{FAULT.stem}.install(globals(), {knobs!r})\n")
        manifest.seal(folder)
        return _archive(folder)


def _archive(folder: Path) -> bytes:
    out = io.BytesIO()
    # the fastest compression: packing is no part of what is measured
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1, format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            tar.add(path, arcname=path.relative_to(folder).as_posix())
    return out.getvalue()


def _write_rows(path: Path, rows: bytes, begin: float, end: float) -> None:
    header, *lines = list(csv.reader(io.StringIO(rows.decode())))
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *lines[round(begin * len(lines)) : round(end * len(lines))]])
