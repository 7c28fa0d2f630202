"""What every step does that lets a model act: is the archive the one that was sealed, bit for bit?"""

from __future__ import annotations

import tempfile
from pathlib import Path

from sluice import keys
from sluice.errors import ArtifactError, NotFoundError
from sluice.model.archive import LIMITS
from sluice.model.manifest import sha256
from sluice.ports import Champion, Json, ObjectStore, Signer
from sluice.release import seals
from sluice.release.seals import Seal
from sluice.store.run_records import key_of


def verified(project: str, run_id: str, artifact_uri: str, *, objects: ObjectStore, signer: Signer) -> Seal:
    """The seal of the run's model, when its signature is the stack's and the archive has the bytes that it names.

    Raises ArtifactError saying which object, what was expected and found, and what to do.
    """
    with tempfile.TemporaryDirectory() as scratch:
        return verified_archive(project, run_id, artifact_uri, Path(scratch), objects=objects, signer=signer)[0]


def verified_archive(
    project: str, run_id: str, artifact_uri: str, folder: Path, *, objects: ObjectStore, signer: Signer
) -> tuple[Seal, Path]:
    """As `verified`; the archive is in `folder` afterwards."""
    where = keys.sealed(project, run_id, "signature.json")
    try:
        body = objects.read(where)
    except NotFoundError:
        raise ArtifactError(
            f"{objects.uri(where)} is missing: the model of {run_id} was never signed, or its signature was "
            "deleted. Restore the signature's last version, or train again"
        ) from None
    seal, key, signature = seals.read(body, objects.uri(where))
    if key != signer.key:
        raise ArtifactError(
            f"{objects.uri(where)} is signed with {key}, not with this stack's key {signer.key}: "
            f"another key signed the model. Train again"
        )
    if not signer.verify(seal.statement(), signature):
        raise ArtifactError(
            f"{objects.uri(where)}: the signature does not match its statement. It was changed after signing: "
            "restore its first version, or train again"
        )
    for name, expected, found in (
        ("project", project, seal.project),
        ("run", run_id, seal.run_id),
        ("archive", artifact_uri, seal.archive),
    ):
        if expected != found:
            raise ArtifactError(
                f"{objects.uri(where)} is the signature of another model: {name} {found}, expected {expected}. "
                "Restore its first version, or train again"
            )
    archive = downloaded(artifact_uri, folder, objects=objects)
    seal.matches(sha256(archive))
    return seal, archive


def verified_champion(project: str, champion: Champion | Json, *, objects: ObjectStore, signer: Signer) -> Seal:
    """`champion` is the serving one, or the record of its predecessor. Raises ArtifactError."""
    run_id, uri = champion_archive(champion)
    return verified(project, run_id, uri, objects=objects, signer=signer)


def champion_archive(champion: Champion | Json) -> tuple[str, str]:
    """Its run, and where its archive is. Raises ArtifactError where the record does not say it."""
    run_id, metrics = (
        (champion.run_id, champion.metrics)
        if isinstance(champion, Champion)
        else (champion["run_id"], champion.get("metrics") or {})
    )
    uri = metrics.get("artifact_uri")
    if not uri:
        raise ArtifactError(f"the record of champion {run_id} does not say where its model is; train again")
    return str(run_id), str(uri)


def downloaded(uri: str, folder: Path, *, objects: ObjectStore) -> Path:
    """The archive as a file in `folder`. Raises ArtifactError for one that is absent or too large to be a model's."""
    key = key_of(uri, objects=objects)
    size = next((found.size for found in objects.list(key) if found.key == key), None)
    if size is None:
        raise ArtifactError(f"{uri} is missing: restore its last version, or train again")
    if size > LIMITS.archive:
        raise ArtifactError(f"{uri} has {size} bytes, more than the {LIMITS.archive} that a model's archive may have")
    path = folder / "model.tar.gz"
    objects.download(key, path)
    return path
