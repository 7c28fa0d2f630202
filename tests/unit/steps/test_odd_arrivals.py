"""Arrivals that are no ordinary file: too large, given up, markers, gone, the same again."""

from __future__ import annotations

import errno
import gzip
from dataclasses import replace
from typing import Any

import pytest

from sluice import names
from sluice.bootstrap import World
from sluice.datasets.dead_letters import TRIES
from sluice.datasets.late_labels import late_labels
from sluice.steps import validate_dataset as step
from sluice.steps.plan_batch import plan_batch
from sluice.steps.validate_dataset import LEASE, validate_dataset
from sluice.store.run_records import project_contract
from testing.fakes import SETTINGS, Crash, failing
from tests.unit.steps.intake_world import GOOD, MIXED, arrive, put, shop
from tests.unit.steps.label_files import send_labels
from tests.unit.steps.test_watch_steps import watched

DEAD = "arn:aws:sqs:us-east-1:123456789012:sluice-IntakeDeadLetterQueue"


def small(at: World) -> World:
    """A function with 1 MB of disk: a fifth of it may be one file. No machine judges a larger one in parts."""
    return replace(at, settings=replace(SETTINGS, scratch_mb="1", memory_mb="64", dead_arrivals_arn=DEAD, parts_arn=""))


def failed(at: World, record: dict[str, Any], *told: str) -> None:
    alert = at.alerts.published[-1]
    assert (record["status"], alert.kind) == ("failed", "Dataset Failed")
    for text in told:
        assert text in record["message"]
        assert text in alert.message
    assert record["key"] in alert.message
    assert at.ledger.arrival("data", record["key"], record["version_id"]) == record
    assert at.ledger.datasets("shop") == []


def test_a_large_object_is_refused_before_it_is_downloaded() -> None:
    at = small(shop())
    version = put(at, "raw/shop/x.csv", GOOD)
    at.objects.versions["raw/shop/x.csv"].clear()  # a download would fail
    record = at.call(validate_dataset, "data", "raw/shop/x.csv", version, size=61_000_000)
    failed(at, record, "61.0 MB", "0.2 MB", "Split it")
    assert record["error"] == "FileTooLargeError"


def test_gzip_that_unpacks_to_too_much_is_refused() -> None:
    at = small(shop())
    failed(at, arrive(at, gzip.compress(GOOD + b"d,1,ads,yes\n" * 50_000))[1], "of gzip", "0.2 MB", "Split it")


@pytest.mark.parametrize(
    ("error", "told"),
    [(OSError(errno.ENOSPC, "No space left on device"), "temporary disk was full"), (MemoryError(), "memory was full")],
)
def test_a_full_disk_or_memory_is_an_outcome(error: Exception, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(step, "validate_file", full)
    at = small(shop())
    failed(at, arrive(at, GOOD)[1], told, "Split it")


def test_another_error_of_the_system_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EIO, "I/O error")

    monkeypatch.setattr(step, "validate_file", broken)
    with pytest.raises(OSError, match="I/O"):
        arrive(shop(), GOOD)


def test_a_file_that_takes_too_long_is_an_outcome() -> None:
    at = small(shop())
    version = put(at, "raw/shop/x.csv", GOOD)
    failed(at, at.call(validate_dataset, "data", "raw/shop/x.csv", version, 1, seconds=-1), "could not be read within")


def test_a_dead_letter_is_recorded_and_names_the_file() -> None:
    at = small(shop())
    version = put(at, "raw/shop/x.csv", GOOD)
    record = at.call(validate_dataset, "data", "raw/shop/x.csv", version, 61_000, queue_arn=DEAD)
    failed(at, record, "3 attempts", "0.1 MB", "Drop it again")
    assert record["error"] == "GivenUpError"
    assert at.call(validate_dataset, "data", "raw/shop/x.csv", version, 61_000, queue_arn=DEAD) == record
    assert at.alerts.kinds.count("Dataset Failed") == 1


