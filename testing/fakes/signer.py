"""A signing key in memory. One secret signs and verifies: who may do which is IAM's business, tested elsewhere."""

from __future__ import annotations

import hashlib
import hmac


class FakeSigner:
    def __init__(self, key: str = "arn:aws:kms:us-east-1:123456789012:key/signing", secret: bytes = b"secret") -> None:
        self.key = key
        self._secret = secret

    def sign(self, message: bytes) -> bytes:
        return hmac.digest(self._secret, message, hashlib.sha256)

    def verify(self, message: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(self.sign(message), signature)
