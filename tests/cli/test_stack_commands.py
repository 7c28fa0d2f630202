"""The commands that speak to a stack, over the world in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest

from cli.commands import watch
from sluice import keys
from sluice.ports import ENDPOINT, Variant
from sluice.steps.register_project import register_project
from tests.cli.stack import OTHER, RUN, serve, start


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


def test_a_command_that_needs_a_run_names_the_newest_of_a_project(sluice, world):
    start(world)
    code, _, error = sluice("approve", "shop")
    assert (code, f"'shop' is a project: give one of its runs; its newest is {RUN}" in error) == (1, True), error


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
    world.models.ensure_model("x", "s3://data/x", "image", {})
    world.models.ensure_endpoint_config("x", [Variant("v-x", "x", 1.0, "ml.m5.large", 1)], "s3://data/c", 100)
    world.models.put_endpoint("sluice-shop", "x")
    assert "no run of shop made" in sluice("remove-endpoint", "shop", "--yes")[2]
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


def test_a_model_in_probation_says_what_that_means(sluice, world):
    serve(world)
    assert "in probation" not in sluice("status", "shop")[1], "no model was before it"
    champion = replace(world.ledger.champion("shop"), previous={"run_id": OTHER})
    world.ledger.set_champion("shop", champion, world.ledger.champion("shop").run_id)
    told = f"in probation until 2026-11-23 12:00:00 UTC: an alarm before then brings {OTHER} back"
    assert told in sluice("status", "shop")[1]


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
