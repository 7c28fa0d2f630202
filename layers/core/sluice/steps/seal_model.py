"""Signing: the candidate's archive is checked completely, copied to where nothing else may write, and signed.

It comes right after training and before evaluation, so that what the gates judge is what was signed.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from sluice import keys
from sluice.errors import ArtifactError
from sluice.model import opening
from sluice.model.errors import ArtifactError as UnsafeArchive
from sluice.model.manifest import sha256
from sluice.ports import Json, ObjectStore, Signer
from sluice.records.boundary import json_boundary
from sluice.records.training_plan import ChampionModel
from sluice.release import seals
from sluice.release.seals import Seal
from sluice.serving.sealed_models import downloaded, verified


@json_boundary
def seal_model(
    project: str,
    run_id: str,
    artifact_uri: str,
    training_job: str,
    champion: ChampionModel | None = None,
    anchor: ChampionModel | None = None,
    *,
    objects: ObjectStore,
    signer: Signer,
) -> Json:
    """`{"artifact_uri", "artifact_sha256"}` of the sealed copy; asked again, it answers the seal that there is.

    `champion` and `anchor` (`{"run_id", "artifact_uri"}`) are what the candidate will be compared with: their seals
    are verified too.
    Raises ArtifactError for an archive that is not that of a model of this run.
    """
    for rival in (champion, anchor):
        if rival:
            verified(project, rival.run_id, rival.artifact_uri, objects=objects, signer=signer)
    sealed = keys.sealed(project, run_id, "model.tar.gz")
    signature = keys.sealed(project, run_id, "signature.json")
    if objects.exists(signature):
        seal = verified(project, run_id, objects.uri(sealed), objects=objects, signer=signer)
        if (seal.source, seal.training_job) != (artifact_uri, training_job):
            raise ArtifactError(f"{run_id} was already signed with {seal.source} of {seal.training_job}: train again")
        return {"artifact_uri": seal.archive, "artifact_sha256": seal.artifact_sha256}
    with tempfile.TemporaryDirectory() as scratch:
        # what is uploaded is the file that was checked: the original may be replaced meanwhile
        path = downloaded(artifact_uri, Path(scratch), objects=objects)
        try:
            checked = opening.opened(path, Path(scratch) / "model")
        except UnsafeArchive as error:
            raise ArtifactError(f"{artifact_uri} is not the archive of a model: {error}; train again") from None
        if checked.model.get("run_id") != run_id:
            raise ArtifactError(f"{artifact_uri} is a model of run {checked.model.get('run_id')!r}, not of {run_id}")
        objects.upload(path, sealed, "application/gzip")
        seal = Seal(
            project=project,
            run_id=run_id,
            training_job=training_job,
            source=artifact_uri,
            archive=objects.uri(sealed),
            version_id=objects.version(sealed) or "null",
            archive_sha256=sha256(path),
            artifact_sha256=checked.sha256,
        )
    content = seals.document(seal, signer.key, signer.sign(seal.statement()))
    objects.write(signature, json.dumps(content, indent=1).encode(), "application/json")
    return {"artifact_uri": seal.archive, "artifact_sha256": seal.artifact_sha256}
