"""The seal from training to serving: whatever is changed in between is refused by name, and nothing is registered."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.errors import ArtifactError
from sluice.steps.complete_release import complete_release
from sluice.steps.finish_run import finish_run
from sluice.steps.plan_batch import plan_batch
from sluice.steps.plan_release import plan_release
from sluice.steps.plan_rollback import plan_rollback
from sluice.steps.register_model import register_model
from sluice.steps.seal_model import seal_model
from testing.fakes import FakeSigner
from testing.release_world import JOB, NEW, OLD, PROJECT, TRAINED, URI, artifact, build

ARCHIVE = keys.sealed(PROJECT, NEW, "model.tar.gz")
SIGNATURE = keys.sealed(PROJECT, NEW, "signature.json")


def flip(world: World) -> None:
    body = bytearray(world.objects.read(ARCHIVE))
    body[len(body) // 2] ^= 1
    world.objects.write(ARCHIVE, bytes(body))


def swap(world: World) -> None:
    world.objects.write(ARCHIVE, world.objects.read(keys.sealed(PROJECT, OLD, "model.tar.gz")))


def swap_with_its_signature(world: World) -> None:
    swap(world)
    world.objects.write(SIGNATURE, world.objects.read(keys.sealed(PROJECT, OLD, "signature.json")))


def edit_the_seal(world: World) -> None:
    swap(world)
    mine = json.loads(world.objects.read(SIGNATURE))
    theirs = json.loads(world.objects.read(keys.sealed(PROJECT, OLD, "signature.json")))
    mine["seal"]["archive_sha256"] = theirs["seal"]["archive_sha256"]
    world.objects.write(SIGNATURE, json.dumps(mine).encode())


def another_key(world: World) -> None:
    for key in (ARCHIVE, SIGNATURE):
        world.objects.remove(key)
    world.objects.write(keys.run(PROJECT, NEW, "training", "model.tar.gz"), artifact()[0])
    replace(world, signer=FakeSigner("arn:thief", b"other")).call(seal_model, PROJECT, NEW, TRAINED, JOB)


def another_key_of_the_same_name(world: World) -> None:
    for key in (ARCHIVE, SIGNATURE):
        world.objects.remove(key)
    replace(world, signer=FakeSigner(secret=b"other")).call(seal_model, PROJECT, NEW, TRAINED, JOB)


TAMPERING: list[tuple[Callable[[World], None], str]] = [
    (flip, "is not what was signed: its SHA-256 is"),
    (swap, "restore its version v"),
    (swap_with_its_signature, "is the signature of another model: run r1, expected r2"),
    (edit_the_seal, "the signature does not match its statement"),
    (another_key, "signed with arn:thief, not with this stack's key"),
    (another_key_of_the_same_name, "the signature does not match its statement"),
    (lambda world: world.objects.remove(SIGNATURE), "never signed, or its signature was deleted"),
    (lambda world: world.objects.remove(ARCHIVE), f"{URI} is missing"),
    (lambda world: world.objects.write(SIGNATURE, b"[]"), "is not a signature"),
    (lambda world: world.objects.write(SIGNATURE, b'{"format": 1}'), "is not a signature"),
]
NAMES = [each.__name__.strip("<>") for each, _ in TAMPERING]


@pytest.mark.parametrize(("tamper", "message"), TAMPERING, ids=NAMES)
def test_what_was_changed_after_sealing_is_not_registered(tamper: Callable[[World], None], message: str) -> None:
    world = build()
    tamper(world)
    with pytest.raises(ArtifactError, match=r"s3://data/models/shop/r2/") as raised:
        world.call(register_model, PROJECT, NEW, URI)
    assert message in str(raised.value)
    assert world.registry.packages == {}


@pytest.mark.parametrize(("tamper", "message"), TAMPERING, ids=NAMES)
def test_what_was_changed_after_registration_is_not_released(tamper: Callable[[World], None], message: str) -> None:
    world = build()
    arn = world.call(register_model, PROJECT, NEW, URI)["package_arn"]
    models, configs = dict(world.models.models), dict(world.models.configs)
    tamper(world)
    with pytest.raises(ArtifactError) as raised:
        world.call(plan_release, PROJECT, NEW, arn, URI)
    assert message in str(raised.value)
    assert (world.models.models, world.models.configs) == (models, configs)


def test_only_what_was_approved_is_released() -> None:
    world = build()
    arn = world.call(register_model, PROJECT, NEW, URI)["package_arn"]
    world.registry.packages[arn]["facts"]["archive_sha256"] = "0" * 64
    with pytest.raises(ArtifactError, match="was approved with the archive 0000"):
        world.call(plan_release, PROJECT, NEW, arn, URI)


def test_a_champion_that_was_changed_serves_nowhere_anew() -> None:
    world = build()
    arn = world.call(register_model, PROJECT, NEW, URI)["package_arn"]
    champion = {"run_id": OLD, "artifact_uri": f"s3://data/models/{PROJECT}/{OLD}/model.tar.gz"}
    world.call(seal_model, PROJECT, NEW, TRAINED, JOB, champion)
    world.call(plan_release, PROJECT, NEW, arn, URI)
    world.objects.write(keys.sealed(PROJECT, OLD, "model.tar.gz"), b"other bytes")
    with pytest.raises(ArtifactError, match="not what was signed"):
        world.call(seal_model, PROJECT, NEW, TRAINED, JOB, champion)
    with pytest.raises(ArtifactError, match="not what was signed"):
        world.call(plan_release, PROJECT, NEW, arn, URI)


def test_an_anchor_that_was_changed_is_compared_with_nobody() -> None:
    world = build()
    anchor = {"run_id": OLD, "artifact_uri": f"s3://data/models/{PROJECT}/{OLD}/model.tar.gz"}
    world.call(seal_model, PROJECT, NEW, TRAINED, JOB, anchor=anchor)
    world.objects.write(keys.sealed(PROJECT, OLD, "model.tar.gz"), b"other bytes")
    with pytest.raises(ArtifactError, match="not what was signed"):
        world.call(seal_model, PROJECT, NEW, TRAINED, JOB, anchor=anchor)


def test_a_changed_predecessor_is_not_rolled_back_to() -> None:
    world = build()
    arn = world.call(register_model, PROJECT, NEW, URI)["package_arn"]
    plan = world.call(plan_release, PROJECT, NEW, arn, URI)
    world.call(complete_release, PROJECT, NEW, "promoted", arn, URI, plan)
    world.call(finish_run, PROJECT, NEW, "promoted")
    assert world.call(plan_rollback, PROJECT, "errors", "back")["decision"] == "possible"
    world.objects.write(keys.sealed(PROJECT, OLD, "model.tar.gz"), b"other bytes")
    answer = world.call(plan_rollback, PROJECT, "errors", "back")
    assert answer["decision"] == "impossible"
    assert "its predecessor r1 cannot serve" in answer["reasons"][0]
    assert world.alerts.kinds[-1] == "Rollback Impossible"
    assert "restore its version" in world.alerts.published[-1].message


def test_a_changed_champion_scores_no_file() -> None:
    world = build()
    world.objects.write("batch/shop/a.csv", b"pages\n1\n")
    world.objects.write(keys.sealed(PROJECT, OLD, "model.tar.gz"), b"other bytes")
    answer = world.call(plan_batch, "batch/shop/a.csv", "v99")
    assert answer["decision"] == "refused"
    assert "is not what was signed" in answer["reasons"][0]
    assert world.alerts.kinds == ["Batch Failed"]


def test_restored_bytes_are_good_again_whatever_their_version() -> None:
    world = build()
    first = world.objects.read(ARCHIVE)
    flip(world)
    world.objects.write(ARCHIVE, first)
    assert world.call(register_model, PROJECT, NEW, URI)["decision"] == "automatic"


def test_sealing_twice_is_one_seal() -> None:
    world = build()
    before = world.objects.version(ARCHIVE), world.objects.version(SIGNATURE)
    answer = world.call(seal_model, PROJECT, NEW, TRAINED, JOB)
    assert answer == {"artifact_uri": URI, "artifact_sha256": artifact()[1]}
    assert (world.objects.version(ARCHIVE), world.objects.version(SIGNATURE)) == before


def test_a_sealed_run_is_not_sealed_again_with_another_model() -> None:
    world = build()
    with pytest.raises(ArtifactError, match="was already signed with"):
        world.call(seal_model, PROJECT, NEW, TRAINED, JOB + "-other")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (artifact(tamper=True)[0], r"model\.json was changed after training"),
        (artifact(run_id=OLD)[0], "is a model of run 'r1', not of r2"),
        (b"no archive", "not a readable archive"),
        (b"", "cut off or empty"),
    ],
    ids=["tampered", "of another run", "text", "empty"],
)
def test_what_is_no_model_of_the_run_is_never_signed(body: bytes, message: str) -> None:
    world = build()
    for key in (ARCHIVE, SIGNATURE):
        world.objects.remove(key)
    world.objects.write(keys.run(PROJECT, NEW, "training", "model.tar.gz"), body)
    with pytest.raises(ArtifactError, match=message) as raised:
        world.call(seal_model, PROJECT, NEW, TRAINED, JOB)
    assert TRAINED in str(raised.value)
    assert not world.objects.exists(ARCHIVE)
    assert not world.objects.exists(SIGNATURE)
