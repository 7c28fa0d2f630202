"""What lies inside of a run's model archive, checked before it is read: model.json and its signature's statement."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from sluice import keys
from sluice.errors import ArtifactError, NotFoundError
from sluice.model.errors import ArtifactError as ArchiveError
from sluice.model.opening import opened
from sluice.ports import ObjectStore
from sluice.release import seals
from sluice.release.seals import Seal
from sluice.serving.sealed_models import downloaded


def model_json(project: str, run_id: str, *, objects: ObjectStore) -> dict[str, Any] | str:
    """model.json of the run's sealed archive, or why it cannot be read."""
    try:
        with tempfile.TemporaryDirectory() as scratch:
            archive = downloaded(
                objects.uri(keys.sealed(project, run_id, "model.tar.gz")), Path(scratch), objects=objects
            )
            return opened(archive, Path(scratch) / "model").model
    except (ArtifactError, ArchiveError) as error:
        return str(error)


def seal_of(project: str, run_id: str, *, objects: ObjectStore) -> Seal | None:
    """What was signed of the run's model, unverified; None where it was never signed, or the file is damaged."""
    key = keys.sealed(project, run_id, "signature.json")
    try:
        return seals.read(objects.read(key), objects.uri(key))[0]
    except (NotFoundError, ArtifactError):
        return None
