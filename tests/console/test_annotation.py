"""A labelling job: which rows it has and in which order; what it writes, the intake itself accepts, and only once."""

from __future__ import annotations

import json
from typing import Any

import pytest
import uvicorn

from cli.app import main
from cli.commands import annotate
from cli.errors import CliError
from console import given_labels
from console.reading import annotation
from console.source import Source
from sluice import names
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.datasets.late_labels import late_labels
from sluice.errors import InputError
from sluice.steps.validate_dataset import validate_dataset
from testing.release_world import CONTRACT, PROJECT
from tests.console.stub import StubStack
from tests.console.test_actions import posted
from tests.unit.steps.captures import lay
from tests.unit.steps.label_files import send_labels
from tests.unit.steps.test_watch_steps import watched

ROW = {"id": "k", "pages": 3}
NUMBERS: dict[str, Any] = {
    **CONTRACT,
    "problem": {"type": "regression", "target": "price", "metric": "rmse"},
    "data": {
        "key": ["id"],
        "format": {"decimal": ",", "thousands": "."},
        "columns": {"id": {"type": "text"}, "pages": {"type": "number"}, "price": {"type": "number"}},
    },
    "gates": [{"metric": "rmse", "max": 9}],
    "monitor": {},
}


def world_with(content: dict[str, Any] = CONTRACT) -> World:
    world = watched()
    world.ledger.save_contract(PROJECT, Contract.model_validate(content).model_dump(mode="json"), "v2")
    return world


def answered(world: World, name: str, probability: float, rows: int = 1, variant: str = "v-r1", **more: Any) -> None:
    content = [{**ROW, "id": f"{name}{i}"} for i in range(rows)]
    lay(world, variant, content, prefix=name, probability=probability, **more)


def job_of(world: World, **asked: str) -> dict[str, Any]:
    return annotation.read(Source(StubStack(world)), PROJECT, asked)


def written(world: World, job: dict[str, Any], labels: list[list[str]], **more: Any) -> Any:
    return given_labels.write(Source(StubStack(world)), PROJECT, {"job": job["job"], "labels": labels, **more})


def judged(world: World, sent: dict[str, Any]) -> dict[str, Any]:
    size = len(world.objects.read(sent["key"]))
    record: dict[str, Any] = world.call(
        validate_dataset, world.objects.bucket, sent["key"], world.objects.version(sent["key"]), size
    )
    return record


def test_rows_come_with_those_first_that_the_model_is_least_sure_of():
    world = world_with()
    for name, probability in (("a", 0.95), ("b", 0.52), ("c", 0.1), ("d", 0.4)):
        answered(world, name, probability)
    job = job_of(world)
    assert [row["id"] for row in job["rows"]] == ["b0", "d0", "c0", "a0"]
    assert (job["kind"], job["choices"], job["column"], job["order"]) == (
        *("choice", ["true", "false"], "bought"),
        "least sure first",
    )
    assert job["rows"][0]["values"] == [["id", "b0"], ["pages", "3"]]


def test_which_rows_are_in_a_job_does_not_depend_on_how_sure_the_model_is():
    """Else quality that is measured on their labels would be that of the least sure rows."""
    world = world_with()
    answered(world, "sure", 0.99, 60)
    answered(world, "not", 0.5, 60)
    job = job_of(world, rows="40")
    unsure = sum(row["sureness"] == 0.5 for row in job["rows"])
    assert 10 <= unsure <= 30
    assert [row["sureness"] for row in job["rows"]] == sorted(row["sureness"] for row in job["rows"])
    assert job["left_out"] == {"not drawn: the job has as many rows as were asked for": 80}
    # the same job for the same address, whatever was answered since
    answered(world, "later", 0.5, 60, at=world.clock.now().replace(minute=59))
    again = job_of(world, rows="40", until=job["until"])
    assert [row["id"] for row in again["rows"]] == [row["id"] for row in job["rows"]]
    assert again["job"] == job["job"]


def test_what_is_left_out_is_counted_by_its_reason():
    world = world_with()
    answered(world, "good", 0.6, 2)
    answered(world, "known", 0.6, 2)
    answered(world, "other", 0.6, variant="v-r9")
    answered(world, names.REPLAYED, 0.6)
    answered(world, "refused", 0.6, answer={"error": "no"})
    answered(world, "old", 0.6, at=world.clock.now().replace(month=1))
    world.objects.write(f"capture/shop/sluice-shop/v-r1/{world.clock.now():%Y/%m/%d/%H}/bad.jsonl", b"no json\n")
    send_labels(world, "known.csv", "id,bought\nknown0,true\n")
    send_labels(world, "by-id.csv", "inference_id,bought\nknown1,true\n")
    job = job_of(world)
    assert {row["id"] for row in job["rows"]} == {"good0", "good1"}
    assert job["left_out"] == {
        "labelled already": 2,
        "answered by another model than the one that serves": 1,
        "requests of Sluice itself": 1,
        "requests that the model refused": 1,
        "lines of captures that cannot be read": 1,
    }


