"""From an archive of unknown origin to files that may be read: all checks in one order, without numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from sluice.model import archive, manifest, npz
from sluice.model.errors import ArtifactError

FORMATS = (1, 2)
"""One scorer, and an ensemble: see `sluice.model.model`."""
_MAX_MODEL = 64 << 20
_MAX_CODE = 1 << 20


class Checked(NamedTuple):
    """What model.json says, and artifact_sha256."""

    model: dict[str, Any]
    sha256: str


def opened(path: Path, folder: Path, limits: archive.Limits = archive.LIMITS) -> Checked:
    """Unpacks a model.tar.gz to `folder` and checks every file of it. Raises ArtifactError."""
    names = archive.unpack(path, folder, limits)
    try:
        for name in names:
            if name.startswith("code/"):
                _is_text(folder / name, name)
        return checked(folder, exact=True)
    except ArtifactError as error:
        raise ArtifactError(f"{path.name}: {error}") from None


def checked(folder: Path, *, exact: bool = False) -> Checked:
    """Manifest, then model.json, then the arrays' headers. Raises ArtifactError; see manifest.verify for `exact`."""
    total = manifest.verify(folder, exact=exact)
    try:
        model = manifest.read_json(folder / manifest.MODEL, _MAX_MODEL)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{folder.name}: {manifest.MODEL} cannot be read: {error}") from None
    if not isinstance(model, dict) or model.get("format") not in FORMATS:
        known = model.get("format") if isinstance(model, dict) else type(model).__name__
        raise ArtifactError(f"{folder.name}: format {known!r} is unknown (known: {', '.join(map(str, FORMATS))})")
    npz.check(folder / manifest.ARRAYS)
    return Checked(model, total)


def _is_text(path: Path, name: str) -> None:
    """A pickle or a library under the name of a source file is not code of ours."""
    content = path.read_bytes() if path.stat().st_size <= _MAX_CODE else b"\0"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ArtifactError(f"{name} is not a text of at most {_MAX_CODE} bytes")
