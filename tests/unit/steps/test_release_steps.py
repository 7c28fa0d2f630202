"""The steps of a release in the order of the state machine, twice each where a retry may come."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from sluice import keys
from sluice.errors import EndpointBusyError, InputError, ReleaseError
from sluice.ports import ENDPOINT as PORTS_ENDPOINT
from sluice.ports import Answer, Json, Variant
from sluice.records.evaluation import Measured, PairedDifference
from sluice.records.run_record import Approval, RunFacts
from sluice.steps.complete_release import complete_release
from sluice.steps.complete_rollback import complete_rollback
from sluice.steps.finish_run import finish_run, stopped_run
from sluice.steps.judge_canary import judge_canary
from sluice.steps.judge_candidate import judge_candidate
from sluice.steps.plan_release import plan_release
from sluice.steps.plan_rollback import plan_rollback
from sluice.steps.register_model import register_model
from sluice.steps.request_approval import request_approval
from sluice.steps.resume_approval import resume_approval
from sluice.steps.verify_endpoint import verify_endpoint
from testing.release_world import CONTRACT, ENDPOINT, NEW, OLD, PROJECT, URI, build, evaluated, evaluation, freeze
from tests.unit.steps.captures import lay


def planned(world):
    arn = world.call(register_model, PROJECT, NEW, URI)["package_arn"]
    return arn, world.call(plan_release, PROJECT, NEW, arn, URI)


def look(world, plan, step=0):
    return world.call(
        judge_canary, PROJECT, NEW, step, plan["weights"][step]["percent"], plan["started_at"], release_plan=plan
    )


def test_gates_approve_reject_and_miss() -> None:
    assert build().call(judge_candidate, PROJECT, NEW)["decision"] == "approved"
    worse = build(auc=0.5)
    assert worse.call(judge_candidate, PROJECT, NEW)["decision"] == "rejected"
    assert worse.alerts.kinds == ["Candidate Rejected"]
    blind = build()
    blind.objects.remove(keys.run(PROJECT, NEW, "evaluation", "evaluation.json"))
    assert blind.call(judge_candidate, PROJECT, NEW)["decision"] == "inconclusive"


@pytest.mark.parametrize(("low", "anchored"), [(-0.001, True), (0.001, False)])
def test_a_promotion_keeps_the_anchor_unless_the_model_is_surely_better(low: float, anchored: bool) -> None:
    world = build()
    gate = {"metric": "roc_auc", "not_worse_than_champion_by": 0.01}
    freeze(world, NEW, {**CONTRACT, "gates": [gate]})
    pair = PairedDifference(difference=low + 0.01, low=low, high=low + 0.02, confidence=0.95)
    champion = Measured(metrics={"roc_auc": 0.89}, run_id=OLD)
    evaluated(world, NEW, evaluation(champion=champion, paired={"roc_auc": pair}))
    before = world.ledger.champion(PROJECT)
    arn, plan = planned(world)
    world.call(complete_release, PROJECT, NEW, "promoted", arn, URI, plan)
    anchor = {"run_id": OLD, "artifact_uri": before.metrics["artifact_uri"]}
    assert world.ledger.champion(PROJECT).anchor == (anchor if anchored else None)


def test_approval_resumes_once() -> None:
    world = build(approval="manual")
    arn = world.call(register_model, PROJECT, NEW, URI)["package_arn"]
    assert world.call(request_approval, PROJECT, NEW, arn, "token")["decision"] == "waiting"
    assert world.call(resume_approval, arn, "Approved")["decision"] == "approved"
    assert world.call(resume_approval, arn, "Approved")["decision"] == "ignored"
    assert world.executions.succeeded == {"token": {"decision": "approved"}}


def test_a_canary_is_promoted_and_its_champion_remembered() -> None:
    world = build()
    arn, plan = planned(world)
    assert plan["mode"] == "canary"
    assert planned(world)[1] == plan
    world.models.put_endpoint(ENDPOINT, plan["only_config"])
    world.models.answer = lambda call: Answer(200, b"{}", "v-r2")
    seen = world.call(verify_endpoint, PROJECT, NEW, ENDPOINT, plan["only_config"], "v-r2", "promotion")
    assert seen["decision"] == "verified"
    for _ in range(2):
        done = world.call(complete_release, PROJECT, NEW, "promoted", arn, URI, plan)
        assert done == {"outcome": "promoted", "verified": True}
    report = world.objects.uri(keys.release_report(PROJECT, NEW))
    assert world.ledger.run(PROJECT, NEW)["release_report"] == report
    assert f"Report of the release: {report}" in world.alerts.published[-1].message
    assert "verified" in world.objects.read(keys.release_report(PROJECT, NEW)).decode()
    champion = world.ledger.champion(PROJECT)
    assert (champion.run_id, champion.previous["run_id"]) == (NEW, OLD)
    assert set(world.alarms.alarms) == {
        f"sluice/{PROJECT}/{kind}" for kind in ("drift", "quality", "champion-errors", "probation")
    }

    with pytest.raises(EndpointBusyError, match="being changed by r2"):
        world.call(plan_rollback, PROJECT, "errors", "back-1", NEW)
    world.call(finish_run, PROJECT, NEW, "promoted")
    back = world.call(plan_rollback, PROJECT, "errors", "back-1", NEW)
    assert back["target_config"] == "only1"
    assert world.call(complete_rollback, PROJECT, "errors", "back-1", back, {"decision": "verified"})["verified"]
    assert world.ledger.champion(PROJECT).run_id == OLD
    assert world.ledger.lock(PROJECT, of=PORTS_ENDPOINT) is None
    assert world.call(plan_rollback, PROJECT, "a second alarm", "back-2", NEW)["decision"] == "done"
    assert world.call(plan_rollback, PROJECT, "again", "back-3")["decision"] == "impossible"


def test_a_model_that_was_not_approved_says_who_or_since_when() -> None:
    world = build()
    asked = RunFacts(approval=Approval(package_arn="arn", requested_at="2026-11-22T12:00:00+00:00"))
    world.ledger.update_run(PROJECT, NEW, asked.set_facts())
    world.call(finish_run, PROJECT, NEW, "not_approved")
    told = world.alerts.published[-1]
    assert (told.kind, "Nobody has decided since 2026-11-22T12:00:00" in told.message) == ("Model Not Approved", True)

    world = build()
    decided = Approval(package_arn="arn", decision="not_approved", reason="too slow (rejected by anna)")
    world.ledger.update_run(PROJECT, NEW, RunFacts(approval=decided).set_facts())
    world.call(finish_run, PROJECT, NEW, "not_approved")
    assert world.alerts.published[-1].message.startswith("A person rejected it: too slow (rejected by anna).")


def test_the_judge_counts_a_failure_in_one_step_only() -> None:
    world = build()
    _, plan = planned(world)
    now = world.clock.now()
    world.metrics.add(ENDPOINT, "v-r2", "Invocations", now, 100)
    world.metrics.add(ENDPOINT, "v-r1", "Invocations", now, 900)
    world.metrics.add(ENDPOINT, "v-r2", "Invocation5XXErrors", now, 1)
    world.clock.advance(600)
    for variant, answers, apart in (("v-r2", 40, 9.0), ("v-r1", 360, 1.0)):
        lay(world, variant, [{"pages": 1.0}] * answers, at=now + timedelta(seconds=1), apart=apart)
    assert look(world, plan)["decision"] == "advance"
    assert look(world, plan)["decision"] == "advance"
    look(world, plan, step=1)
    record = json.loads(world.objects.read(keys.decision(PROJECT, NEW, "canary")))
    assert record["looks"][-1]["inputs"]["step_canary"]["failures"] == 0
    assert record["looks"][-1]["inputs"]["carried"]["failures"] > 0


def test_the_last_step_beside_a_control_waits_for_captured_answers() -> None:
    def released(answers: int, step: int, minutes: int = 10, **release: Any) -> Json:
        world = build(steps=[10, 50, 100], max_bake="20m", **release)
        _, plan = planned(world)
        now = world.clock.now()
        world.clock.advance(minutes * 60)
        for variant in ("v-r2", "v-r1"):
            world.metrics.add(ENDPOINT, variant, "Invocations", now, 100)
            lay(world, variant, [{"pages": 1.0}] * answers, at=now + timedelta(seconds=1))
        return look(world, plan, step)

    assert released(0, step=0)["decision"] == "advance"
    late = released(0, step=1)
    assert (late["decision"], late["reasons"]) == (
        "continue",
        ["too few captured answers: 0 of the canary were read, 30 are needed; decided after 1200 s at the latest"],
    )
    assert released(40, step=1)["decision"] == "advance"
    ended = released(0, step=1, minutes=20)
    assert (ended["decision"], ended["inconclusive"]) == ("abort", True)
    assert released(0, step=1, capture_percent=0)["decision"] == "advance"


def test_alone_its_answers_are_still_read_for_their_form() -> None:
    world = build(steps=[100], bake="10m", replay=0)
    _, plan = planned(world)
    began = world.clock.now()
    world.clock.advance(600)
    lay(world, "v-r2", [{"pages": 1.0}] * 320, at=began + timedelta(seconds=1))
    lay(world, "v-r2", [{"pages": 1.0}] * 4, at=began + timedelta(seconds=2), answer={"predictions": []}, prefix="bad")
    world.metrics.add(ENDPOINT, "v-r2", "Invocations", began, 324)
    world.metrics.add_latency(ENDPOINT, "v-r2", began, 5.0)
    seen = world.call(judge_canary, PROJECT, NEW, 0, 100, began.isoformat(), release_plan=plan)
    assert (seen["decision"], seen["inconclusive"]) == ("abort", True)
    assert "4 of 324 requests failed" in seen["reasons"][1]


def test_of_several_machines_only_what_all_have_uploaded_is_read() -> None:
    def split(instances: int) -> list[int]:
        world = build(steps=[50, 100], instances=instances)
        _, plan = planned(world)
        began = world.clock.now()
        world.clock.advance(600)
        # one machine of the control has not uploaded yet
        for name, variant, apart in (("a", "v-r2", 2.0), ("b", "v-r2", 2.0), ("a", "v-r1", 2.0)):
            many = int(600 / apart) - 1
            lay(world, variant, [{"pages": 1.0}] * many, at=began + timedelta(seconds=1), apart=apart, prefix=name)
        lay(world, "v-r1", [{"pages": 1.0}] * 150, at=began + timedelta(seconds=1), apart=2.0, prefix="b")
        world.call(judge_canary, PROJECT, NEW, 0, 50, began.isoformat(), release_plan=plan)
        record = json.loads(world.objects.read(keys.decision(PROJECT, NEW, "canary")))
        return record["looks"][-1]["inputs"]["split"]

    assert split(1) == [598, 1047]
    assert split(2) == [300, 600]


def test_without_a_replay_what_the_control_did_before_is_not_counted() -> None:
    world = build(replay=0)
    _, plan = planned(world)
    for name in ("Invocations", "Invocation5XXErrors"):
        world.metrics.add(ENDPOINT, "v-r1", name, world.clock.now(), 36)
    world.clock.advance(300)
    began = world.clock.now()
    world.clock.advance(100)
    for variant, requests, failed in (("v-r2", 240, 9), ("v-r1", 2_000, 0)):
        world.metrics.add(ENDPOINT, variant, "Invocations", world.clock.now(), requests)
        world.metrics.add(ENDPOINT, variant, "Invocation5XXErrors", world.clock.now(), failed)
    seen = world.call(judge_canary, PROJECT, NEW, 0, 10, began.isoformat(), release_plan=plan)
    assert "9 of 9 failures" in seen["reasons"][0]


def test_answers_of_earlier_steps_count_too() -> None:
    world = build(steps=[10, 50, 100])
    _, plan = planned(world)
    for step, of_control in enumerate([180, 20]):
        began = world.clock.now()
        world.clock.advance(600)
        for variant, many in (("v-r2", 20), ("v-r1", of_control)):
            world.metrics.add(ENDPOINT, variant, "Invocations", began, 100)
            first, rows = began + timedelta(seconds=1), [{"pages": 1.0}] * many
            lay(world, variant, rows, at=first, apart=180 / many, prefix=f"{step}-")
        seen = world.call(judge_canary, PROJECT, NEW, step, (10, 50)[step], began.isoformat(), release_plan=plan)
        assert seen["decision"] == "advance", seen


def test_a_sick_canary_is_rolled_back_loudly_when_not_verified() -> None:
    world = build()
    arn, plan = planned(world)
    for name in ("Invocations", "Invocation5XXErrors"):
        world.metrics.add(ENDPOINT, "v-r2", name, world.clock.now(), 10)
    assert look(world, plan)["decision"] == "abort"
    done = world.call(
        complete_release, PROJECT, NEW, "rolled_back", arn, URI, plan, {"decision": "failed", "reasons": ["x"]}
    )
    assert done["verified"] is False
    assert world.alerts.kinds[-1] == "Rollback Not Verified"
    assert world.registry.package(arn)["status"] == "Rejected"
    assert world.ledger.champion(PROJECT).run_id == OLD


def test_a_report_that_cannot_be_written_stops_no_rollback_and_is_said() -> None:
    world = build()
    arn, plan = planned(world)
    world.objects.write(keys.decision(PROJECT, NEW, "canary"), b"not JSON")
    told = {"decision": "verified", "reasons": []}
    assert world.call(complete_release, PROJECT, NEW, "rolled_back", arn, URI, plan, told)["verified"]
    message = world.alerts.published[-1].message
    assert "The report of the release could not be written (DamagedRecordError)" in message
    assert "release_report" not in world.ledger.run(PROJECT, NEW)


def failure(state, before=None):
    return {"state": state, "error": "Boom", "cause": f'{{"errorMessage": "{state} is tired"}}', "before": before}


def test_every_failure_on_the_way_is_in_the_alert_and_the_judges_reasons_once() -> None:
    world = build()
    arn, plan = planned(world)
    for name in ("Invocations", "Invocation5XXErrors"):
        world.metrics.add(ENDPOINT, "v-r2", name, world.clock.now(), 10)
    reasons = look(world, plan)["reasons"]
    aborted = {"state": "Judge Canary", "error": "CanaryAborted", "cause": json.dumps(reasons), "before": None}
    failed = failure("Await Rollback", failure("Cut Canary Traffic", aborted))
    world.call(complete_release, PROJECT, NEW, "rolled_back", arn, URI, plan, {"decision": "verified"}, failed)
    more = ["Cut Canary Traffic: Boom: Cut Canary Traffic is tired", "Await Rollback: Boom: Await Rollback is tired"]
    assert world.ledger.run(PROJECT, NEW)["reasons"] == [*reasons, *more]
    assert world.alerts.published[-1].message.startswith("; ".join([*reasons, *more]))


def test_a_promotion_says_which_failures_it_went_on_after() -> None:
    world = build()
    arn, plan = planned(world)
    world.call(complete_release, PROJECT, NEW, "promoted", arn, URI, plan, failure=failure("Promote Model"))
    assert world.ledger.run(PROJECT, NEW)["overcome"] == ["Promote Model: Boom: Promote Model is tired"]
    assert "failures: Promote Model: Boom: Promote Model is tired\n" in world.alerts.published[-1].message


def test_a_rollback_that_was_verified_in_spite_of_a_failure_is_done_and_says_it() -> None:
    world = build()
    arn, plan = planned(world)
    world.call(complete_release, PROJECT, NEW, "promoted", arn, URI, plan)
    world.call(finish_run, PROJECT, NEW, "promoted")
    back = world.call(plan_rollback, PROJECT, "an alarm", "x", NEW)
    failed = failure("Restore Previous Model")
    done = world.call(
        complete_rollback, PROJECT, "an alarm", "x", back, {"decision": "verified", "reasons": []}, failed
    )
    assert done == {"outcome": "rolled_back", "verified": True}
    assert "after these failures: Restore Previous Model: Boom" in world.alerts.published[-1].message
    assert world.ledger.champion(PROJECT).run_id == OLD


def test_a_rollback_that_was_not_verified_says_both_reasons() -> None:
    world = build()
    arn, plan = planned(world)
    world.call(complete_release, PROJECT, NEW, "promoted", arn, URI, plan)
    world.call(finish_run, PROJECT, NEW, "promoted")
    back = world.call(plan_rollback, PROJECT, "an alarm", "x", NEW)
    seen = {"decision": "failed", "reasons": ["it serves another"]}
    done = world.call(complete_rollback, PROJECT, "an alarm", "x", back, seen, failure("Restore Previous Model"))
    assert done["verified"] is False
    said = "an alarm\nRestore Previous Model: Boom: Restore Previous Model is tired\nit serves another"
    assert world.alerts.published[-1].message == said


def test_a_failed_run_says_what_failed_before() -> None:
    world = build()
    world.call(finish_run, PROJECT, NEW, "failed", failure("Finish Run", failure("Release Model")))
    cause = world.ledger.run(PROJECT, NEW)["error"]["cause"]
    assert cause == "Finish Run is tired; before that, Release Model: Boom: Release Model is tired"


def test_verification_names_what_is_wrong() -> None:
    world = build()
    seen = world.call(verify_endpoint, PROJECT, NEW, ENDPOINT, "other", "v-r1", "rollback")
    assert seen["decision"] == "failed"
    assert "serves only1, not other" in seen["reasons"][0]


def test_a_finished_run_frees_the_lock_and_forwards_once() -> None:
    world = build()
    world.ledger.add_pending(PROJECT, "(drift)", "drift")
    for _ in range(2):
        world.call(
            finish_run, PROJECT, NEW, "failed", {"state": "Train", "error": "Boom", "cause": '{"errorMessage": "m"}'}
        )
    assert world.ledger.lock(PROJECT) is None
    assert [kind for kind, _ in world.events.put_events] == ["Training Requested", "Run Finished"]
    assert world.events.put_events[0][1]["trigger"] == "drift"
    assert world.alerts.kinds == ["Run Failed"]


def stopped(status: str, **more: Any) -> Any:
    """The detail of Step Functions' event."""
    return {"status": status, "input": json.dumps({"project": PROJECT, "run_id": NEW}), **more}


def test_a_first_release_takes_its_own_endpoint_and_never_a_strangers() -> None:
    world = build(champion=False)
    arn = world.call(register_model, PROJECT, NEW, URI)["package_arn"]
    world.models.ensure_model("m", "s3://data/m", "image", {})
    for config, variant in (("strange", "v-r9"), ("failed", f"v-{OLD}")):
        world.models.ensure_endpoint_config(config, [Variant(variant, "m", 1.0, "ml.m5.large", 1)], "s3://c", 100)
    world.models.put_endpoint(ENDPOINT, "strange")
    with pytest.raises(ReleaseError, match="serves v-r9, which no run of shop made"):
        world.call(plan_release, PROJECT, NEW, arn, URI)
    assert world.models.configs.keys() == {"strange", "failed"}
    world.models.put_endpoint(ENDPOINT, "failed")
    assert world.call(plan_release, PROJECT, NEW, arn, URI)["mode"] == "replace"


def test_a_run_that_somebody_stopped_frees_the_lock_and_is_told() -> None:
    world = build()
    world.ledger.add_pending(PROJECT, "(drift)", "drift")
    world.call(finish_run, **stopped_run(stopped("ABORTED", error=None, cause=None)))
    assert world.ledger.lock(PROJECT) is None
    assert world.ledger.lock(PROJECT, of=PORTS_ENDPOINT) is None
    assert [kind for kind, _ in world.events.put_events] == ["Training Requested", "Run Finished"]
    assert "was stopped (StopExecution)" in world.alerts.published[-1].message
    assert world.ledger.run(PROJECT, NEW)["status"] == "failed"


