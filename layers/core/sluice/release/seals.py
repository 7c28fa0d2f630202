"""The seal of a released model's archive: what was signed, and whether it still is so. Pure; the key is elsewhere."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass, fields

from sluice.errors import ArtifactError
from sluice.ports import Json

ALGORITHM = "ECDSA_SHA_256"
_FORMAT = 1


@dataclass(frozen=True)
class Seal:
    """What the signing key vouches for. Each member is part of the signed statement."""

    project: str
    run_id: str
    training_job: str
    """ARN of the job that made the model."""
    source: str
    """Where that job left it: s3://…"""
    archive: str
    """The copy that is released: s3://…/models/…; nothing but the sealing function may write there."""
    version_id: str
    """The copy's version, for a later restore."""
    archive_sha256: str
    artifact_sha256: str

    def statement(self) -> bytes:
        """The signed bytes: JSON with sorted keys, so that the same seal is the same bytes."""
        return json.dumps({"format": _FORMAT, **asdict(self)}, sort_keys=True, separators=(",", ":")).encode()

    def matches(self, archive_sha256: str) -> None:
        """Raises ArtifactError when the archive has other bytes now."""
        if archive_sha256 != self.archive_sha256:
            raise ArtifactError(
                f"{self.archive} is not what was signed: its SHA-256 is {archive_sha256[:16]}…, the signed one "
                f"{self.archive_sha256[:16]}…. It was replaced: restore its version {self.version_id} and find out "
                f"who wrote the other one, or train again"
            )


def document(seal: Seal, key: str, signature: bytes) -> Json:
    """signature.json."""
    text = base64.b64encode(signature).decode()
    return {"format": _FORMAT, "seal": asdict(seal), "algorithm": ALGORITHM, "key": key, "signature": text}


def read(body: bytes, where: str) -> tuple[Seal, str, bytes]:
    """(seal, key, signature) of a signature.json; nothing in it is true before its signature is verified.

    Raises ArtifactError naming `where`.
    """
    names = {field.name for field in fields(Seal)}
    try:
        content = json.loads(body)
        members, key, algorithm = content["seal"], content["key"], content["algorithm"]
        if content["format"] != _FORMAT or algorithm != ALGORITHM:
            raise ValueError(f"format {content['format']!r}, algorithm {algorithm!r}")
        if set(members) != names or not all(isinstance(value, str) for value in [key, *members.values()]):
            raise ValueError("its members are not those of a seal")
        signature = base64.b64decode(content["signature"], validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error, RecursionError) as error:
        raise ArtifactError(f"{where} is not a signature: {error!r}; train again") from None
    return Seal(**members), key, signature
