"""Checks a model.tar.gz before it is registered, with the standard library only and without unpacking it.

The learning code has the same rules in sluice.model.artifact, which needs numpy; this runs in a Lambda without it.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO

from sluice.errors import ArtifactError

MANIFEST = "manifest.json"
REQUIRED = ("model.json", "arrays.npz")
MAX_MEMBERS = 500
MAX_BYTES = 1 << 30
MAX_MANIFEST = 1 << 20


def verify(archive: Path) -> str:
    """artifact_sha256 of an archive whose every file is what its manifest says. Raises ArtifactError."""
    sums, manifest = _sums(archive)
    if manifest is None:
        raise ArtifactError(f"{archive.name}: there is no {MANIFEST}")
    try:
        content = json.loads(manifest)
        files = {str(name): str(value) for name, value in content["files"].items()}
        total = str(content["artifact_sha256"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtifactError(f"{archive.name}: {MANIFEST} cannot be read: {error}") from error
    if hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest() != total:
        raise ArtifactError(f"{archive.name}: artifact_sha256 is not that of the files that {MANIFEST} lists")
    for name in REQUIRED:
        if name not in files:
            raise ArtifactError(f"{archive.name}: {MANIFEST} does not list {name}")
    for name in sorted({*files, *sums}):
        if name not in sums:
            raise ArtifactError(f"{archive.name}: {name} is missing though {MANIFEST} lists it")
        if name not in files:
            raise ArtifactError(f"{archive.name}: {name} is not in {MANIFEST}")
        if sums[name] != files[name]:
            raise ArtifactError(f"{archive.name}: {name} was changed: its SHA-256 is not that of {MANIFEST}")
    return total


def _sums(archive: Path) -> tuple[dict[str, str], bytes | None]:
    """SHA-256 of each file but the manifest, and the manifest's bytes."""
    sums: dict[str, str] = {}
    manifest: bytes | None = None
    size = 0
    try:
        with tarfile.open(archive, "r:*") as tar:
            for count, member in enumerate(tar, 1):
                if count > MAX_MEMBERS:
                    raise ArtifactError(f"{archive.name}: more than {MAX_MEMBERS} members")
                name = _safe_name(archive, member.name)
                if member.isdir():
                    continue
                if not member.isreg():
                    raise ArtifactError(f"{archive.name}: {member.name} is a link or a device, not a file")
                size += member.size
                if size > MAX_BYTES:
                    raise ArtifactError(f"{archive.name}: more than {MAX_BYTES >> 20} MiB unpacked")
                if name in sums or (name == MANIFEST and manifest is not None):
                    raise ArtifactError(f"{archive.name}: {name} occurs twice")
                source = tar.extractfile(member)
                if source is None:
                    raise ArtifactError(f"{archive.name}: {name} cannot be read")
                if name == MANIFEST:
                    if member.size > MAX_MANIFEST:
                        raise ArtifactError(f"{archive.name}: {MANIFEST} is too large")
                    manifest = source.read()
                else:
                    sums[name] = _digest(source)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ArtifactError(f"{archive.name}: not a readable archive: {error}") from error
    return sums, manifest


def _digest(source: IO[bytes]) -> str:
    total = hashlib.sha256()
    while block := source.read(1 << 20):
        total.update(block)
    return total.hexdigest()


def _safe_name(archive: Path, name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
        raise ArtifactError(f"{archive.name}: {name!r} points outside of the archive")
    return path.as_posix()
