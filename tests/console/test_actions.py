"""Actions: the command line's rules, a reason in the records, and nothing at all for a console that only shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cli.errors import CliError
from console import actions
from console.access import Access
from console.reading import data, monitor
from console.server import application
from console.source import Source
from sluice.errors import InputError
from sluice.ports import ENDPOINT
from tests.console import recorded
from tests.console.stub import StubStack

ACCESS = Access(8900, token="t", session="s")
PROMOTED = recorded.run_with("promoted")
PACKAGE = "arn:aws:sagemaker:eu-west-1:1:model-package/sluice-shop/9"


@pytest.fixture
def stack() -> StubStack:
    return recorded.stack()


@pytest.fixture
def source(stack: StubStack) -> Source:
    return Source(stack)


def waiting(stack: StubStack) -> str:
    """A run that waits for a decision about a package in the registry."""
    registry: Any = stack.world.registry
    arn = registry.register("sluice-shop", "s3://m", "image", {"run_id": "rwait"}, False)
    facts = {"trigger": "data", "status": "running", "approval": {"package_arn": arn, "token": "t"}}
    stack.world.ledger.start_run("shop", "rwait", stack.world.clock.now(), facts)
    return str(arn)


def posted(source: Source, path: str, body: bytes, kind: str = "application/json", read_only: bool = False) -> Any:
    """(status, answer) through the whole server."""
    app = application(source, ACCESS, read_only=read_only)
    path, _, query = path.partition("?")
    headers = {
        "host": "127.0.0.1:8900",
        "cookie": f"{ACCESS.cookie}=s",
        "origin": "http://127.0.0.1:8900",
        "content-type": kind,
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "scheme": "http",
        "server": ("127.0.0.1", 8900),
        "client": ("127.0.0.1", 5),
        "http_version": "1.1",
        "root_path": "",
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


@pytest.mark.parametrize(("action", "status"), [("approve", "Approved"), ("reject", "Rejected")])
def test_a_decision_goes_to_the_registry_with_the_reason_and_the_person(stack: StubStack, action: str, status: str):
    arn = waiting(stack)
    code, told = posted(Source(stack), f"/api/projects/shop/runs/rwait/{action}", b'{"reason": "figures look right"}')
    assert (code, "rwait is" in told["told"]) == (200, True)
    package = stack.world.registry.package(arn)
    assert package["status"] == status
    registry: Any = stack.world.registry
    assert "figures look right" in json.dumps(registry.__dict__, default=str)


def test_a_run_that_waits_for_nothing_is_not_decided(source: Source):
    code, told = posted(source, f"/api/projects/shop/runs/{PROMOTED}/approve", b"{}")
    assert code == 409
    assert "waits for nothing" in told["error"]


def test_a_rollback_starts_the_machine_of_the_commands_name(stack: StubStack):
    code, told = posted(Source(stack), "/api/projects/shop/rollback", b'{"reason": "wrong prices"}')
    executions: Any = stack.world.executions
    assert code == 200
    assert "rolling shop back from" in told["told"]
    assert "wrong prices" in json.dumps(executions.__dict__, default=str)


@pytest.mark.parametrize("path", ["rollback", "retrain"])
def test_without_a_reason_nothing_happens(stack: StubStack, path: str):
    events: Any = stack.world.events
    for body in (b"{}", b'{"reason": "  "}', b'{"reason": 5}'):
        assert posted(Source(stack), f"/api/projects/shop/{path}", body)[0] == 409
    executions: Any = stack.world.executions
    assert "rollback" not in json.dumps(executions.__dict__, default=str)
    assert "Training Requested" not in json.dumps(events.__dict__, default=str)


def test_a_retraining_is_requested_as_the_command_does(stack: StubStack):
    code, told = posted(Source(stack), "/api/projects/shop/retrain", b'{"reason": "new prices"}')
    events: Any = stack.world.events
    assert (code, told["told"]) == (200, "requested: the run starts in a moment")
    said = json.dumps(events.__dict__, default=str)
    assert "new prices (asked by" in said
    assert '"trigger": "manual"' in said.replace("'", '"')


def test_a_held_change_is_shown_and_accepted_as_the_command_does(stack: StubStack):
    world, source = stack.world, Source(stack)
    accept = "/api/projects/shop/accept-drift"
    assert monitor.read(source, "shop")["held"] == []
    code, told = posted(source, accept, b'{"reason": "new prices"}')
    assert (code, "nothing is held for shop" in told["error"]) == (404, True)
    now = world.clock.now()
    change = {
        "answer": "ask",
        "reason": "another mix",
        "columns": ["channel"],
        "sentence": "More ads.",
        "champion": "r1",
    }
    world.ledger.add_response(
        "shop", now, {"kind": "held-change", "change_id": "c1", "since": now.isoformat(), **change}
    )
    [held] = monitor.read(Source(stack), "shop")["held"]
    assert (held["name"], held["sentence"], held["over"]) == ("another mix in channel", "More ads.", None)
    code, told = posted(source, accept, b'{"reason": " "}')
    assert (code, "give a reason" in told["error"]) == (409, True)
    later = {"kind": "held-change", "change_id": "c2", "since": now.isoformat(), **change, "columns": ["price"]}
    world.ledger.add_response("shop", now, later)
    for wrong in (b'"c1"', b"[1]", b'[""]', b"null"):
        assert posted(source, accept, b'{"reason": "why", "changes": ' + wrong + b"}")[0] == 409
    code, told = posted(source, accept, b'{"reason": "the campaign goes on", "changes": ["c1"]}')
    assert (code, "accepted: another mix in channel" in told["told"]) == (200, True), told
    assert [each["id"] for each in monitor.read(Source(stack), "shop")["held"]] == ["c2"]
    code, told = posted(source, accept, b'{"reason": "this too"}')
    assert (code, "another mix in price" in told["told"]) == (200, True)
    assert monitor.read(Source(stack), "shop")["held"] == []
    noted = json.dumps(world.ledger.responses("shop", now), default=str)
    assert "the campaign goes on (in the console)" in noted


def test_a_fault_is_ended_as_the_command_does(stack: StubStack):
    world, source = stack.world, Source(stack)
    end = "/api/projects/shop/end-fault"
    code, told = posted(source, end, b'{"reason": "corrected"}')
    assert (code, "there is no fault to end" in told["error"]) == (404, True)
    now = world.clock.now()
    for change_id, column in (("c1", "channel"), ("c2", "device")):
        facts = {"answer": "hold", "reason": "another unit", "columns": [column], "sentence": "", "champion": "r1"}
        begun = {"kind": "held-change", "change_id": change_id, "since": now.isoformat(), **facts}
        world.ledger.add_response("shop", now, begun)
    world.clock.advance(60)
    assert posted(source, end, b'{"reason": " "}')[0] == 409
    assert posted(source, end, b'{"reason": "why", "changes": [1]}')[0] == 409
    code, told = posted(source, end, b'{"reason": "why", "changes": ["c1"], "until": "soon"}')
    assert (code, "give an ISO time" in told["error"]) == (409, True)
    code, told = posted(source, end, b'{"reason": "the sender has corrected it", "changes": ["c1"]}')
    assert (code, told["told"].startswith("over: another unit, from")) == (200, True), told
    assert "no dataset arrived in that time" in told["told"]
    held = monitor.read(Source(stack), "shop")["held"]
    assert [(each["id"], each["over"] is None) for each in held] == [("c1", False), ("c2", True)]
    until = (now + timedelta(seconds=30)).replace(tzinfo=None).isoformat()
    asked = {"reason": "it was so", "changes": ["c2"], "until": until}
    assert posted(source, end, json.dumps(asked).encode())[0] == 200
    assert [each["over"] for each in monitor.read(Source(stack), "shop")["held"]][1] == f"{until}+00:00"
    noted = json.dumps(world.ledger.responses("shop", now), default=str)
    assert "the sender has corrected it (in the console)" in noted


def test_a_dataset_is_withdrawn_as_the_command_does(stack: StubStack):
    world, source = stack.world, Source(stack)
    chosen = world.ledger.datasets("shop")[0]["dataset_id"]
    path = f"/api/projects/shop/data/{chosen}/withdraw"
    assert posted(source, path, b"{}")[0] == 409
    assert posted(source, "/api/projects/shop/data/d0/withdraw", b'{"reason": "x"}')[0] == 404
    code, told = posted(source, path, b'{"reason": "wrong currency"}')
    assert (code, told["told"].startswith(f"withdrawn: dataset {chosen}")) == (200, True)
    assert f"the serving model {PROMOTED} learned from it" in told["told"]
    found = data.dataset(Source(stack), "shop", chosen)["accepted"]
    assert found["withdrawn_because"].startswith("wrong currency (asked by ")
    assert found["withdrawn_because"].endswith(", in the console)")
    code, told = posted(source, path, b'{"reason": "again"}')
    assert (code, told["told"].startswith("was withdrawn before")) == (200, True)


def test_an_endpoint_is_waked_as_the_command_does(stack: StubStack, monkeypatch: pytest.MonkeyPatch):
    asked = []
    answer = {"decision": "waking", "endpoint": "sluice-shop", "config": "sluice-shop-r1-only"}
    monkeypatch.setattr(actions, "wake_endpoint", lambda project, **ports: asked.append(project) or answer)
    code, told = posted(Source(stack), "/api/projects/shop/wake", b"{}")
    assert (code, asked, "it is billed from now on" in told["told"]) == (200, ["shop"], True)
    # a release has the endpoint: said as what it is, and not as a failure of AWS
    monkeypatch.undo()
    live = recorded.run_with(None)
    stack.world.ledger.acquire_lock("shop", live, stack.world.clock.now(), of=ENDPOINT)
    code, told = posted(Source(stack), "/api/projects/shop/wake", b"{}")
    assert (code, live in told["error"]) == (409, True), told
    assert posted(Source(stack), "/api/projects/visits/wake", b"{}")[0] == 404


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"[]", "application/json"),
        (b"{", "application/json"),
        (b"{}", "text/plain"),
        (b"{" + b" " * 20_000 + b"}", "application/json"),
    ],
    ids=["a list", "not JSON", "a form's type", "too long"],
)
def test_a_request_that_is_not_a_small_json_object_is_refused(stack: StubStack, body: bytes, kind: str):
    code, _ = posted(Source(stack), "/api/projects/shop/retrain", body, kind)
    events: Any = stack.world.events
    assert code == 409
    assert "Training Requested" not in json.dumps(events.__dict__, default=str)


def test_a_file_is_uploaded_and_its_verdict_is_the_commands(stack: StubStack):
    source = Source(stack)
    code, told = posted(source, "/api/projects/shop/files?area=labels&name=day%201.csv", b"a,b\n1,2\n", "text/csv")
    assert (code, told["key"]) == (200, "labels/shop/day 1.csv")
    assert stack.world.objects.read(told["key"]) == b"a,b\n1,2\n"
    assert actions.verdict(source, "shop", told["key"], told["version"]) == {
        "over": False,
        "accepted": None,
        "lines": [],
    }
    record = {"status": "accepted", "kind": "labels", "labels": 1, "rows": 1, "project": "shop"}
    stack.world.ledger.record_arrival(stack.world.objects.bucket, told["key"], told["version"], record)
    found = actions.verdict(source, "shop", told["key"], told["version"])
    assert (found["over"], found["accepted"]) == (True, True)
    assert found["lines"][0].startswith("accepted: 1 label")


ELSEWHERE = [("models", "x.csv"), ("projects", "project.yaml"), ("", "x.csv"), ("raw", "a/b.csv"), ("raw", "a\\b")]


@pytest.mark.parametrize(("area", "name"), [*ELSEWHERE, ("raw", ".."), ("raw", ""), ("raw", "a\x00b")])
def test_a_file_goes_nowhere_else(source: Source, tmp_path: Path, area: str, name: str):
    path = tmp_path / "f"
    path.write_bytes(b"x")
    with pytest.raises(InputError):
        actions.drop(source, "shop", area, name, path)


def test_a_contract_among_data_is_refused_and_an_unknown_project_too(source: Source, tmp_path: Path):
    path = tmp_path / "f"
    path.write_bytes(b"x")
    with pytest.raises(CliError, match="register"):
        actions.drop(source, "shop", "raw", "project.yaml", path)
    with pytest.raises(CliError, match="no project"):
        actions.drop(source, "shopp", "raw", "x.csv", path)


def test_an_upload_beyond_the_limit_stops(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(actions, "MAX_UPLOAD", 10)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"1234"

    with pytest.raises(InputError, match="sluice drop"):
        asyncio.run(actions.received(pieces(), tmp_path))
    assert (tmp_path / "upload").stat().st_size <= 10


def test_the_verdict_of_another_projects_file_is_not_told(source: Source):
    with pytest.raises(InputError):
        actions.verdict(source, "shop", "raw/other/x.csv", "v1")


@pytest.mark.parametrize(
    "path",
    [
        *("retrain", "rollback", "runs/r1/approve", "runs/r1/reject", "files?area=raw&name=x.csv"),
        *("wake", "end-fault", "accept-drift", "data/d1/withdraw", "labels"),
    ],
)
def test_a_console_that_only_shows_changes_nothing(stack: StubStack, path: str):
    before = dict(stack.world.objects.__dict__["versions"])
    code, told = posted(Source(stack), f"/api/projects/shop/{path}", b'{"reason": "x"}', read_only=True)
    events: Any = stack.world.events
    assert (code, "--read-only" in told["error"]) == (409, True)
    assert stack.world.objects.__dict__["versions"] == before
    assert "Training Requested" not in json.dumps(events.__dict__, default=str)
