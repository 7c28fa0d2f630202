"""The artefact: model.json, arrays.npz and a manifest of SHA-256 sums. Nothing in it can run on load."""

from __future__ import annotations

import hashlib
import json
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from sluice.model.errors import ArtifactError

FORMAT = 1
MODEL, ARRAYS, MANIFEST = "model.json", "arrays.npz", "manifest.json"
MAX_MEMBERS = 500
MAX_BYTES = 1 << 30


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def manifest_sum(files: Mapping[str, str]) -> str:
    """The artefact's identity: SHA-256 over its files' names and sums."""
    return hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()


def save(folder: Path, model: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """Write model.json (with the format added) and arrays.npz; `seal` comes last, when all files are there."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"format": FORMAT, **model}, sort_keys=True, indent=1, allow_nan=False)
    (folder / MODEL).write_text(text + "\n", encoding="utf-8")
    np.savez(folder / ARRAYS, allow_pickle=False, **arrays)


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
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files: dict[str, str] = dict(manifest["files"])
        total = manifest["artifact_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"{folder.name}: no readable {MANIFEST}: {error}") from error
    if manifest_sum(files) != total:
        raise ArtifactError(f"{folder.name}/{MANIFEST} contradicts itself: artifact_sha256 is not that of its files")
    for needed in (MODEL, ARRAYS):
        if needed not in files:
            raise ArtifactError(f"{folder.name}/{MANIFEST} does not list {needed}")
    for name, expected in files.items():
        path = folder / _safe_name(name)
        if path.is_symlink() or not path.is_file():
            raise ArtifactError(f"{folder.name}: {name} is missing though the manifest lists it")
        if sha256(path) != expected:
            raise ArtifactError(f"{folder.name}: {name} was changed after training: its SHA-256 is not the manifest's")
    if exact:
        present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
        if extra := sorted(present - {*files, MANIFEST}):
            raise ArtifactError(f"{folder.name}: {extra[0]} is not in the manifest")
    return str(total)


def load(folder: Path, *, exact: bool = False) -> tuple[dict[str, Any], dict[str, np.ndarray], str]:
    """Verify, then read: (model.json, arrays, artifact_sha256). Raises ArtifactError."""
    total = verify(folder, exact=exact)
    try:
        model = json.loads((folder / MODEL).read_text(encoding="utf-8"))
        with np.load(folder / ARRAYS, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ArtifactError(f"{folder.name}: cannot be read: {error}") from error
    if model.get("format") != FORMAT:
        raise ArtifactError(f"{folder.name}: format {model.get('format')!r} is not known here (known: {FORMAT})")
    return model, arrays, total


def unpack(archive: Path, folder: Path) -> None:
    """Extract a model.tar.gz: plain files and folders only, inside `folder`, of limited number and size.

    Raises ArtifactError on anything else, before the offending member is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seen: set[str] = set()
    total = 0
    try:
        with tarfile.open(archive, "r:*") as tar:
            for count, member in enumerate(tar, 1):
                if count > MAX_MEMBERS:
                    raise ArtifactError(f"{archive.name}: more than {MAX_MEMBERS} members")
                name = _safe_name(member.name)
                if member.isdir():
                    continue
                if not member.isreg():
                    raise ArtifactError(f"{archive.name}: {member.name} is no plain file (a link or device)")
                if str(name) in seen:
                    raise ArtifactError(f"{archive.name}: {member.name} occurs twice")
                seen.add(str(name))
                total += member.size
                if total > MAX_BYTES:
                    raise ArtifactError(f"{archive.name}: more than {MAX_BYTES >> 20} MiB unpacked")
                source = tar.extractfile(member)
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as file:
                    while source and (block := source.read(1 << 20)):
                        file.write(block)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ArtifactError(f"{archive.name}: not a readable archive: {error}") from error


def _safe_name(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise ArtifactError(f"{name!r} points outside of the artefact")
    return path
