"""Canary: one look at the traffic of champion and challenger."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sluice import keys, names
from sluice.contract.durations import seconds
from sluice.errors import NotFoundError, ReleaseError
from sluice.ports import Json, World
from sluice.release import alarms, traffic
from sluice.release.judge import TESTS, Counts, Look, judge
from sluice.release.plan import timing
from sluice.steps.run_records import read_json, run_contract, update_run, write_json

MAX_LOOKS = 500
_NONE = Counts()


def judge_canary(
    world: World,
    project: str,
    run_id: str,
    step_index: int,
    percent: int,
    step_started_at: str,
    release_plan: Json,
    looks: int | None = None,
) -> Json:
    """`{"decision": continue | advance | promote | abort, "reasons", "inconclusive", "percent", "step_index"}`.

    `step_started_at` is an ISO time; `release_plan` is plan_release's answer. `looks`, where given, is the number of
    slices waited at this step, this look's included; the bake is over by it or by the clock, whichever is first.
    Raises ReleaseError when there is no champion to compare with.
    """
    contract = run_contract(world, project, run_id)
    champion_variant = release_plan.get("champion_variant")
    if not champion_variant:
        raise ReleaseError(f"{project} has no champion to compare {run_id} with")
    now = world.clock.now()
    release, stack = contract.release, world.settings.stack
    endpoint, variant = names.endpoint(stack, project), names.variant(run_id)
    record_key = keys.decision(project, run_id, "canary")
    record = _record(world, record_key, project, run_id)
    steps: dict[str, Any] = record["steps"]

    begin = datetime.fromisoformat(release_plan["started_at"])
    canary = traffic.counts(world.metrics, endpoint, variant, begin, now, release.max_p99_ms)
    control = traffic.counts(world.metrics, endpoint, champion_variant, begin, now, release.max_p99_ms)
    before = steps.get(str(step_index - 1), {})
    elapsed = (now - datetime.fromisoformat(step_started_at)).total_seconds()
    if looks is not None:
        elapsed = max(elapsed, looks * timing(release)["slice_seconds"])
    run = world.ledger.run(project, run_id) or {}
    look = Look(
        percent=percent,
        last=step_index >= len(release.steps) - 1,
        elapsed=elapsed,
        step_control=traffic.since(control, _counts(before.get("control"))),
        step_canary=traffic.since(canary, _counts(before.get("canary"))),
        total=canary,
        tail_ms=traffic.tail_ms(world.metrics, endpoint, variant, begin, now, canary.requests),
        alarms=world.alarms.states(alarms.canary_names(stack, project, run_id)),
        abort_requested=_abort_requested(run),
        carried={
            test: sum(facts["log_e"].get(test, 0.0) for index, facts in steps.items() if int(index) < step_index)
            for test in TESTS
        },
    )
    verdict = judge(look, release)
    steps[str(step_index)] = {
        "percent": percent,
        "log_e": verdict.step_evidence,
        "canary": asdict(canary),
        "control": asdict(control),
    }
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
    record.update(decision=verdict.decision, reasons=verdict.reasons, inconclusive=verdict.inconclusive)
    write_json(world, record_key, record)
    summary = {"decision": verdict.decision, "reasons": verdict.reasons, "inconclusive": verdict.inconclusive}
    update_run(world, project, run_id, {"canary": {**summary, "percent": percent}})
    return {**summary, "percent": percent, "step_index": step_index, "record": record_key}


def _record(world: World, key: str, project: str, run_id: str) -> Json:
    try:
        return read_json(world, key)
    except NotFoundError:
        return {"kind": "canary", "project": project, "run_id": run_id, "steps": {}, "looks": []}


def _counts(content: Any) -> Counts:
    return Counts(**content) if content else _NONE


def _abort_requested(run: Json) -> str | None:
    asked = run.get("abort_requested")
    if not asked:
        return None
    return str(asked.get("reason")) if isinstance(asked, dict) else "by a person"
