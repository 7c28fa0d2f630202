"""The learning jobs run as SageMaker runs them: from an unpacked source folder, in a process of their own."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.jobs import warm_python

# Threads of scikit-learn that compete for the cores of a busy machine make small fits a hundred times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[2]
LEARN = ROOT / "jobs" / "learn"
PACKED = ROOT / ".envs" / "packed"  # libraries that only jobs have
for folder in (LEARN, PACKED):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


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

    def run(self, script, *arguments, environment=None, fresh=False):
        """What became of a job's script; `fresh`: with Python started for it alone."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("SM_", "PYTHONPATH"))}
        environment = {**clean, "PYTHONPATH": str(PACKED), **(environment or {})}
        command = [str(self.source / script), *map(str, arguments)]
        if not fresh:
            return warm_python.run(command, environment, self.folder, timeout=120)
        return subprocess.run(
            [sys.executable, *command], capture_output=True, text=True, env=environment, cwd=self.folder, timeout=120
        )

    def train(self, data, family, name=None, fresh=False, **hyperparameters):
        target = self.folder / (name or f"{data.name}-{family}")
        channels = {f"SM_CHANNEL_{c.upper()}": str(data / c) for c in ("train", "validation", "contract")}
        # as SageMaker's toolkit spells them: one dash before a name of one letter
        dashes = {key: "-" if len(key) == 1 else "--" for key in hyperparameters}
        more = [text for key, value in hyperparameters.items() for text in (f"{dashes[key]}{key}", value)]
        done = self.run(
            "train.py", "--family", family, "--run-id", "r0123456789ab", *more,
            environment={**channels, "SM_MODEL_DIR": str(target)}, fresh=fresh,
        )  # fmt: skip
        return done, target

    def pack(self, model, name):
        folder = self.folder / f"in-{name}"
        folder.mkdir()
        with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
            tar.add(model, arcname=".")
        return folder


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return Workspace(tmp_path_factory.mktemp("learn"))
