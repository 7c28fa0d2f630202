"""Canary: one measurement of the traffic of champion and challenger."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sluice import keys
from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.errors import ReleaseError
from sluice.ports import Alarms, Clock, Json, Ledger, Metrics, ObjectStore, Settings
from sluice.records.boundary import json_boundary
from sluice.records.release_plan import ReleasePlan
from sluice.records.run_record import RunFacts, StageDecision
from sluice.release import endpoint_alarms, traffic
from sluice.release.judge import TESTS, Counts, Measurement, Verdict, judge
from sluice.release.plan import timing
from sluice.serving.abort_requests import abort_requested
from sluice.serving.held_out_requests import HELD_OUT
from sluice.serving.live_answers import LiveAnswers, live_answers
from sluice.store.run_records import evaluation_if_any, run_contract, stored_json, update_run, write_json

MAX_LOOKS = 500
_NONE = Counts()


@json_boundary
def judge_canary(
    project: str,
    run_id: str,
    step_index: int,
    percent: int,
    step_started_at: str,
    release_plan: ReleasePlan,
    looks: int | None = None,
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    metrics: Metrics,
    alarms: Alarms,
    clock: Clock,
) -> Json:
    """`{"decision": continue | advance | promote | abort, "reasons", "inconclusive", "percent", "step_index"}`.

    `step_started_at` is an ISO time; `release_plan` is plan_release's answer. `looks`, where given, is the number of
    analysis intervals waited at this step, including this one; the bake ends by it or by the clock, whichever is first.
    Raises ReleaseError when there is no champion to compare with.
    """
    contract = run_contract(project, run_id, objects=objects)
    if not release_plan.champion_variant:
        raise ReleaseError(f"{project} has no champion to compare {run_id} with")
    now = clock.now()
    release, stack = contract.release, settings.stack
    record_key = keys.decision(project, run_id, "canary")
    record = _record(record_key, project, run_id, objects=objects)
    steps: dict[str, Any] = record["steps"]
    if "origin" not in record:
        began = datetime.fromisoformat(step_started_at)
        record["origin"] = _origin(
            project, run_id, release_plan, began, now, release.max_p99_ms, objects=objects, metrics=metrics
        )
    canary, control, tail = _traffic(release_plan, record["origin"], now, release.max_p99_ms, metrics=metrics)
    asked_of_control = _asked_of_control(release_plan, record["origin"], control, now, metrics=metrics)
    step_began = datetime.fromisoformat(step_started_at)
    live = _live(contract, run_id, release_plan, percent, step_began, now, objects=objects)
    closed = [facts for index, facts in steps.items() if int(index) < step_index]
    malformed = sum(facts["malformed"][0] for facts in closed) + live.malformed[0]
    before = steps.get(str(step_index - 1), {})
    elapsed = (now - step_began).total_seconds()
    if looks is not None:
        elapsed = max(elapsed, looks * timing(release)["slice_seconds"])
    replay = stored_json(keys.decision(project, run_id, "replay"), objects=objects) or {}
    look = Measurement(
        percent=percent,
        last=(release.strategy != "bandit" and not release_plan.drill and step_index >= len(release_plan.weights) - 1),
        elapsed=elapsed,
        step_control=_with_failures(traffic.since(control, _counts(before.get("control"))), live.malformed[1]),
        step_canary=_with_failures(traffic.since(canary, _counts(before.get("canary"))), live.malformed[0]),
        total=_with_failures(canary, malformed),
        tail_ms=tail,
        alarms=alarms.states(endpoint_alarms.canary_names(stack, project, run_id)),
        abort_requested=abort_requested(project, run_id, ledger=ledger),
        carried={test: sum(facts["log_e"].get(test, 0.0) for facts in closed) for test in TESTS},
        scores=live.scores,
        split=live.split,
        replayed=_counts(replay.get("replayed")),
        answers_read=sum(facts["answers_read"] for facts in closed) + live.read if release.capture_percent else None,
        malformed=malformed,
        live=None if release_plan.drill else canary.requests + asked_of_control,
        held_out=replay.get("source") == HELD_OUT,
        control_ends=_control_ends(release_plan, step_index),
    )
    verdict = judge(look, release)
    if release_plan.drill and verdict.decision in ("advance", "promote"):
        verdict = replace(verdict, decision="abort", reasons=["the drill's bake is over, and no alarm has ended it"])
    steps[str(step_index)] = {
        "percent": percent,
        "log_e": verdict.step_evidence,
        "canary": asdict(canary),
        "control": asdict(control),
        "malformed": list(live.malformed),
        "answers_read": live.read,
    }
    return _recorded(
        contract, run_id, record_key, record, look, verdict, step_index, now, objects=objects, ledger=ledger
    )


def _recorded(
    contract: Contract,
    run_id: str,
    key: str,
    record: Json,
    look: Measurement,
    verdict: Verdict,
    step_index: int,
    now: datetime,
    *,
    objects: ObjectStore,
    ledger: Ledger,
) -> Json:
    release = contract.release
    entry = {
        "at": now.isoformat(),
        "step_index": step_index,
        "inputs": asdict(look),
        "statistic": verdict.statistic,
        "decision": verdict.decision,
        "reasons": verdict.reasons,
    }
    record["looks"] = [*record["looks"], entry][-MAX_LOOKS:]
    record["thresholds"] = {**release.model_dump(mode="json"), "bake_seconds": seconds(release.bake)}
    summary: Json = {"decision": verdict.decision, "reasons": verdict.reasons, "inconclusive": verdict.inconclusive}
    if verdict.no_traffic:
        summary["no_traffic"] = verdict.no_traffic
    record.update(summary)
    write_json(key, record, objects=objects)
    update_run(contract.project, run_id, RunFacts(canary=StageDecision(**summary, percent=look.percent)), ledger=ledger)
    return {**summary, "percent": look.percent, "step_index": step_index, "record": key}


def _origin(
    project: str,
    run_id: str,
    release_plan: ReleasePlan,
    began: datetime,
    now: datetime,
    limit_ms: float,
    *,
    objects: ObjectStore,
    metrics: Metrics,
) -> Json:
    """What the variants' metrics hold from before the live steps: `at`, and counts to subtract.

    A fleet that was swapped keeps its variant's name, so all until now is the old model's. Two variants have what
    the replay asked; without one, a canary had no request before its first step began, and the control its own.
    """
    planned = datetime.fromisoformat(release_plan.started_at)
    if release_plan.strategy == "blue_green":
        swapped = traffic.counts(metrics, release_plan.endpoint, release_plan.variant, planned, now, limit_ms)
        return {"at": now.isoformat(), "canary": asdict(swapped), "control": None}
    replay = stored_json(keys.decision(project, run_id, "replay"), objects=objects)
    if origin := (replay or {}).get("origin"):
        return {"at": release_plan.started_at, **origin}
    # whole minutes, as metrics come: some failures of the control too many make less of the canary's
    before = began.replace(second=0, microsecond=0)
    control = traffic.counts(metrics, release_plan.endpoint, release_plan.control, planned, before, limit_ms)
    return {"at": release_plan.started_at, "canary": None, "control": asdict(control)}


def _traffic(
    release_plan: ReleasePlan, origin: Json, now: datetime, limit_ms: float, *, metrics: Metrics
) -> tuple[Counts, Counts, float | None]:
    """(canary, control, the canary's tail latency) since the origin."""
    endpoint, variant = release_plan.endpoint, release_plan.variant
    begin = datetime.fromisoformat(release_plan.started_at)

    def live(name: str, before: Any) -> Counts:
        return traffic.since(traffic.counts(metrics, endpoint, name, begin, now, limit_ms), _counts(before))

    canary, control = live(variant, origin["canary"]), _NONE
    if release_plan.strategy != "blue_green":
        control = live(release_plan.control, origin["control"])
    since = datetime.fromisoformat(origin["at"])
    return canary, control, traffic.tail_ms(metrics, endpoint, variant, since, now, canary.requests)


def _asked_of_control(
    release_plan: ReleasePlan, origin: Json, control: Counts, now: datetime, *, metrics: Metrics
) -> int:
    """How many live requests the control had, for whether anybody asks at all; `control` are its counts.

    The metrics of requests that came just before or during the replay may arrive after its end, and `control` then has
    them. Two whole minutes later, the minutes since the replay are complete, and have none of them.
    """
    until = origin.get("until")
    if not control.requests or not until:
        return control.requests
    after = datetime.fromisoformat(until).replace(second=0, microsecond=0) + timedelta(minutes=1)
    if now < after + timedelta(minutes=2):
        return control.requests
    return traffic.counts(metrics, release_plan.endpoint, release_plan.control, after, now, None).requests


def _live(
    contract: Contract,
    run_id: str,
    release_plan: ReleasePlan,
    percent: int,
    began: datetime,
    now: datetime,
    *,
    objects: ObjectStore,
) -> LiveAnswers:
    """Nothing where nothing is captured."""
    if not contract.release.capture_percent:
        return LiveAnswers()
    evaluation = evaluation_if_any(contract.project, run_id, objects=objects)
    expected = evaluation.scores if evaluation else None
    return live_answers(contract, release_plan, (began, now), expected, alone=percent >= 100, objects=objects)


def _control_ends(release_plan: ReleasePlan, step_index: int) -> bool:
    """True where going on leaves the canary alone: at the last step beside a control, and at each one of a bandit."""
    if release_plan.strategy == "bandit":
        return True
    percents = [step.percent for step in release_plan.weights]
    return percents[step_index] < 100 and percents[step_index + 1 : step_index + 2] == [100]


def _with_failures(counts: Counts, more: int) -> Counts:
    """Malformed answers are failures for the caller."""
    return replace(counts, failures=counts.failures + more)


def _record(key: str, project: str, run_id: str, *, objects: ObjectStore) -> Json:
    empty = {"kind": "canary", "project": project, "run_id": run_id, "steps": {}, "looks": []}
    return stored_json(key, objects=objects) or empty


def _counts(content: Any) -> Counts:
    return Counts(**content) if content else _NONE