def test_a_dead_letter_of_a_file_that_was_handled_meanwhile_changes_nothing() -> None:
    at = small(shop())
    version, record = arrive(at, GOOD, "raw/shop/x.csv")
    told = list(at.alerts.kinds)
    assert at.call(validate_dataset, "data", "raw/shop/x.csv", version, 61, queue_arn=DEAD) == record
    assert at.alerts.kinds == told


@pytest.mark.parametrize("queue", [DEAD, ""])
@pytest.mark.parametrize("then", ["nothing", "the file is deleted", "the contract refuses it"])
def test_what_the_ledger_lists_is_accepted_whatever_comes_then(queue: str, then: str) -> None:
    """Three functions that die after the dataset was added, in each place: the dead letter does the rest."""
    whole = small(shop())
    _, expected = arrive(whole, MIXED, "raw/shop/x.csv")
    places = 0
    for at_call in range(1, 30):
        at = small(shop())
        version = put(at, "raw/shop/x.csv", MIXED)
        died = failing(at, at_call)
        try:
            died.call(validate_dataset, "data", "raw/shop/x.csv", version, 61)
            break
        except Crash:
            pass
        if not at.ledger.datasets("shop"):
            continue
        places += 1
        at.clock.advance(LEASE.total_seconds() + 1)
        if then == "the file is deleted":
            at.objects.remove("raw/shop/x.csv")
        if then == "the contract refuses it":
            at.ledger.save_contract("shop", {"project": "shop", "problem": {"type": "nonsense"}}, "v9")
        record = at.call(validate_dataset, "data", "raw/shop/x.csv", version, 61, queue_arn=queue)
        assert record == expected
        assert {"Dataset Accepted", "Dataset Quarantined"} <= set(at.alerts.kinds)
        assert "Dataset Failed" not in at.alerts.kinds
        assert ("Dataset Accepted", at.events.put_events[-1][1]) == whole.events.put_events[-1]
        assert len(at.ledger.datasets("shop")) == 1
    assert places >= 4


def test_a_dataset_that_an_older_version_listed_keeps_its_counts() -> None:
    at = small(shop())
    version = put(at, "raw/shop/x.csv", GOOD)
    dataset = names.dataset_id("data", "raw/shop/x.csv", version)
    at.ledger.add_dataset("shop", dataset, at.clock.now(), {"rows": 3, "quarantined_rows": 0, "key": "raw/shop/x.csv"})
    record = at.call(validate_dataset, "data", "raw/shop/x.csv", version, 61, queue_arn=DEAD)
    assert (record["status"], record["rows"], record["reasons"]) == ("accepted", 3, [])


def test_an_upload_never_reads_all_datasets_of_its_project(monkeypatch: pytest.MonkeyPatch) -> None:
    at = shop()
    monkeypatch.setattr(type(at.ledger), "datasets", lambda *_: pytest.fail("the work would grow with the square"))
    _, first = arrive(at, GOOD, "raw/shop/a.csv")
    _, second = arrive(at, GOOD, "raw/shop/b.csv")
    assert second["notes"]["same_content_as"]["dataset_id"] == first["dataset_id"]


def test_the_queues_own_tries_are_those_that_are_told() -> None:
    from proofs.project import Project

    redrive = Project.load().source["Resources"]["IntakeQueue"]["Properties"]["RedrivePolicy"]
    assert redrive["maxReceiveCount"] == TRIES


def test_markers_are_ignored_and_counted_once() -> None:
    at = shop()
    told = list(at.alerts.kinds)
    for key in ("raw/shop/out/_SUCCESS", "raw/shop/out/._SUCCESS.crc", "raw/shop/.DS_Store", "raw/shop/"):
        version, record = arrive(at, b"", key)
        assert record["status"] == "ignored"
        assert at.ledger.arrival("data", key, version) == record
        at.call(validate_dataset, "data", key, version, 0)
    arrive(at, b"", "raw/shop/.DS_Store")
    assert len(at.ledger.ignored("shop")) == 4
    assert ("raw/shop/.DS_Store", "a file of a desktop") in {
        (record["key"], record["what"]) for record in at.ledger.ignored("shop")
    }
    assert at.alerts.kinds == told
    assert arrive(at, GOOD, "raw/shop/out/part-0.csv")[1]["status"] == "accepted"


