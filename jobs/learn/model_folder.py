"""The artefact's folder, with the code that serves it: proved before it stands where SageMaker takes it from."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import sluice
from sluice.model import artifact, manifest
from sluice.model.model import Model


def write(
    folder: Path, state: Mapping[str, Any], arrays: Mapping[str, np.ndarray], prove: Callable[[Model], float]
) -> tuple[Model, float]:
    """The model as read back, and what `prove` says about it. Where `prove` raises, no artefact is left.

    Built beside the target: a job that fails leaves no artefact that could be mistaken for a good one.
    """
    draft = folder / ".draft"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        artifact.save(draft, state, arrays)
        copy_code(draft / "code")
        manifest.seal(draft)
        model = Model.load(draft, exact=True)
        difference = prove(model)
        for path in draft.iterdir():
            target = folder / path.name
            if target.is_dir():
                shutil.rmtree(target)
            path.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return model, difference


def copy_code(target: Path) -> None:
    """What serving needs: inference.py, `sluice` as far as sluice.model, and how to install them without network."""
    package = Path(sluice.__file__).parent
    shutil.copytree(
        package / "model", target / "sluice" / "model", ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
    )
    shutil.copyfile(package / "__init__.py", target / "sluice" / "__init__.py")
    here = Path(__file__).resolve().parent
    shutil.copyfile(here / "inference.py", target / "inference.py")
    for name in ("pyproject.toml", "wheel_backend.py"):
        shutil.copyfile(here / "serving_package" / name, target / name)