def test_the_event_of_a_run_that_recorded_its_end_changes_nothing() -> None:
    world = build()
    world.call(finish_run, PROJECT, NEW, "failed", {"state": "Train", "error": "Boom", "cause": "no data"})
    world.ledger.acquire_lock(PROJECT, "the next run", world.clock.now())
    before = world.ledger.run(PROJECT, NEW)
    world.call(finish_run, **stopped_run(stopped("FAILED", error="Boom", cause="Train: no data")))
    assert world.ledger.run(PROJECT, NEW) == before
    assert world.ledger.lock(PROJECT)["run_id"] == "the next run"
    assert world.alerts.kinds == ["Run Failed"]


def test_an_error_that_no_catch_gets_is_named() -> None:
    found = stopped_run(stopped("FAILED", error="States.DataLimitExceeded", cause="the output is too large"))
    assert found["error"]["error"] == "States.DataLimitExceeded"
    assert found["error"]["cause"] == "its execution failed: the output is too large"
    with pytest.raises(InputError, match="no input"):
        stopped_run({"status": "ABORTED", "input": None, "executionArn": "arn:x"})


def test_a_run_without_a_record_still_frees_the_lock() -> None:
    world = build()
    del world.ledger.run_records[PROJECT]
    world.call(finish_run, PROJECT, NEW, "failed")
    assert world.ledger.lock(PROJECT) is None


def test_a_failed_run_says_its_reason_in_full_and_not_its_wrapping() -> None:
    world = build()
    job = {"TransformJobName": "n" * 60, "TransformJobArn": "arn:aws:" + "x" * 300, "FailureReason": "the reason " * 40}
    cause = json.dumps({"ExecutionArn": "arn:" + "y" * 200, "Status": "FAILED", "Cause": f"Clean: {json.dumps(job)}"})
    world.call(
        finish_run, PROJECT, NEW, "failed", {"state": "Prepare Data", "error": "States.TaskFailed", "cause": cause}
    )
    message = world.alerts.published[-1].message
    assert ("the reason " * 40).strip() in message
    assert "arn:" not in message
    assert world.ledger.run(PROJECT, NEW)["error"]["cause"].startswith("Clean: the reason")


def test_a_failed_run_without_a_cause_says_so() -> None:
    world = build()
    world.call(finish_run, PROJECT, NEW, "failed", {"state": "Train Models", "error": "Boom", "cause": ""})
    assert "gave no cause" in world.alerts.published[-1].message
