"""What a record of another deployment comes to: it is read, or refused in words that name the file and the member."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from sluice import keys
from sluice.contract import Contract
from sluice.errors import DamagedRecordError
from sluice.records.baseline import Baseline
from sluice.records.evaluation import Evaluation
from sluice.records.run_inputs import RunInputs
from sluice.records.run_record import RunFacts, StageDecision
from sluice.records.training_plan import NO_MODEL, TrainingPlan
from sluice.serving.abort_requests import abort_requested
from sluice.steps.judge_candidate import judge_candidate
from sluice.steps.plan_training import run_plan
from sluice.steps.register_model import register_model
from sluice.store.run_records import run_contract, run_inputs, run_record, update_run
from testing.fakes import SETTINGS
from testing.release_world import CONTRACT, NEW, PROJECT, URI, build

WHERE = "s3://data/runs/shop/r2/run.json"


def frozen() -> tuple[Any, str, dict[str, Any]]:
    world = build()
    key = keys.run(PROJECT, NEW, "run.json")
    return world, key, json.loads(world.objects.read(key))


def test_members_of_a_newer_deployment_are_left_out() -> None:
    world, key, content = frozen()
    world.objects.write(key, json.dumps({**content, "owner": "a team"}).encode())
    assert world.call(run_inputs, PROJECT, NEW) == RunInputs.of(content, WHERE)


@pytest.mark.parametrize("member", ["contract", "datasets", "created_at"])
def test_a_member_that_is_missing_is_named_with_its_file(member: str) -> None:
    world, key, content = frozen()
    del content[member]
    world.objects.write(key, json.dumps(content).encode())
    with pytest.raises(DamagedRecordError, match=f"^{WHERE} cannot be used: {member} is missing"):
        world.call(run_contract, PROJECT, NEW)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"{", "is not JSON"),
        (b"[]", "cannot be used: the record: Input should be"),
        (b"[" * 100_000, "is not JSON"),
        (b"null", "cannot be used"),
    ],
)
def test_what_is_no_record_is_refused_in_words(body: bytes, what: str) -> None:
    world, key, _ = frozen()
    world.objects.write(key, body)
    with pytest.raises(DamagedRecordError, match=what):
        world.call(run_inputs, PROJECT, NEW)


def test_a_frozen_contract_is_read_as_strictly_as_a_new_one() -> None:
    world, key, content = frozen()
    content["contract"]["release"]["percents"] = [10]
    content["contract"]["data"]["columns"]["pages"]["min"] = "secret"
    world.objects.write(key, json.dumps(content).encode())
    with pytest.raises(DamagedRecordError, match=r"contract\.release\.percents: Extra inputs") as raised:
        world.call(run_inputs, PROJECT, NEW)
    assert "contract.data.columns.pages.min: " in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_record_with_a_member_that_it_does_not_have_is_not_made() -> None:
    content = build().call(run_inputs, PROJECT, NEW).plain()
    with pytest.raises(ValidationError, match="owner"):
        RunInputs(**content, owner="a team")


def test_an_evaluation_of_an_older_deployment_is_read() -> None:
    told = {"metric": "roc_auc", "lower_is_better": False, "problem": "binary", "rows": 3}
    found = Evaluation.of({**told, "candidate": {"metrics": {"roc_auc": 0.9}}, "champion": None}, WHERE)
    assert (found.metric_of("candidate", "roc_auc"), found.metric_of("champion", "roc_auc")) == (0.9, None)
    assert found.slices == found.not_compared == {}


def test_a_plan_of_an_older_deployment_names_no_prepared_data_of_other_runs() -> None:
    plan = run_plan(SETTINGS, Contract.model_validate(CONTRACT), "r2", ["d1"], None).plain()
    del plan["uris"]["champion_prepared"], plan["uris"]["anchor_prepared"]
    uris = TrainingPlan.of(plan, WHERE).uris
    assert (uris.champion_prepared, uris.anchor_prepared) == (NO_MODEL, NO_MODEL)


def test_a_damaged_evaluation_is_an_inconclusive_verdict_that_says_what_is_wrong() -> None:
    world = build()
    world.objects.write(keys.run(PROJECT, NEW, "evaluation", "evaluation.json"), b'{"rows": 100}')
    answer = world.call(judge_candidate, PROJECT, NEW)
    assert answer["decision"] == "inconclusive"
    assert "metric is missing, lower_is_better is missing, problem is missing and 1 more" in answer["reasons"][0]
    with pytest.raises(DamagedRecordError, match=r"evaluation\.json cannot be used: metric is missing"):
        world.call(register_model, PROJECT, NEW, URI)


def test_values_of_rows_are_not_in_the_message() -> None:
    columns = {"channel": {"type": "category", "shares": {"secret": "much"}, "missing": 0.0}}
    with pytest.raises(DamagedRecordError, match=r"columns\.channel: Input should be a valid number") as raised:
        Baseline.of({"columns": columns, "rows": 1}, WHERE)
    assert "secret" not in str(raised.value)


def test_a_run_record_has_what_its_steps_have_set() -> None:
    world = build()
    assert world.call(update_run, PROJECT, NEW, RunFacts(canary=StageDecision(decision="abort", reasons=["slow"])))
    assert world.ledger.run(PROJECT, NEW)["canary"] == {"decision": "abort", "reasons": ["slow"]}
    record = world.call(run_record, PROJECT, NEW)
    assert record is not None
    assert (record.status, record.canary and record.canary.reasons, record.outcome) == ("running", ["slow"], None)
    assert not world.call(update_run, PROJECT, "r9", RunFacts(status="failed"))
    assert world.call(run_record, PROJECT, "r9") is None


@pytest.mark.parametrize(
    ("asked", "reason"),
    [({"reason": "slow"}, "slow"), (True, "by a person"), ({"by": "me"}, "by a person"), ("", None), (None, None)],
)
def test_an_abort_may_be_asked_for_in_the_table_by_hand(asked: Any, reason: str | None) -> None:
    world = build()
    world.ledger.update_run(PROJECT, NEW, {"abort_requested": asked})
    assert world.call(abort_requested, PROJECT, NEW) == reason


def test_a_damaged_run_record_is_named() -> None:
    world = build()
    world.ledger.update_run(PROJECT, NEW, {"gates": {"decision": "approved"}})
    with pytest.raises(DamagedRecordError, match=r"run r2 of shop cannot be used: gates\.reasons is missing"):
        world.call(run_record, PROJECT, NEW)
