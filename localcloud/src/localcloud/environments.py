"""The Python environments that stand for AWS's containers: where each one is, and how one is made.

A cloud runs without them; what needs a missing one is refused with a message that says how to make it. Those of the
deep-learning frameworks are large and rarely needed: the first job that needs one has it made (`on_demand.py`).
"""

from __future__ import annotations

import json
import os
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kind:
    """One container that an environment stands for.

    `module` is a package without which the environment is not complete. `framework` is what pip is asked for after the
    rest; the variable TORCH names another build of it.
    """

    name: str
    stands_for: str
    module: str = ""
    framework: str = ""
    on_demand: bool = False

    @property
    def variable(self) -> str:
        """The environment variable that names its interpreter."""
        return f"LOCALCLOUD_{self.name.upper()}_PYTHON"

    @property
    def requirements(self) -> Path:
        """What is installed into it."""
        return Path(__file__).with_name("containers") / f"{self.name}.txt"


SKLEARN = Kind("sklearn", "SageMaker's scikit-learn container 1.9-0")
GLUE = Kind("glue", "a Glue 5.1 worker")
PYTORCH = Kind("pytorch", "SageMaker's PyTorch container 2.13", "torch", "torch==2.13.0", on_demand=True)
TENSORFLOW = Kind("tensorflow", "SageMaker's TensorFlow container 2.21", "tensorflow", on_demand=True)
KINDS = {kind.name: kind for kind in (SKLEARN, GLUE, PYTORCH, TENSORFLOW)}
_CUDA = ("nvidia-", "cuda-", "triton")
"""How the names of packages begin that only a CUDA build of PyTorch needs."""


class InstallError(Exception):
    """An environment cannot be made; the message has the end of pip's output, or what to decide first."""


def python(kind: Kind) -> Path:
    """The interpreter that stands for `kind`: that of its variable, else that of the folder that `make` fills."""
    named = os.environ.get(kind.variable)
    return Path(named) if named else interpreter(default_folder(kind))


def default_folder(kind: Kind) -> Path:
    """A folder of this user's data, shared by all clouds."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "localcloud" / kind.name


def interpreter(folder: Path) -> Path:
    return folder / "bin" / "python"


def missing(kind: Kind, found: Path) -> str | None:
    """Why `found` cannot stand for `kind` and what to do, or None when it can."""
    if not (found.is_file() and os.access(found, os.X_OK)):
        why = f"{found} is not an interpreter"
    elif kind.module and not _has(found, kind.module):
        why = f"{found} has no {kind.module}"
    else:
        return None
    return (
        f"The environment that stands for {kind.stands_for} is missing: {why}. Run "
        f"`localcloud environment {kind.name}`, or name one with --{kind.name}-python or {kind.variable}."
    )


def make(kind: Kind, folder: Path) -> Path:
    """Makes or completes the environment with this interpreter's version of Python; its interpreter.

    Raises InstallError when pip fails, or when PyTorch would be a CUDA build and TORCH does not ask for it.
    """
    made = interpreter(folder)
    if not _has(made, "pip"):
        venv.create(folder, with_pip=True)
    _pip(made, "install", "-r", str(kind.requirements))
    if kind.framework and missing(kind, made):
        chosen = os.environ.get("TORCH", "").split()
        if not chosen:
            _refuse_cuda(kind, made)
        _pip(made, "install", *(chosen or [kind.framework]))
    return made


def _has(found: Path, package: str) -> bool:
    return any(found.parent.parent.glob(f"lib/python3*/site-packages/{package}/__init__.py"))


def _refuse_cuda(kind: Kind, made: Path) -> None:
    """Asks pip what it would install, which downloads no package."""
    report = json.loads(_pip(made, "install", "--dry-run", "--report", "-", kind.framework))
    names = [str(each["metadata"]["name"]).lower() for each in report["install"]]
    if cuda := [name for name in names if name.startswith(_CUDA)]:
        raise InstallError(
            f"pip would install a CUDA build of {kind.framework} with {len(cuda)} packages of several GB. Choose a "
            f"build in the variable TORCH, which holds pip's arguments: TORCH='{kind.framework} --index-url "
            f"<PyTorch's index of CPU builds>' (its address is on pytorch.org, \"Get Started\"), or "
            f"TORCH='{kind.framework}' for the CUDA build"
        )


def _pip(made: Path, *arguments: str) -> str:
    """pip's output. Raises InstallError when it fails."""
    command = [str(made), "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout
