"""The artefact: model.json, arrays.npz and a manifest of SHA-256 sums. Nothing in it can run on load."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sluice.model.errors import ArtifactError
from sluice.model.manifest import ARRAYS, MODEL
from sluice.model.opening import checked


def save(folder: Path, model: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write model.json (with the format added) and arrays.npz; `manifest.seal` comes last, when all files are there."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": 2 if "members" in model else 1, **model}, sort_keys=True, indent=1, allow_nan=False)
    (folder / MODEL).write_text(text + "\n", encoding="utf-8")
    np.savez(folder / ARRAYS, allow_pickle=False, **arrays)


def load(folder: Path, *, exact: bool = False) -> tuple[dict[str, Any], dict[str, np.ndarray], str]:
    """Check, then read: (model.json, arrays, artifact_sha256). Raises ArtifactError."""
    model, total = checked(folder, exact=exact)
    try:
        with np.load(folder / ARRAYS, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ArtifactError(f"{folder.name}: {ARRAYS} cannot be read: {error}") from error
    return model, arrays, total
