"""A file that one function cannot read ends as one that it can: the same rows, files, record, alerts, exactly once."""

from __future__ import annotations

import bz2
import gzip
import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.ports import Json
from sluice.steps.judge_parts import judge_parts
from sluice.steps.profile_dataset import profile_dataset
from sluice.steps.validate_dataset import validate_dataset
from testing.fakes import SETTINGS, Crash, failing
from tests.unit.steps.intake_world import CONTRACT, arrive, put, shop

KEY = "raw/shop/large.csv"
# of a function whose disk takes 0.2 MB files; parts of 4 KiB
SMALL = replace(SETTINGS, scratch_mb="1", memory_mb="64", part_mb="0.004", dead_arrivals_arn="dead")
ROWS = [
    f"r{number},{number % 7 - (number % 50 == 0)},{'ads' if number % 3 else 'email'},yes" for number in range(3_000)
]
LARGE = 300_000
BODY = ("id,pages,channel,bought\n" + "\n".join(ROWS) + "\n").encode()


def world(contract: Json | None = None) -> World:
    return replace(shop(contract), settings=SMALL)


def task(at: World, name: str, file: Json, **more: Any) -> Json:
    return at.call(judge_parts, task=name, file=file, **more)


def run(at: World, file: Json) -> Json:
    """What the state machine does; a part or a whole task that dies is tried again."""
    try:
        for number in range(task(at, "cut", file)["parts"]):
            task(at, "judge", file, part=number)
        return task(at, "join", file)
    except Exception as error:
        failure = {
            "state": "Cut File",
            "error": type(error).__name__,
            "cause": json.dumps({"errorMessage": str(error)}),
        }
        return task(at, "fail", file, failure=failure)


def handed_over(at: World) -> Json:
    """What the one execution was started with."""
    ((arn, file),) = at.executions.started.items()
    assert arn.endswith(file["dataset_id"])
    return file


def judged(at: World, body: bytes, key: str = KEY, size: int = LARGE) -> Json:
    """The terminal record of a file that is handed over; its event says that it has `size` bytes."""
    version = put(at, key, body)
    told = at.call(validate_dataset, "data", key, version, size)
    assert told["status"] == "in progress"
    run(at, handed_over(at))
    record = at.ledger.arrival("data", key, version)
    assert record is not None
    return record


def accepted(at: World, dataset: str) -> list[Json]:
    found = at.objects.list(keys.accepted("shop", dataset))
    return [row for each in found for row in pq.read_table(io.BytesIO(at.objects.read(each.key))).to_pylist()]


def counted(body: bytes) -> Json:
    """A profile without its quantiles, which depend on the batches, within the bound of their ranks."""
    profile: Json = json.loads(body, parse_float=lambda digits: round(float(digits), 6))
    for column in profile["columns"].values():
        if quantiles := column.pop("quantiles", None):
            assert sum(quantiles["counts"]) == column["count"]
    return profile


def same(parts: World, whole: World, one: Json, other: Json) -> None:
    """Both worlds have the same of the file, but for the number of parts."""
    kept = ("status", "rows", "quarantined_rows", "reasons", "format", "encoding", "contract_version", "key")
    assert {name: one[name] for name in kept} == {name: other[name] for name in kept}
    notes = dict(one["notes"])
    assert notes.pop("parts") > 1
    assert notes == other["notes"]
    assert accepted(parts, one["dataset_id"]) == accepted(whole, other["dataset_id"])
    for name in (keys.quarantined_rows, keys.profile):
        found = [at.objects.read(name("shop", each["dataset_id"])) for at, each in ((parts, one), (whole, other))]
        if name is keys.profile:
            found = [counted(each) for each in found]
        assert found[0] == found[1]