def test_an_object_that_is_gone_is_not_learned_from() -> None:
    at = shop()
    version = put(at, "raw/shop/x.csv", GOOD)
    at.objects.remove("raw/shop/x.csv")
    record = at.call(validate_dataset, "data", "raw/shop/x.csv", version, len(GOOD))
    assert record["status"] == "gone"
    assert at.alerts.kinds[-1] == "Dataset Gone"
    assert "raw/shop/x.csv" in at.alerts.published[-1].message
    assert at.ledger.arrival("data", "raw/shop/x.csv", version) == record
    assert at.ledger.datasets("shop") == []


def test_a_version_that_is_gone_is_not_learned_from_though_a_newer_one_is_there() -> None:
    at = shop()
    first = put(at, "raw/shop/x.csv", GOOD)
    put(at, "raw/shop/x.csv", GOOD)
    del at.objects.versions["raw/shop/x.csv"][0]
    assert at.call(validate_dataset, "data", "raw/shop/x.csv", first, 1)["status"] == "gone"


def test_a_rename_before_handling_makes_one_dataset() -> None:
    at = shop()
    old, new = "raw/shop/draft.csv", "raw/shop/final.csv"
    first = put(at, old, GOOD)
    second = put(at, new, GOOD)
    at.objects.remove(old)
    records = [at.call(validate_dataset, "data", key, version, 1) for key, version in ((old, first), (new, second))]
    assert [record["status"] for record in records] == ["gone", "accepted"]
    assert "same_content_as" not in records[1]["notes"]


def test_the_same_content_again_is_told() -> None:
    at = shop()
    _, first = arrive(at, GOOD, "raw/shop/a.csv")
    _, second = arrive(at, GOOD, "raw/shop/b.csv")
    assert second["status"] == "accepted"
    assert second["notes"]["same_content_as"] == {"dataset_id": first["dataset_id"], "key": "raw/shop/a.csv"}
    message = next(a.message for a in reversed(at.alerts.published) if a.kind == "Dataset Accepted")
    assert "raw/shop/a.csv" in message
    assert f"sluice withdraw shop {second['dataset_id']}" in message


def test_batch_ignores_markers() -> None:
    at = shop()
    assert at.call(plan_batch, "batch/shop/out/_SUCCESS", "v1", 0)["decision"] == "ignored"
    assert at.ledger.arrival("data", "batch/shop/out/_SUCCESS", "v1")["status"] == "ignored"
    assert [record["what"] for record in at.ledger.ignored("shop")] == ["a marker of Spark or Hadoop"]
    assert "Batch Failed" not in at.alerts.kinds


@pytest.mark.parametrize("whole", [True, False])
def test_batch_does_not_score_what_is_gone(whole: bool) -> None:
    world = watched()
    version = put(world, "batch/shop/a.csv", b"pages\n1\n")
    put(world, "batch/shop/a.csv", b"pages\n2\n")
    if whole:
        world.objects.remove("batch/shop/a.csv")
    else:
        del world.objects.versions["batch/shop/a.csv"][0]
    assert world.call(plan_batch, "batch/shop/a.csv", version)["decision"] == "refused"
    assert world.ledger.arrival("data", "batch/shop/a.csv", version)["status"] == "gone"
    assert "deleted before it could be scored" in world.alerts.published[-1].message
    assert not world.executions.started


def test_labels_beside_markers_are_read_and_the_markers_counted() -> None:
    world = watched()
    contract = world.call(project_contract, "shop")
    send_labels(world, "a.csv", "inference_id,bought\n1,yes\n")
    before = world.call(late_labels, contract)
    assert before.labels == {("1",): True}
    send_labels(world, "._a.csv", "inference_id,bought\n2,yes\n")
    send_labels(world, "_SUCCESS", "")
    assert world.call(late_labels, contract) == before
    assert {record["key"] for record in world.ledger.ignored("shop")} == {"labels/shop/._a.csv", "labels/shop/_SUCCESS"}
