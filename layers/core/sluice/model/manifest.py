"""manifest.json: SHA-256 of each file of a model, and of all together (standard library only)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from sluice.model.errors import ArtifactError

MODEL, ARRAYS, MANIFEST = "model.json", "arrays.npz", "manifest.json"
MAX_MANIFEST = 1 << 20


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_sum(files: Mapping[str, str]) -> str:
    """The artefact's identity: SHA-256 over its files' names and sums."""
    return hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()


def seal(folder: Path) -> str:
    """Write manifest.json over every file in the folder; answers artifact_sha256."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    files = {path.relative_to(folder).as_posix(): sha256(path) for path in paths}
    total = manifest_sum(files)
    text = json.dumps({"files": files, "artifact_sha256": total}, sort_keys=True, indent=1)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return total


def verify(folder: Path, *, exact: bool = False) -> str:
    """Check every file against the manifest; answers artifact_sha256. Raises ArtifactError.

    `exact` refuses files that the manifest does not list (an unpacked archive must have none; a serving container
    may add some of its own).
    """
    try:
        manifest = read_json(folder / MANIFEST, MAX_MANIFEST)
        files = {str(name): str(value) for name, value in manifest["files"].items()}
        total = manifest["artifact_sha256"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{folder.name}: no readable {MANIFEST}: {error!r}") from None
    if manifest_sum(files) != total:
        raise ArtifactError(f"{folder.name}/{MANIFEST} contradicts itself: artifact_sha256 is not that of its files")
    for needed in (MODEL, ARRAYS):
        if needed not in files:
            raise ArtifactError(f"{folder.name}/{MANIFEST} does not list {needed}")
    for name, expected in files.items():
        path = folder / _inside(name)
        if path.is_symlink() or not path.is_file():
            raise ArtifactError(f"{folder.name}: {name} is missing though the manifest lists it")
        found = sha256(path)
        if found != expected:
            raise ArtifactError(
                f"{folder.name}: {name} was changed after training: its SHA-256 is {found[:12]}…, the manifest's is "
                f"{expected[:12]}…"
            )
    if exact:
        present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
        if extra := sorted(present - {*files, MANIFEST}):
            raise ArtifactError(f"{folder.name}: {extra[0]} is not in the manifest")
    return str(total)


def read_json(path: Path, limit: int) -> Any:
    """Raises OSError, and ValueError for what is not JSON of at most `limit` bytes or names a key twice."""
    if path.stat().st_size > limit:
        raise ValueError(f"{path.name} has more than {limit} bytes")
    try:
        return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_unique)
    except UnicodeDecodeError:
        # which would quote the whole file
        raise ValueError(f"{path.name} is not UTF-8") from None
    except RecursionError:
        raise ValueError(f"{path.name} is nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object names a key twice")
    return found


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise ArtifactError(f"{MANIFEST}: {name!r} points outside of the artefact")
    return path
