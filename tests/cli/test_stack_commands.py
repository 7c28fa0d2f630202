"""The commands that speak to a stack, over the world in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest
import yaml
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber

from cli.app import main
from cli.commands import watch
from cli.connection import Connection
from sluice import keys
from sluice.bootstrap import World
from sluice.ports import ENDPOINT, Champion, Variant
from sluice.steps.register_project import register_project
from tests.cli.conftest import CONTRACT, FakeConnection
from tests.unit.changes.changed_projects import F09
from tests.unit.changes.changed_projects import accepted as accepted_evo
from tests.unit.changes.changed_projects import register as register_evo

RUN, OTHER = "r0123456789ab", "r0123ffffffff"


def start(world: World, run_id: str = RUN, **facts: object) -> None:
    plain = {"trigger": "data", "datasets": ["d1"], "contract_version": "v1", "status": "running", **facts}
    world.ledger.start_run("shop", run_id, world.clock.now(), plain)


def serve(world: World) -> None:
    now = world.clock.now()
    world.ledger.set_champion(
        "shop",
        Champion(
            RUN, f"v-{RUN}", "sluice-shop", "only", "m", "arn", now, now + timedelta(days=1), None, {"roc_auc": 0.91234}
        ),
        None,
    )
    world.models.ensure_model("m", "s3://data/m", "image", {})
    world.models.ensure_endpoint_config("only", [Variant(f"v-{RUN}", "m", 1.0, "ml.m5.large", 2)], "s3://data/c", 100)
    world.models.put_endpoint("sluice-shop", "only")


def write(world: World, key: str, content: object) -> None:
    world.objects.write(key, json.dumps(content).encode())


def test_status_tells_what_serves_runs_and_waits(sluice, world):
    serve(world)
    start(world)
    start(world, OTHER, status="failed", outcome="failed", error={"state": "Build Model", "error": "E", "cause": "bad"})
    world.ledger.acquire_lock("shop", RUN, world.clock.now())
    world.ledger.add_pending("shop", "d9", "arrival")
    code, printed, _ = sluice("status")
    assert code == 0
    for told in (
        f"champion   {RUN}, the model that serves, since",
        "other runs wait",
        "roc_auc 0.9123",
        "100 % of the requests, 2 inst",
        "d9",
        "Build Model: E: bad",
    ):
        assert told in printed


@pytest.fixture
def judged_in_parts(connection, monkeypatch):
    """A file of shop and one of bank are; returns what Step Functions is asked."""
    began = datetime(2026, 11, 30, 10, 31, tzinfo=UTC)
    inputs = {
        "one": {"project": "shop", "key": "raw/shop/b\x1big.csv", "size": 12_345_600_000},
        "two": {"project": "bank", "key": "raw/bank/big.csv", "size": 1},
    }

    class StepFunctions:
        def list_executions(self, **request: object) -> dict[str, object]:
            assert request == {"stateMachineArn": "machine", "statusFilter": "RUNNING", "maxResults": 20}
            return {"executions": [{"executionArn": name, "startDate": began} for name in inputs]}

        def describe_execution(self, executionArn: str) -> dict[str, str]:  # noqa: N803 - as boto3 writes it
            return {"input": json.dumps(inputs[executionArn])}

    monkeypatch.setattr(connection, "outputs", {"JudgePartsArn": "machine"})
    monkeypatch.setattr(connection, "client", lambda service: StepFunctions(), raising=False)
    return inputs


def test_watch_waits_for_a_file_that_is_judged_in_parts(sluice, world, judged_in_parts, monkeypatch):
    """For longer than for a run; then the last run is shown. An explicit wait is kept."""
    start(world, execution_arn="arn", outcome="promoted", ended_at=world.clock.now().isoformat())
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        if now[0] == 1.5 * watch.WAIT:
            judged_in_parts.clear()

    monkeypatch.setattr("cli.commands.watch.time", SimpleNamespace(sleep=sleep, monotonic=lambda: now[0]))
    monkeypatch.setattr("cli.executions.Histories.fresh", lambda self: [])
    code, _, error = sluice("watch", "shop", "--wait", "30")
    assert (code, now[0]) == (1, 30.0)
    assert "none started in 30 s" in error
    now[0] = 0.0
    code, printed, error = sluice("watch", "shop")
    assert (code, now[0]) == (0, 2 * watch.WAIT + 1), error  # and one poll more
    said = "raw/shop/b\\x1big.csv (12,345.6 MB) is judged in parts since 2026-11-30 10:31:00 UTC; a run may begin"
    assert printed.count(said) == 2
    assert "bank" not in printed
    assert "no run of shop is in progress; this is the last one" in printed


def test_status_lists_files_that_are_judged_in_parts(sluice, judged_in_parts):
    told = sluice("status", "shop")[1]
    assert "arriving   raw/shop/b\\x1big.csv (12,345.6 MB) is judged in parts since 2026-11-30 10:31:00 UTC" in told
    assert "bank" not in told
    [project] = json.loads(sluice("status", "shop", "--json")[1])["projects"]
    assert project["judged_in_parts"][0]["size"] == 12_345_600_000


def test_a_champion_whose_endpoint_was_removed_is_told(sluice, world):
    serve(world)
    world.models.endpoints.clear()
    assert "nothing serves" in sluice("status", "shop")[1]


@pytest.mark.parametrize("command", [("status", "shpo"), ("runs", "shpo"), ("watch", "shpo")])
def test_an_unknown_project_brings_the_nearest(sluice, command):
    code, _, error = sluice(*command)
    assert code == 1
    assert "did you mean 'shop'?" in error


def test_runs_are_found_by_their_beginning(sluice, world):
    start(world)
    start(world, OTHER)
    assert sluice("why", RUN[:7])[0] == 0
    code, _, error = sluice("why", "r0123")
    assert code == 1
    assert "beginning of 2 runs" in error
    assert "there is no run" in sluice("why", "zzz")[2]
    assert OTHER in sluice("runs", "shop", "--limit", "1")[1] + sluice("runs", "shop")[1]


def test_why_of_a_project_is_that_of_its_newest_run(sluice, world):
    start(world, outcome="rejected")
    assert json.loads(sluice("why", "shop", "--json")[1])["run"]["run_id"] == RUN
    assert json.loads(sluice("why", "shop", "--json")[1]) == json.loads(sluice("why", RUN, "--json")[1])


def test_why_of_a_project_without_a_run_says_how_to_start_one(sluice, world):
    code, _, error = sluice("why", "shop")
    assert (code, "sluice drop shop FILE" in error) == (1, True)


def test_a_command_that_needs_a_run_names_the_newest_of_a_project(sluice, world):
    start(world)
    code, _, error = sluice("approve", "shop")
    assert (code, f"'shop' is a project: give one of its runs; its newest is {RUN}" in error) == (1, True), error


def test_why_prints_gates_looks_approval_and_responses(sluice, world):
    approval = {"decision": "approved", "reason": "fine", "requested_at": "2026-01-01T09:00:00+00:00"}
    approval["decided_at"] = "2026-01-01T09:04:00+00:00"
    start(world, outcome="rolled_back", rollback_verified=True, approval=approval)
    verdict = {"rule": "min", "metric": "roc_auc", "outcome": "pass", "statistic": 0.91, "threshold": 0.85}
    gates = {"kind": "gates", "at": "1", "decision": "approved", "reasons": [], "inputs": {"rows": 60}}
    gates["verdicts"] = [{**verdict, "reason": "roc_auc 0.91 is at least 0.85"}]
    look = {
        "step_index": 0,
        "decision": "continue",
        "inputs": {
            "percent": 10,
            "step_canary": {"failures": 3, "requests": 40},
            "step_control": {"failures": 0, "requests": 360},
            "tail_ms": 12.5,
        },
        "statistic": {"log_e": {"failures": 4.2}, "log_limit": 4.09},
    }
    looks = [look, look, {**look, "decision": "abort"}]
    canary = {"kind": "canary", "decision": "abort", "reasons": ["the canary fails more often"], "looks": looks}
    write(world, keys.decision("shop", RUN, "gates"), gates)
    write(world, keys.decision("shop", RUN, "canary"), canary)
    write(world, keys.decision("shop", RUN, "later"), {"kind": "new", "decision": "maybe", "facts": [1]})
    response = {"kind": "response", "run_id": RUN, "decision": "abort", "reasons": ["alarm canary-errors"]}
    response["inputs"] = {"alarm": f"sluice/shop/{RUN}/canary-errors", "at": "2026-01-01T00:00:00+00:00"}
    write(world, keys.monitor("shop", "responses", "a.json"), response)
    write(world, keys.monitor("shop", "responses", "b.json"), {**response, "run_id": OTHER, "reasons": ["not ours"]})
    code, printed, _ = sluice("why", RUN)
    assert code == 0
    for told in (
        "on 60 held-out rows",
        "roc_auc 0.91 is at least 0.85",
        "abort after 3 measurements",
        "3/40",
        "0/360",
        "the canary fails more often",
        "  approval  approved at 2026-01-01 09:04:00 UTC, after 4m00s: fine\n",
        "alarm canary-errors",
        "new: maybe",
        "verified by a live request",
    ):
        assert told in printed
    assert printed.index("approval  ") < printed.index("Gates: "), "whether it was approved is said first"
    # two looks that said the same are one line
    assert printed.count("0: 10 %") == 2
    assert "not ours" not in printed


def test_why_names_the_alarm_that_started_a_retraining(sluice, world):
    start(world, trigger="drift")
    response = {"kind": "response", "decision": "retrain", "reasons": ["channel drifts"]}
    response["inputs"] = {"alarm": "sluice/shop/drift", "at": "2020-01-01T00:00:00+00:00", "champion": OTHER}
    write(world, keys.monitor("shop", "responses", "a.json"), response)
    assert "channel drifts" in sluice("why", RUN)[1]


def test_approve_and_reject_reach_the_registry_once(sluice, world):
    arn = world.registry.register("sluice-shop", "s3://data/m", "image", {"run_id": RUN}, approved=False)
    start(world, approval={"token": "t", "package_arn": arn})
    assert sluice("reject", RUN, "--reason", "too dear")[0] == 0
    assert world.registry.package(arn)["status"] == "Rejected"
    world.ledger.update_run("shop", RUN, {"approval": {"package_arn": arn, "decision": "not_approved"}})
    code, _, error = sluice("approve", RUN)
    assert code == 1
    assert "not_approved" in error
    start(world, OTHER)
    assert "does not wait" in sluice("approve", OTHER)[2]
    world.ledger.update_run("shop", OTHER, {"outcome": "promoted"})
    assert "has ended (promoted)" in sluice("approve", OTHER)[2]


def test_drop_uploads_and_tells_the_verdict(sluice, world, tmp_path, monkeypatch):
    path = tmp_path / "a b+c.csv"
    path.write_text("pages,bought\n1,true\n")
    assert sluice("drop", "shop", str(path), "--wait", "0")[0] == 0
    assert world.objects.read("raw/shop/a b+c.csv") == path.read_bytes()
    assert sluice("drop", "shop", str(path), "--to", "batch", "--wait", "0")[0] == 0
    assert world.objects.exists("batch/shop/a b+c.csv")
    reasons = [{"rule": "type", "column": "pages", "rows": 3, "message": "is not an integer"}]
    record = {"status": "quarantined", "rows": 0, "quarantined_rows": 3, "reasons": reasons}
    monkeypatch.setattr(world.ledger, "arrival", lambda *_: record)
    code, printed, _ = sluice("drop", "shop", str(path))
    assert code == 1
    assert "column pages: is not an integer (3 rows)" in printed
    assert sluice("drop", "shop", str(tmp_path / "none.csv"))[0] == 1


def test_drop_says_what_became_of_labels_and_of_a_batch(sluice, world, tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("x\n")
    label = {"kind": "labels", "rows": 9, "labels": 6, "without_label": 2, "quarantined_rows": 1, "reasons": []}
    found = {"record": {"status": "accepted", **label}}
    monkeypatch.setattr(world.ledger, "arrival", lambda *_: found["record"])
    code, printed, _ = sluice("drop", "shop", str(path), "--to", "labels")
    assert (code, "6 labels from 9 rows, 2 rows without a label, 1 refused" in printed) == (0, True)
    found["record"] = {"status": "failed", **label, "message": "the header is missing"}
    code, printed, _ = sluice("drop", "shop", str(path), "--to", "labels")
    assert (code, "the header is missing" in printed) == (1, True)
    found["record"] = {"status": "accepted", "kind": "batch", "output_uri": "s3://b/predictions/shop", "reasons": []}
    code, printed, _ = sluice("drop", "shop", str(path), "--to", "batch")
    assert (code, "s3://b/predictions/shop" in printed) == (0, True)
    found["record"] = {"status": "failed", "kind": "batch", "reasons": ["no model serves yet"]}
    code, printed, _ = sluice("drop", "shop", str(path), "--to", "batch")
    assert (code, "no model serves yet" in printed) == (1, True)


def test_retrain_asks_by_an_event_and_needs_data(sluice, world):
    assert "no accepted data" in sluice("retrain", "shop", "--reason", "x")[2]
    world.ledger.add_dataset("shop", "d1", world.clock.now(), {"rows": 9})
    code, printed, _ = sluice("retrain", "shop", "--reason", "new prices")
    assert code == 0
    assert "1 dataset" in printed
    kind, detail = world.events.put_events[-1]
    assert (kind, detail["project"], detail["trigger"]) == ("Training Requested", "shop", "manual")
    assert detail["reason"].startswith("new prices")


def test_remove_endpoint_asks_refuses_and_deletes(sluice, world, connection):
    assert "no endpoint" in sluice("remove-endpoint", "shop")[1]
    serve(world)
    assert "use --yes" in sluice("remove-endpoint", "shop")[2]
    world.ledger.acquire_lock("shop", OTHER, world.clock.now())
    assert f"run {OTHER} is in progress" in sluice("remove-endpoint", "shop", "--yes")[2]
    assert connection.calls == []
    world.ledger.release_lock("shop", OTHER)
    world.ledger.acquire_lock("shop", "d1", world.clock.now(), of=ENDPOINT)
    assert "is being changed by d1" in sluice("remove-endpoint", "shop", "--yes")[2]
    assert connection.calls == []
    world.ledger.release_lock("shop", "d1", of=ENDPOINT)
    code, printed, _ = sluice("remove-endpoint", "shop", "--yes")
    assert code == 0
    assert connection.calls == [("delete_endpoint", {"EndpointName": "sluice-shop"})]
    assert "sluice wake shop" in printed
    assert "scheduled retraining" not in printed


def test_remove_endpoint_ends_the_retraining_that_would_bring_it_back(sluice, world):
    contract, version = world.ledger.contract("shop")
    retrain = {**contract["retrain"], "schedule": "1d"}
    world.ledger.save_contract("shop", {**contract, "retrain": retrain}, version)
    serve(world)
    for name in ("sluice-shop-monitor", "sluice-shop-retrain"):
        world.schedules.ensure(name, "rate(1440 minutes)", "arn", {"project": "shop"})
    assert "scheduled retraining is off" in sluice("remove-endpoint", "shop", "--yes")[1]
    assert list(world.schedules.schedules) == ["sluice-shop-monitor"]


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (NoCredentialsError(), "AWS_PROFILE"),
        (EndpointConnectionError(endpoint_url="http://x"), "cannot be reached"),
        (ClientError({"Error": {"Code": "ExpiredToken", "Message": "old"}}, "DescribeStacks"), "sign in again"),
        (ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "Query"), "your identity may not"),
    ],
)
def test_what_aws_says_becomes_a_sentence(capsys, raised, told):
    class Broken:
        @property
        def world(self):
            raise raised

    assert main(["status"], lambda stack: Broken()) == 1
    assert told in capsys.readouterr().err


@pytest.fixture
def cloudformation():
    """A stubbed client, and a connection that uses it."""
    client = boto3.client("cloudformation", "eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    with Stubber(client) as stubber:
        yield stubber, lambda stack: Connection(stack, lambda service: client)


def test_a_stack_that_is_not_there_is_named_with_its_region(cloudformation, capsys):
    stubber, connect = cloudformation
    stubber.add_client_error("describe_stacks", "ValidationError", "Stack with id mine does not exist")
    assert main(["status", "--stack", "mine"], connect) == 1
    assert "there is no stack 'mine' in region eu-west-1" in capsys.readouterr().err


def test_a_stack_of_something_else_is_not_taken_for_sluice(cloudformation, capsys):
    stubber, connect = cloudformation
    stack = {"StackName": "mine", "CreationTime": datetime.now(UTC), "StackStatus": "CREATE_COMPLETE"}
    stack["Outputs"] = [{"OutputKey": "AlertTopicArn", "OutputValue": "x"}]
    stubber.add_response("describe_stacks", {"Stacks": [stack]})
    assert main(["--stack", "mine", "status"], connect) == 1
    error = capsys.readouterr().err
    assert "DataBucketName" in error
    assert "not a Sluice stack" in error


@pytest.mark.parametrize("arguments", [("project.yml",), ("shop", "project.yml"), ("shop", "Project.yaml")])
def test_drop_refuses_a_contract_at_once(sluice, world, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    (tmp_path / arguments[-1]).write_text("project: shop\n")
    code, _, said = sluice("drop", *arguments)
    assert code == 1
    assert f"{arguments[-1]}: this is a contract by its name" in said
    assert f"`sluice register {arguments[-1]}` does" in said
    assert world.objects.list("raw/") == []


def test_drop_without_a_project_asks_for_it(sluice):
    code, _, said = sluice("drop", "day.csv")
    assert code == 1
    assert "sluice drop PROJECT day.csv" in said


def test_status_names_what_is_not_read_until_it_is_deleted(sluice, world):
    key = "projects/shop/project.yml"
    world.objects.write(key, b"project: shop\n")
    world.call(register_project, key, world.objects.version(key))
    world.call(register_project, "backup/x.bin", "v1")
    line = "projects/shop/project.yml: a contract's name is project.yaml, with just these letters; it belongs at"
    code, printed, _ = sluice("status")
    assert code == 0
    assert line in printed
    assert "backup/: Sluice reads nothing here (for example backup/x.bin)" in printed
    printed = sluice("status", "shop")[1]
    assert line in printed
    assert "backup/" not in printed
    world.objects.remove(key)
    assert line not in sluice("status")[1]


def test_an_unknown_project_whose_contract_is_beside_its_place_says_so(sluice, world):
    key = "projects/fresh/project.yml"
    world.objects.write(key, b"project: fresh\n")
    world.call(register_project, key, world.objects.version(key))
    code, _, said = sluice("status", "fresh")
    assert code == 1
    assert "its contract is not read: projects/fresh/project.yml" in said


def test_check_names_the_file_that_is_there(sluice, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "project.yml").write_text("project: shop\n")
    code, _, said = sluice("check")
    assert code == 1
    assert "did you mean project.yml?" in said


def evolved() -> World:
    at = accepted_evo()
    register_evo(at, F09)
    return at


def test_status_and_why_say_what_the_contract_changed(capsys):
    at = evolved()
    version = at.ledger.contract("evo")[1]
    facts = {"trigger": "data", "datasets": ["d1"], "contract_version": version, "status": "running"}
    at.ledger.start_run("evo", RUN, at.clock.now(), facts)
    for command in (("status", "evo"), ("why", RUN)):
        assert main(command, lambda stack: FakeConnection(at)) == 0
        printed = capsys.readouterr().out
        assert "have no label because target 'state' is text there and the contract says boolean" in printed
        assert "a run with these datasets stops" in printed
    assert main(("status", "evo", "--json"), lambda stack: FakeConnection(at)) == 0
    (found,) = json.loads(capsys.readouterr().out)["projects"]
    assert found["contract_change"]["usable_rows"] == {"at_least": 0, "at_most": 0}


def test_register_says_what_a_new_contract_comes_to_and_check_and_status_what_changed(tmp_path, capsys, monkeypatch):
    """`check && register` said it all twice."""
    at = evolved()
    path = tmp_path / "project.yaml"
    path.write_text(yaml.safe_dump(F09), encoding="utf-8")
    key = "projects/evo/project.yaml"
    monkeypatch.setattr(at.objects, "upload", lambda *_: None)
    assert at.objects.version(key) == at.ledger.contract("evo")[1]
    assert main(("register", str(path)), lambda stack: FakeConnection(at)) == 0
    printed = capsys.readouterr().out
    assert printed.count("0 of 1,000 accepted rows can be learned from under the new contract") == 1
    assert "a run with these datasets stops" in printed
    assert "changed: " not in printed
    assert "`sluice status evo` has what changed" in printed
    assert main(("register", str(path), "--json"), lambda stack: FakeConnection(at)) == 0
    assert any(each.startswith("changed: ") for each in json.loads(capsys.readouterr().out)["changes"])


def test_a_model_in_probation_says_what_that_means(sluice, world):
    serve(world)
    assert "in probation" not in sluice("status", "shop")[1], "no model was before it"
    champion = replace(world.ledger.champion("shop"), previous={"run_id": OTHER})
    world.ledger.set_champion("shop", champion, world.ledger.champion("shop").run_id)
    told = f"in probation until 2026-11-23 12:00:00 UTC: an alarm before then brings {OTHER} back"
    assert told in sluice("status", "shop")[1]


def test_check_says_it_before_anything_is_uploaded(tmp_path, capsys):
    at = accepted_evo()
    before = len(at.objects.versions["projects/evo/project.yaml"])
    path = tmp_path / "project.yaml"
    path.write_text(yaml.safe_dump(F09), encoding="utf-8")
    assert main(("check", str(path)), lambda stack: FakeConnection(at)) == 0
    printed = capsys.readouterr().out
    assert "is a valid contract" in printed
    assert "all 1,000 rows of" in printed
    assert "0 of 1,000 accepted rows can be learned from under the new contract" in printed
    assert len(at.objects.versions["projects/evo/project.yaml"]) == before
    assert main(("check", str(path)), lambda stack: FakeConnection(at, known=False)) == 0
    assert "not compared with accepted rows, because no AWS region is set" in capsys.readouterr().out


def test_without_a_region_check_says_that_none_is_set_and_not_what_boto_says(tmp_path, capsys, monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    path = tmp_path / "project.yaml"
    path.write_text(yaml.safe_dump(F09), encoding="utf-8")
    assert main(("check", str(path))) == 0
    assert "not compared with accepted rows, because no AWS region is set" in capsys.readouterr().out


def test_check_goes_on_where_no_stack_can_be_asked(tmp_path, capsys):
    class Unreachable(FakeConnection):
        @property
        def world(self):
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

        @world.setter
        def world(self, value):
            pass

    path = tmp_path / "project.yaml"
    path.write_text(yaml.safe_dump(F09), encoding="utf-8")
    assert main(("check", str(path)), lambda stack: Unreachable(None)) == 0
    assert "not compared with accepted rows: Could not connect" in capsys.readouterr().out


def test_register_prints_the_comparison(tmp_path, capsys, monkeypatch):
    at = accepted_evo()
    upload = at.objects.upload

    def uploaded(path, key, content_type="application/octet-stream"):
        upload(path, key, content_type)
        at.call(register_project, key, at.objects.version(key))

    monkeypatch.setattr(at.objects, "upload", uploaded)
    path = tmp_path / "project.yaml"
    path.write_text(yaml.safe_dump(F09), encoding="utf-8")
    assert main(("register", str(path)), lambda stack: FakeConnection(at)) == 0
    printed = capsys.readouterr().out
    assert "a run with these datasets stops" in printed
    # rows are there already, so no file is asked for
    assert f'Now: sluice retrain {F09["project"]} --reason "..."' in printed


def test_a_run_s_pages_are_downloaded(sluice, world, tmp_path):
    start(world, RUN)
    code, _, error = sluice("report", RUN)
    assert (code, "has no report" in error) == (1, True)
    world.objects.write(keys.evaluation_report("shop", RUN), b"<html>report")
    world.objects.write(keys.model_card("shop", RUN), b"<html>card")
    world.ledger.update_run("shop", RUN, {"report": world.objects.uri(keys.evaluation_report("shop", RUN))})
    code, printed, _ = sluice("report", RUN, "--output", str(tmp_path / "pages"))
    assert code == 0
    assert (tmp_path / "pages" / f"shop-{RUN}-report.html").read_bytes() == b"<html>report"
    assert (tmp_path / "pages" / f"shop-{RUN}-model-card.html").read_bytes() == b"<html>card"
    assert world.objects.uri(keys.evaluation_report("shop", RUN)) in printed
    assert f"sluice report {RUN}" in sluice("why", RUN)[1]


def test_pages_of_a_dataset_and_the_newest_of_a_project(sluice, world, connection, tmp_path, monkeypatch):
    assert "`sluice drop shop FILE`" in sluice("report", "shop")[2]
    assert "is not a run, a dataset or a project" in sluice("report", "x1")[2]
    for number, each in enumerate(("d1", "e2")):
        world.ledger.add_dataset("shop", each, world.clock.now() + timedelta(seconds=number), {"rows": 9})
    world.objects.write(keys.profile_report("shop", "d1"), b"<html>data")
    for stamp in ("2026-01-02T000000Z", "2026-01-01T000000Z"):
        world.objects.write(keys.monitor("shop", stamp, "report.html"), stamp.encode())
    assert "dataset e2 of shop has no report" in sluice("report", "e2")[2]
    assert sluice("report", "d1", "-o", str(tmp_path))[0] == 0
    assert (tmp_path / "shop-d1-data.html").read_bytes() == b"<html>data"
    assert sluice("report", "shop", "-o", str(tmp_path))[0] == 0
    assert (tmp_path / "shop-monitoring-2026-01-02T000000Z.html").exists()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setattr(connection, "client", lambda name: boto3.client(name, region_name="eu-west-1"))
    code, printed, _ = sluice("report", "d1", "--link")
    assert code == 0
    assert printed.startswith("dataset: https://s3.eu-west-1.amazonaws.com/data/profiles/shop/d1/report.html?")
    # an object that is encrypted with a key of KMS opens with no older signature
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in printed
    assert "X-Amz-Expires=3600" in printed


def test_labels_that_measure_no_quality_are_told(sluice, world, tmp_path, monkeypatch):
    """By `label`, which keeps them, and by `status`, also before the first measurement."""
    serve(world)
    record = {"status": "accepted", "kind": "labels", "project": "shop", "labels": 1, "rows": 1, "dataset_id": "d2"}
    monkeypatch.setattr("cli.arrivals.await_outcome", lambda *_: record)
    path = tmp_path / "labels.csv"
    path.write_text("bought\nyes\n")
    printed = sluice("label", "shop", str(path))[1]
    assert "no quality is measured by them, because the contract has no monitor.quality" in printed
    assert "`monitor: {quality: {metric: roc_auc}}`" in printed
    assert "quality    not measured: the contract has no monitor.quality" in sluice("status", "shop")[1]
    asks = {**CONTRACT.model_dump(mode="json"), "monitor": {"quality": {"metric": "roc_auc"}}}
    world.ledger.save_contract("shop", asks, "v2")
    assert "monitor.quality" not in sluice("label", "shop", str(path))[1]
    assert "quality    not measured yet" in sluice("status", "shop")[1]
