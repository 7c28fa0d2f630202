"""At most one run a project at a time; none lost, none twice."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.errors import DamagedRecordError
from sluice.ports import Champion
from sluice.steps.plan_training import plan_training, run_plan
from testing.fakes import SETTINGS, Crash, failing
from tests.unit.steps.intake_world import CONTRACT, GOOD, arrive, shop


def with_data() -> tuple[World, str]:
    at = shop()
    return at, arrive(at, GOOD)[1]["dataset_id"]


def end(at: World, run_id: str) -> Any:
    at.ledger.update_run("shop", run_id, {"status": "finished"})
    return at.ledger.release_lock("shop", run_id)


def test_a_run_starts_from_frozen_inputs() -> None:
    at, dataset = with_data()
    answer = at.call(plan_training, "shop", "data", dataset)
    assert answer["status"] == "started"
    base = f"runs/shop/{answer['run_id']}/"
    inputs = json.loads(at.objects.read(base + "run.json"))
    assert inputs["datasets"] == [dataset]
    assert inputs["contract"] == json.loads(at.objects.read(base + "contract/contract.json"))
    (plan,) = at.executions.started.values()
    assert plan == json.loads(at.objects.read(base + "plan.json"))
    assert plan["champion"] is None
    record = at.ledger.run("shop", answer["run_id"])
    assert record
    assert (record["status"], record["datasets"]) == ("running", [dataset])


def test_events_again_and_arrivals_during_a_run() -> None:
    at, first = with_data()
    run_id = at.call(plan_training, "shop", "data", first)["run_id"]
    at.call(plan_training, "shop", "data", first)
    assert len(at.executions.started) == 1
    second = arrive(at, GOOD)[1]["dataset_id"]
    assert at.call(plan_training, "shop", "data", second)["status"] == "coalesced"
    assert at.call(plan_training, "shop", "data", first)["status"] == "already running"
    assert at.ledger.lock("shop")["pending"] == [second]
    end(at, run_id)
    following = at.call(plan_training, "shop", "arrivals")
    assert following["status"] == "started"
    end(at, following["run_id"])
    for late in (first, second):
        assert at.call(plan_training, "shop", "data", late)["status"] == "already run"
    assert at.ledger.lock("shop") is None
    assert len(at.executions.started) == 2


def test_a_retraining_on_the_same_data_is_a_run_of_its_own_once() -> None:
    at, dataset = with_data()
    end(at, at.call(plan_training, "shop", "data", dataset)["run_id"])
    one = at.call(plan_training, "shop", "drift", reason="psi 0.4", at="2026-11-22T12:00:00Z")
    again = at.call(plan_training, "shop", "drift", reason="psi 0.4", at="2026-11-22T12:00:00Z")
    assert one["status"] == "started"
    assert again["run_id"] == one["run_id"]
    end(at, one["run_id"])
    assert at.call(plan_training, "shop", "drift", at="2026-11-22T12:00:00Z")["status"] == "already run"
    assert len(at.executions.started) == 2


def test_between_the_end_of_the_lock_and_of_the_record_nothing_starts_again() -> None:
    at, dataset = with_data()
    run_id = at.call(plan_training, "shop", "data", dataset)["run_id"]
    at.ledger.release_lock("shop", run_id)
    assert at.call(plan_training, "shop", "arrivals")["status"] == "already run"
    assert at.ledger.lock("shop") is None


def test_no_data_no_run() -> None:
    at = shop()
    assert at.call(plan_training, "shop", "manual")["status"] == "no data"
    assert at.ledger.lock("shop") is None
    with pytest.raises(ValueError, match="did you mean 'drift'"):
        at.call(plan_training, "shop", "drfit")


def test_an_execution_that_cannot_start_frees_the_lock() -> None:
    at, dataset = with_data()

    class Refusing:
        def start(self, *_: Any) -> str:
            raise RuntimeError("throttled")

    with pytest.raises(RuntimeError):
        replace(at, executions=Refusing()).call(plan_training, "shop", "data", dataset)
    assert at.ledger.lock("shop") is None
    assert at.call(plan_training, "shop", "data", dataset)["status"] == "started"


@pytest.mark.parametrize(("file", "member"), [("run.json", "trigger"), ("plan.json", "tuning")])
def test_a_frozen_run_of_an_older_deployment_is_refused_in_words_and_frees_the_lock(file: str, member: str) -> None:
    at, dataset = with_data()
    run_id = at.call(plan_training, "shop", "data", dataset)["run_id"]
    key = f"runs/shop/{run_id}/{file}"
    content = json.loads(at.objects.read(key))
    del content[member]
    at.objects.write(key, json.dumps(content).encode())
    # as its planner left it when it died before it started the execution
    at.ledger.update_run("shop", run_id, {"status": "starting"})
    second = arrive(at, GOOD)[1]["dataset_id"]
    with pytest.raises(DamagedRecordError, match=rf"{file} cannot be used: {member} is missing"):
        at.call(plan_training, "shop", "data", second)
    assert at.ledger.lock("shop") is None
    assert at.call(plan_training, "shop", "data", second)["status"] == "started"


def test_killed_between_any_two_port_calls_a_retry_starts_the_one_run() -> None:
    for after in range(1, 100):
        at, dataset = with_data()
        try:
            failing(at, after).call(plan_training, "shop", "data", dataset)
            died = False
        except Crash:
            died = True
        at.clock.advance(60)
        run_id = at.call(plan_training, "shop", "data", dataset)["run_id"]
        assert len(at.executions.started) == 1, after
        assert at.ledger.lock("shop")["run_id"] == run_id
        assert at.ledger.run("shop", run_id)["status"] == "running"
        if not died:
            return
    pytest.fail("the step makes more port calls than are tried here")


def test_a_lock_whose_planner_died_is_started_by_the_next_event() -> None:
    """The dead planner's own event never comes again: another dataset's event finds its lock."""
    for after in range(1, 100):
        at, first = with_data()
        try:
            failing(at, after).call(plan_training, "shop", "data", first)
            died = False
        except Crash:
            died = True
        second = arrive(at, GOOD)[1]["dataset_id"]
        at.call(plan_training, "shop", "data", second)
        assert len(at.executions.started) == 1, after
        lock = at.ledger.lock("shop")
        assert at.ledger.run("shop", lock["run_id"])["status"] == "running"
        assert second in lock["pending"] + at.ledger.run("shop", lock["run_id"])["datasets"]
        if not died:
            return


@pytest.mark.parametrize("spot", [False, True])
def test_a_job_waits_for_a_machine_only_where_the_contract_asks_for_spare_ones(spot: bool) -> None:
    contract = Contract.model_validate({**CONTRACT, "training": {"spot": spot}})
    plan = run_plan(SETTINGS, contract, "r1", ["d1"], None).plain()
    jobs = [(plan["stopping"], plan["spot"])]
    jobs += [(each["StoppingCondition"], each["EnableManagedSpotTraining"]) for each in plan["tuning"]["definitions"]]
    assert len(jobs) == 4
    for stopping, enabled in jobs:
        assert enabled is spot
        # AWS refuses a limit of waiting without spot, and one that is less than that of running
        assert ("MaxWaitTimeInSeconds" in stopping) is spot
        assert stopping.get("MaxWaitTimeInSeconds", 99_999) > stopping["MaxRuntimeInSeconds"]


def test_a_run_is_told_where_the_rows_of_the_champion_are_named() -> None:
    at, dataset = with_data()
    first = at.call(plan_training, "shop", "data", dataset)["run_id"]
    assert _compared(at, first) == ("none", "none")
    end(at, first)
    now, place = at.clock.now(), {"artifact_uri": "s3://data/models/shop/a"}
    at.ledger.set_champion("shop", Champion(first, "v", "e", "c", "m", "arn:p", now, now, metrics=place), None)
    second = at.call(plan_training, "shop", "manual")["run_id"]
    prepared = at.objects.uri(f"runs/shop/{first}/prepared/")
    assert _compared(at, second) == (prepared, "none")
    end(at, second)
    champion = at.ledger.champion("shop")
    assert champion
    anchor = {"run_id": "r-best", "artifact_uri": "s3://data/models/shop/best"}
    at.ledger.set_champion("shop", replace(champion, anchor=anchor), first)
    registered = at.ledger.contract("shop")
    assert registered
    gate = {"metric": registered[0]["problem"]["metric"], "not_worse_than_champion_by": 0.01}
    at.ledger.save_contract("shop", {**registered[0], "gates": [gate]}, "v2")
    third = at.call(plan_training, "shop", "manual")["run_id"]
    assert json.loads(at.objects.read(f"runs/shop/{third}/plan.json"))["anchor"] == anchor
    assert _compared(at, third) == (prepared, at.objects.uri("runs/shop/r-best/prepared/"))


def _compared(at: World, run_id: str) -> tuple[str, str]:
    uris = json.loads(at.objects.read(f"runs/shop/{run_id}/plan.json"))["uris"]
    return uris["champion_prepared"], uris["anchor_prepared"]


def test_only_jobs_of_a_family_that_needs_a_library_get_its_channel() -> None:
    candidates = ["gradient_boosting", "lightgbm", "xgboost", "catboost"]
    contract = Contract.model_validate({**CONTRACT, "training": {"candidates": candidates}})
    plan = run_plan(SETTINGS, contract, "r0123456789ab", ["d1"], None).plain()
    beside = SETTINGS.source_uri.removesuffix("sourcedir.tar.gz") + "libraries/"
    found = [
        [c["DataSource"]["S3DataSource"]["S3Uri"] for c in channels if c["ChannelName"] == "libraries"]
        for channels in [plan["channels"], *(each["InputDataConfig"] for each in plan["tuning"]["definitions"])]
    ]
    shipped = [[f"{beside}{name}.tar.gz"] for name in ("lightgbm", "xgboost-cpu", "catboost")]
    assert found == [[], [], *shipped]


def test_a_warm_start_takes_the_newest_run_that_came_to_its_gates() -> None:
    training = {"candidates": ["gradient_boosting"], "tuning": {"warm_start": True}}
    at = shop({**CONTRACT, "training": training})
    dataset = arrive(at, GOOD)[1]["dataset_id"]
    runs = []
    for number, gates in enumerate((True, True, False)):
        run_id = at.call(plan_training, "shop", "manual", dataset, at=f"2026-11-22T12:0{number}:00Z")["run_id"]
        if gates:
            at.ledger.update_run("shop", run_id, {"gates": {"decision": "rejected", "reasons": []}})
        end(at, run_id)
        at.clock.advance(60)
        runs.append(run_id)

    def start_of(run_id: str) -> Any:
        return json.loads(at.objects.read(f"runs/shop/{run_id}/plan.json"))["tuning"]

    assert "no earlier run" in start_of(runs[0])["warm_start_note"]
    assert start_of(runs[1])["warm_start"]["run_id"] == runs[0]
    assert start_of(runs[2])["warm_start"]["run_id"] == runs[1]
    # the third has failed before its gates; where a plan cannot be read, an older one will do
    at.objects.write(f"runs/shop/{runs[1]}/plan.json", b"{}")
    fourth = at.call(plan_training, "shop", "manual", dataset, at="2026-11-22T12:09:00Z")["run_id"]
    assert start_of(fourth)["warm_start"]["run_id"] == runs[0]


def test_auto_is_one_job_with_every_library_and_time_beyond_its_own_budget() -> None:
    training = {"candidates": ["auto"], "tuning": {"max_jobs": 12, "max_minutes": 10}}
    plan = run_plan(
        SETTINGS, Contract.model_validate({**CONTRACT, "training": training}), "r0123456789ab", ["d1"], None
    )
    (definition,) = plan.tuning.definitions
    assert plan.tuning.max_jobs == plan.tuning.parallel_jobs == 1
    ranges = plan.tuning.config["ParameterRanges"]
    assert ranges["CategoricalParameterRanges"] == [{"Name": "search", "Values": ["portfolio"]}]
    assert not ranges["ContinuousParameterRanges"] + ranges["IntegerParameterRanges"]
    (libraries,) = [c for c in definition["InputDataConfig"] if c["ChannelName"] == "libraries"]
    assert libraries["DataSource"]["S3DataSource"]["S3Uri"].endswith("/libraries/")
    assert definition["StoppingCondition"]["MaxRuntimeInSeconds"] > 600
    assert plan.tuning.max_seconds == definition["StoppingCondition"]["MaxRuntimeInSeconds"]