@pytest.mark.parametrize(
    "packed",
    [
        bytes,
        gzip.compress,
        bz2.compress,
        lambda body: body.decode().encode("utf-16"),
        lambda body: body.decode().encode("utf-8-sig"),
    ],
    ids=["plain", "gzip", "bzip2", "utf-16", "with a mark"],
)
def test_a_large_file_ends_as_a_small_one(packed: Callable[[bytes], bytes]) -> None:
    at, usual = world(), shop()
    body = packed(BODY)
    one = judged(at, body)
    _, other = arrive(usual, body, KEY)
    same(at, usual, one, other)
    assert [alert.kind for alert in at.alerts.published] == [alert.kind for alert in usual.alerts.published]
    assert f"judged in {one['notes']['parts']} parts" in at.alerts.published[-2].message
    assert at.events.put_events == usual.events.put_events
    assert len(at.ledger.dataset_records["shop"]) == 1


def test_json_lines_and_parquet_are_judged_in_parts() -> None:
    rows = [{"id": f"r{n}", "pages": n % 9, "channel": "ads", "bought": True} for n in range(12_000)]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink, row_group_size=1_000, compression="none", use_dictionary=False)
    for body in ("\n".join(map(json.dumps, rows)).encode(), sink.getvalue()):
        at, usual = world({**CONTRACT}), shop()
        one = judged(at, body, size=len(body))
        _, other = arrive(usual, body, KEY)
        assert accepted(at, one["dataset_id"]) == accepted(usual, other["dataset_id"])
        assert one["notes"].pop("parts") > 1
        assert one == other | {"notes": one["notes"]}


def test_a_file_without_a_header_has_the_columns_in_the_order_of_the_contract() -> None:
    contract = {**CONTRACT, "data": {**CONTRACT["data"], "file": {"header": 0}}}
    contract["data"]["expectations"] = {"max_invalid_rows": 0.5, "max_nulls": 0.1}
    body = BODY.partition(b"\n")[2]
    for changed in (body, body.replace(b",ads,", b",,").replace(b",1,", b",,").replace(b",2,", b",,")):
        at, usual = world(), shop()
        for each in (at, usual):
            # registering would sort the columns of this dictionary
            each.ledger.save_contract("shop", contract, "v9")
        one = judged(at, changed)
        _, other = arrive(usual, changed, KEY)
        assert one["status"] == other["status"] == ("accepted" if changed is body else "quarantined")
        assert (one.get("message"), one["reasons"]) == (other.get("message"), other["reasons"])
        if changed is body:
            same(at, usual, one, other)
            columns = [
                pq.read_table(io.BytesIO(w.objects.read(keys.accepted_part("shop", one["dataset_id"])))).column_names
                for w in (at, usual)
            ]
            assert columns[0] == columns[1]


def test_columns_in_the_key_count_for_every_part() -> None:
    key = "raw/shop/channel=email/large.csv"
    body = BODY.replace(b",ads,", b",email,")
    at, usual = world(), shop()
    one = judged(at, body, key)
    _, other = arrive(usual, body, key)
    same(at, usual, one, other)
    assert one["notes"]["key_columns"] == ["channel"]


def test_a_whole_file_that_the_contract_refuses_leaves_no_accepted_rows() -> None:
    body = BODY.replace(b",yes", b",maybe")
    at, usual = world(), shop()
    one = judged(at, body)
    _, other = arrive(usual, body, KEY)
    assert one["status"] == other["status"] == "quarantined"
    assert (one["message"], one["reasons"]) == (other["message"], other["reasons"])
    assert accepted(at, one["dataset_id"]) == []
    dataset = one["dataset_id"]
    rows = [at_.objects.read(keys.quarantined_rows("shop", dataset)) for at_ in (at, usual)]
    assert rows[0] == rows[1]
    pages = [at_.objects.read(keys.quarantine_report("shop", dataset)) for at_ in (at, usual)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (BODY + b"\xff\n", "UnreadableFileError"),
        (BODY.replace(b"channel,", b"chan,", 1), "HeaderMismatchError"),
        (gzip.compress(BODY)[:-20], "UnreadableFileError"),
        (b'[{"id": "a", "pages": 1}]', "FileTooLargeError"),
        (BODY[:-1] + b"\nid,pages,channel,bought,more\n1,2,3,4,5\n1,2,3,4,5\n", "UnreadableFileError"),
    ],
)
def test_a_file_that_cannot_be_read_fails_once_with_its_reason(body: bytes, kind: str) -> None:
    at = world()
    record = judged(at, body)
    assert (record["status"], record["error"]) == ("failed", kind)
    assert record["message"]
    assert [alert.kind for alert in at.alerts.published[1:]] == ["Dataset Failed"]
    assert at.ledger.dataset_records.get("shop", {}) == {}


