"""The Python environments that stand for AWS's containers: where each one is, and how one is made.

A cloud runs without them; what needs a missing one is refused with a message that says how to make it.
"""

from __future__ import annotations

import os
import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kind:
    """One container that an environment stands for."""

    name: str
    stands_for: str

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
KINDS = {kind.name: kind for kind in (SKLEARN, GLUE)}


class InstallError(Exception):
    """An environment cannot be made; the message has the end of pip's output."""


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
    if found.is_file() and os.access(found, os.X_OK):
        return None
    return (
        f"The environment that stands for {kind.stands_for} is missing: {found} is not an interpreter. Run "
        f"`localcloud environment {kind.name}`, or name one with --{kind.name}-python or {kind.variable}."
    )


def make(kind: Kind, folder: Path) -> Path:
    """Makes or completes the environment with this interpreter's version of Python; its interpreter.

    Raises InstallError when pip fails.
    """
    venv.create(folder, with_pip=True)
    made = interpreter(folder)
    command = [
        str(made),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--quiet",
        "-r",
        str(kind.requirements),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return made