def test_the_labels_are_accepted_by_the_intake_and_not_asked_for_again():
    world = world_with()
    answered(world, "a", 0.6, 3)
    job = job_of(world)
    sent = written(world, job, [["a0", "true"], ["a1", "false"]], skipped=1, open=0)
    assert sent["told"] == f"2 labels written to {sent['key']}; rows skipped: 1, left open: 0"
    record = judged(world, sent)
    assert (record["status"], record["labels"], record["quarantined_rows"]) == ("accepted", 2, 0)
    contract = Contract.model_validate(CONTRACT)
    assert world.call(late_labels, contract).labels == {("a0",): True, ("a1",): False}
    assert [row["id"] for row in job_of(world)["rows"]] == ["a2"]


def test_a_number_stays_what_was_typed_whatever_the_contract_s_number_format_is():
    world = world_with(NUMBERS)
    answered(world, "a", 0.6, 2, answer={"predictions": [{"prediction": 12.5}]})
    job = job_of(world)
    assert (job["kind"], job["order"], job["rows"][0]["sureness"]) == ("number", "random", None)
    record = judged(world, written(world, job, [["a0", "1234.5"], ["a1", "-0.25"]]))
    assert (record["status"], record["labels"]) == ("accepted", 2)
    assert world.call(late_labels, Contract.model_validate(NUMBERS)).labels == {("a0",): 1234.5, ("a1",): -0.25}


def test_the_labels_of_a_job_are_written_once():
    world = world_with()
    answered(world, "a", 0.6, 2)
    job = job_of(world)
    sent = written(world, job, [["a0", "true"]])
    before = world.objects.read(sent["key"])
    with pytest.raises(CliError, match="already"):
        written(world, job, [["a0", "false"], ["a1", "true"]])
    assert world.objects.read(sent["key"]) == before


@pytest.mark.parametrize(
    "labels",
    [
        [["a0", "maybe"]],
        [["a0", ""]],
        [["a0", "true"], ["a0", "false"]],
        [["", "true"]],
        [["x" * 300, "true"]],
        [],
        [["a0"]],
        [["a0", True]],
        "a0",
        [[str(i), "true"] for i in range(annotation.MAX_ROWS + 1)],
    ],
)
def test_what_is_not_a_label_is_refused_and_nothing_is_written(labels: Any):
    world = world_with()
    answered(world, "a", 0.6)
    with pytest.raises(InputError):
        written(world, job_of(world), labels)
    assert world.objects.list("labels/") == []


@pytest.mark.parametrize("job", [None, 5, "../../raw/shop/x", "ABCDEF012345"])
def test_a_job_names_no_place_of_its_own(job: Any):
    with pytest.raises(InputError):
        written(world_with(), {"job": job}, [["a0", "true"]])


def test_all_labels_of_the_largest_job_go_through_the_server():
    stack = StubStack(world_with())
    labels = [["i" * 64 + f"-{i}", "false"] for i in range(annotation.MAX_ROWS)]
    body = json.dumps({"job": "0123456789ab", "labels": labels, "skipped": 0, "open": 0}).encode()
    code, told = posted(Source(stack), "/api/projects/shop/labels", body)
    assert (code, told["key"]) == (200, "labels/shop/annotated-0123456789ab.jsonl")
    assert posted(Source(stack), "/api/projects/shop/labels", body, read_only=True)[0] == 409


@pytest.mark.parametrize("asked", [{"rows": "0"}, {"rows": "301"}, {"days": "x"}, {"until": "2026"}, {"until": "x"}])
def test_a_damaged_address_is_said_so(asked: dict[str, str]):
    with pytest.raises(InputError):
        job_of(world_with(), **asked)


def test_without_a_target_there_is_nothing_to_label():
    content = {**CONTRACT, "problem": {"type": "clustering", "metric": "silhouette"}, "gates": [], "monitor": {}}
    with pytest.raises(CliError, match="nothing that a label"):
        job_of(world_with(content))


def test_the_command_prints_the_address_of_its_job(monkeypatch: pytest.MonkeyPatch, capsys: Any):
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: [each.close() for each in sockets])
    assert main(["annotate", "shop", "--rows", "12", "--json"], lambda _: StubStack(world_with())) == 0
    document = json.loads(capsys.readouterr().out)
    assert annotate.JSON.mistakes(document) == []
    assert document["address"].startswith("http://127.0.0.1:")
    assert "/projects/shop/annotate?rows=12&days=7&until=" in document["address"]
    assert main(["annotate", "other"], lambda _: StubStack(world_with())) == 1
    empty = world_with()
    empty.ledger.champion = lambda project: None  # type: ignore[attr-defined]
    assert main(["annotate", "shop"], lambda _: StubStack(empty)) == 1
    assert "serves yet" in capsys.readouterr().err
