"""The signing key: asymmetric, in KMS, so that what verifies cannot sign."""

from __future__ import annotations

import hashlib

from botocore.exceptions import ClientError

from sluice.aws.clients import Clients, code, required
from sluice.ports import Settings


class KmsSigner:
    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    @property
    def key(self) -> str:
        return required(self._settings, "signing_key")

    def sign(self, message: bytes) -> bytes:
        answer = self._clients("kms").sign(KeyId=self.key, **_digest(message))
        signature: bytes = answer["Signature"]
        return signature

    def verify(self, message: bytes, signature: bytes) -> bool:
        try:
            answer = self._clients("kms").verify(KeyId=self.key, Signature=signature, **_digest(message))
        except ClientError as error:
            if code(error) == "KMSInvalidSignatureException":
                return False
            raise
        return bool(answer["SignatureValid"])


def _digest(message: bytes) -> dict[str, object]:
    """KMS takes messages of up to 4 KiB; a digest is always 32 bytes."""
    digest = hashlib.sha256(message).digest()
    return {"Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