def test_a_file_that_is_deleted_meanwhile_is_gone() -> None:
    at = world()
    version = put(at, KEY, BODY)
    at.call(validate_dataset, "data", KEY, version, LARGE)
    file = handed_over(at)
    at.objects.remove(KEY)
    run(at, file)
    record = at.ledger.arrival("data", KEY, version)
    assert record is not None
    assert record["status"] == "gone"


def test_a_failure_of_the_machine_is_recorded_and_told() -> None:
    at = world()
    version = put(at, KEY, BODY)
    at.call(validate_dataset, "data", KEY, version, LARGE)
    file = handed_over(at)
    failure = {"state": "Judge Parts", "error": "States.ExceedToleratedFailureThreshold", "cause": "too many"}
    assert task(at, "fail", file, failure=failure)["status"] == "failed"
    assert "Judge Parts: States.ExceedToleratedFailureThreshold: too many" in at.alerts.published[1].message
    # what comes later changes nothing
    assert task(at, "cut", file)["parts"] > 1
    assert task(at, "join", file)["status"] == "failed"
    assert len(at.alerts.published) == 2


def test_many_deliveries_start_one_execution_and_the_dead_letter_queue_records_nothing() -> None:
    at = world()
    version = put(at, KEY, BODY)
    for queue in ("", "", "dead"):
        told = at.call(validate_dataset, "data", KEY, version, LARGE, queue)
        assert told["status"] == "in progress"
        at.clock.advance(3_600)
    assert at.ledger.arrivals == {}
    run(at, handed_over(at))
    assert at.call(validate_dataset, "data", KEY, version, LARGE)["status"] == "accepted"


def test_joining_that_dies_anywhere_ends_once() -> None:
    at = world()
    version = put(at, KEY, BODY[:300] + BODY[300:].replace(b"yes", b"no"))
    at.call(validate_dataset, "data", KEY, version, LARGE)
    file = handed_over(at)
    parts = task(at, "cut", file)["parts"]
    for number in range(parts):
        task(at, "judge", file, part=number)
    calls = 0
    while True:
        calls += 1
        try:
            failing(at, calls).call(judge_parts, task="join", file=file)
            break
        except Crash:
            listed = at.ledger.dataset_records.get("shop", {})
            assert len(listed) <= 1
            if listed:
                # a failure that the machine records now is none
                assert task(at, "fail", file, failure={"state": "Join Parts", "error": "E", "cause": ""})["status"] == (
                    "accepted"
                )
                break
    record = at.ledger.arrival("data", KEY, version)
    assert record is not None
    assert record["status"] == "accepted"
    assert calls > parts


def test_too_little_time_hands_a_file_over_and_corrections_stay_in_one_pass() -> None:
    at = world()
    body = BODY[:50_000]
    version = put(at, KEY, body)
    assert at.call(validate_dataset, "data", KEY, version, len(body), seconds=-1)["status"] == "in progress"
    key = keys.correction("shop", "0123456789abcdef", "large.csv")
    version = put(at, key, BODY)
    assert at.call(validate_dataset, "data", key, version, LARGE)["error"] == "FileTooLargeError"


def test_a_profile_under_a_changed_contract_counts_every_part() -> None:
    at = world()
    record = judged(at, BODY)
    dataset = record["dataset_id"]
    counted = json.loads(at.objects.read(keys.profile("shop", dataset)))
    contract, _ = at.ledger.contract("shop")
    at.ledger.save_contract("shop", contract, "another")
    assert at.call(profile_dataset, "shop", dataset)["rows"] == counted["rows"] == record["rows"]
