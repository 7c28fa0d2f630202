"""Signatures: the fake and KMS agree on what verifies."""

from __future__ import annotations

from dataclasses import replace

import boto3
import pytest

from sluice.bootstrap import World, assemble
from sluice.ports import Signer
from testing.fakes import SETTINGS, FakeSigner


def kms_signer() -> Signer:
    made = boto3.client("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    return assemble(replace(SETTINGS, signing_key=made["KeyMetadata"]["Arn"])).signer


@pytest.fixture(params=["fake", "aws"])
def signers(request: pytest.FixtureRequest) -> tuple[Signer, Signer]:
    if request.param == "fake":
        return FakeSigner(), FakeSigner("arn:other", b"other")
    aws: World = request.getfixturevalue("aws")
    assert aws
    return kms_signer(), kms_signer()


@pytest.mark.parametrize("message", [b"", b"statement", b"x" * 10_000], ids=["empty", "short", "beyond 4 KiB"])
def test_a_signature_verifies_its_message_and_no_other(signers: tuple[Signer, Signer], message: bytes) -> None:
    signer, other = signers
    assert signer.key != other.key
    signature = signer.sign(message)
    assert signer.verify(message, signature)
    assert not signer.verify(message + b"!", signature)
    assert not other.verify(message, signature)
    assert not signer.verify(message, signature[:-1] + bytes([signature[-1] ^ 1]))
