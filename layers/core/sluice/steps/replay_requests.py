"""Replay: captured requests to the new variant and to the champion, in pairs, before any live request reaches it.

A canary and a bandit ask some hundred requests of the last days; a shadow release continues with what arrives while it
lasts. The function stops after a minute and is called again, so what was asked lies in S3: `requests.json` is chosen
once, `pairs.json` grows with each call.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from sluice import keys
from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.errors import ReleaseError
from sluice.names import REPLAYED
from sluice.ports import Clock, Json, Ledger, Metrics, Models, ObjectStore
from sluice.records.boundary import json_boundary
from sluice.records.evaluation import ExpectedScores
from sluice.records.release_plan import ReleasePlan
from sluice.records.run_record import RunFacts, StageDecision
from sluice.release import traffic
from sluice.release.answers import read_answer
from sluice.release.episodes import Request, episodes
from sluice.release.judge import REPLAY_SHARE, Counts, Measurement, contract_sample, without_traffic
from sluice.release.plan import timing
from sluice.release.replay import Answer, Pair, ReplayVerdict, judge_replay
from sluice.serving.abort_requests import abort_requested
from sluice.serving.captured_requests import as_json, captured
from sluice.serving.held_out_requests import CAPTURED, HELD_OUT, held_out_requests
from sluice.store.run_records import evaluation_if_any, run_contract, stored_json, update_run, write_json

LOOKBACK = timedelta(days=1)
"""How far back requests are looked for: older ones say little about what comes."""
BATCH = 20
THREADS = 4
MAX_CALL_SECONDS = 60.0
MAX_MIRRORED = 5_000
_NONE = Counts()


@json_boundary
def replay_requests(
    project: str,
    run_id: str,
    release_plan: ReleasePlan,
    looks: int = 0,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    metrics: Metrics,
    models: Models,
    clock: Clock,
) -> Json:
    """`{"decision": more | wait | pass | abort, "reasons", "inconclusive", "replayed", "result"}`.

    `more`: call again at once; `wait`: a shadow release waits for new requests; `looks` analysis intervals were waited
    so far. A canary passes with however few requests there are: what they do not show, live ones must. A shadow release
    needs the planned sample. `result` is the decision for people: "skipped: too few" where a canary passes with too few
    requests. Raises ReleaseError without a champion.
    """
    contract = run_contract(project, run_id, objects=objects)
    champion = release_plan.champion_variant
    if not champion:
        raise ReleaseError(f"{project} has no champion whose requests could be replayed to {run_id}")
    release = contract.release
    waited = looks * timing(release)["slice_seconds"]
    requests = _requests(contract, run_id, release_plan, champion, waited, objects=objects, clock=clock)
    held_out = any(request.get("source") == HELD_OUT for request in requests)
    earlier = stored_json(keys.decision(project, run_id, "replay"), objects=objects) or {}
    before = earlier.get("control_before") or asdict(
        _control(release_plan, clock.now(), release.max_p99_ms, metrics=metrics)
    )
    pairs_key = keys.run(project, run_id, "replay", "pairs.json")
    done: list[Json] = stored_json(pairs_key, [], objects=objects)
    expected = _expected(project, run_id, objects=objects)
    began, verdict = time.monotonic(), _judged(done, contract, expected)
    while verdict.decision != "abort" and len(done) < len(requests) and time.monotonic() - began < MAX_CALL_SECONDS:
        batch = requests[len(done) : len(done) + BATCH]
        done += _pairs(contract, run_id, release_plan, batch, len(done), models=models)
        verdict = _judged(done, contract, expected)
    write_json(pairs_key, done, objects=objects)

    shadow = release.strategy == "shadow"
    decision, reasons, inconclusive = _decision(verdict, len(done) < len(requests), contract, waited)
    policy: str | None = None
    asked = [pair for pair in done if _answer(pair["champion"]).usable]
    replayed = Counts(len(asked), sum(not _answer(pair["challenger"]).usable for pair in asked))
    over = len(done) == len(requests) and waited >= seconds(release.bake) and verdict.decision != "abort"
    if shadow and over and (not requests or held_out):
        look = Measurement(100, True, waited, _NONE, _NONE, _NONE, None, replayed=replayed, live=0, held_out=held_out)
        judged, reasons, policy = without_traffic(look, release)
        decision, inconclusive = {"continue": "wait", "promote": "pass"}.get(judged, judged), judged == "abort"
    if asked_to := abort_requested(project, run_id, ledger=ledger):
        decision, reasons, inconclusive = "abort", [f"abort was requested: {asked_to}"], False
    record = {
        "kind": "replay",
        "project": project,
        "run_id": run_id,
        "at": clock.now().isoformat(),
        "inputs": {"requests": len(done), "chosen": len(requests), "reach_hours": LOOKBACK.total_seconds() / 3600},
        "thresholds": release.model_dump(mode="json"),
        "statistic": verdict.statistic,
        "decision": decision,
        "result": verdict.result(decision),
        "reasons": reasons,
        "inconclusive": inconclusive,
        "source": HELD_OUT if held_out else CAPTURED,
        "replayed": asdict(replayed),
        "control_before": before,
        "origin": _origin(contract, release_plan, done, Counts(**before), metrics=metrics, clock=clock)
        if decision == "pass" and not shadow
        else None,
    }
    write_json(keys.decision(project, run_id, "replay"), record, objects=objects)
    summary: Json = {name: record[name] for name in ("decision", "result", "reasons", "inconclusive")}
    summary["replayed"] = len(done)
    if policy:
        summary["no_traffic"] = policy
    update_run(project, run_id, RunFacts(replay=StageDecision(**summary)), ledger=ledger)
    return summary


def _decision(verdict: ReplayVerdict, left: bool, contract: Contract, waited: float) -> tuple[str, list[str], bool]:
    release, reasons = contract.release, verdict.reasons
    if verdict.decision == "abort":
        return "abort", reasons, False
    if left:
        return "more", reasons, False
    if release.strategy != "shadow":
        return "pass", reasons, False
    if waited < seconds(release.bake):
        return "wait", reasons, False
    if verdict.decision == "pass":
        return "pass", reasons, False
    if waited < release.longest_bake_seconds:
        return "wait", reasons, False
    return "abort", [f"inconclusive after {waited:.0f} s", *reasons], True


def _requests(
    contract: Contract,
    run_id: str,
    release_plan: ReleasePlan,
    champion: str,
    waited: float,
    *,
    objects: ObjectStore,
    clock: Clock,
) -> list[Json]:
    """The requests of this release, chosen once; those of a shadow release grow with what arrives.

    Where hardly anybody asked anything they are filled up with held-out rows, if the contract says so
    (`no_traffic: promote`).
    """
    key = keys.run(contract.project, run_id, "replay", "requests.json")
    chosen: list[Json] | None = stored_json(key, None, objects=objects)
    if chosen and any(request.get("source") == HELD_OUT for request in chosen):
        return chosen
    where, now = (release_plan.endpoint, champion), clock.now()
    if chosen is None:
        found = captured(contract, where, now - LOOKBACK, now, contract.release.replay, newest=True, objects=objects)
    elif contract.release.strategy == "shadow" and len(chosen) < MAX_MIRRORED:
        # from the second after: captures tell whole seconds, and none may be asked twice
        last = chosen[-1]["at"] if chosen else release_plan.started_at
        after = datetime.fromisoformat(last).replace(microsecond=0) + timedelta(seconds=1)
        found = captured(contract, where, after, now, MAX_MIRRORED - len(chosen), objects=objects)
    else:
        return chosen
    marks = [
        Request(request.at.timestamp() if request.at else 0.0, champion, client=request.client, number=number)
        for number, request in enumerate(found)
    ]
    # a client that repeats itself is one request
    chosen = [*(chosen or []), *(as_json(found[mark.number]) for mark in episodes(marks))]
    release, shadow = contract.release, contract.release.strategy == "shadow"
    too_few = len(chosen) < release.min_requests and (not shadow or waited >= seconds(release.bake))
    if too_few and release.no_traffic == "promote":
        chosen += held_out_requests(contract.project, run_id, release.replay - len(chosen), objects=objects)
    write_json(key, chosen, objects=objects)
    return chosen


def _pairs(
    contract: Contract, run_id: str, release_plan: ReleasePlan, batch: list[Json], first: int, *, models: Models
) -> list[Json]:
    """Both models' answers to each request, asked at the same time; `first`: the number of the first one."""
    endpoint, both = release_plan.endpoint, (release_plan.variant, release_plan.control)
    with ThreadPoolExecutor(min(THREADS, len(batch))) as pool:
        jobs = [
            pool.submit(_pair, contract, endpoint, both, request, f"{REPLAYED}{run_id}-{number}", models=models)
            for number, request in enumerate(batch, first)
        ]
        return [job.result() for job in jobs]


def _pair(
    contract: Contract, endpoint: str, both: tuple[str, str], request: Json, inference_id: str, *, models: Models
) -> Json:
    challenger, champion = (
        _asked(contract, endpoint, variant, request, inference_id, models=models) for variant in both
    )
    return {"id": request["id"], "challenger": challenger, "champion": champion}


def _asked(
    contract: Contract, endpoint: str, variant: str, request: Json, inference_id: str, *, models: Models
) -> Json:
    began = time.perf_counter()
    answer = models.invoke(
        endpoint, request["body"].encode(), request["content_type"], variant, inference_id=inference_id
    )
    milliseconds = (time.perf_counter() - began) * 1000
    found: Json = {"status": answer.status, "milliseconds": round(milliseconds, 3)}
    if answer.status != 200:
        return found
    reading = read_answer(answer.body, answer.content_type, request["rows"], contract)
    return {**found, "valid": reading.valid, "labels": list(reading.labels), "scores": list(reading.scores)}


def _answer(stored: Json) -> Answer:
    labels, scores = stored.get("labels") or [], stored.get("scores") or []
    return Answer(
        status=stored["status"],
        milliseconds=stored["milliseconds"],
        valid=stored.get("valid", True),
        label=" ".join(labels) or None,
        score=scores[0] if scores else None,
    )


def _judged(done: list[Json], contract: Contract, expected: ExpectedScores | None) -> ReplayVerdict:
    release = contract.release
    return judge_replay(
        [Pair(champion=_answer(pair["champion"]), challenger=_answer(pair["challenger"])) for pair in done],
        contract_sample(release.max_error_rate, release.expected_error_rate),
        max_error_rate=release.max_error_rate,
        max_ms=release.max_p99_ms,
        # a shadow release has no live tests to share with
        alpha=release.false_abort * (1.0 if release.strategy == "shadow" else REPLAY_SHARE),
        max_disagreement=release.max_disagreement,
        expected=expected,
    )


def _origin(
    contract: Contract, release_plan: ReleasePlan, done: list[Json], before: Counts, *, metrics: Metrics, clock: Clock
) -> Json:
    """What the live steps subtract from the variants' metrics: the replay's requests are nobody's traffic.

    Metrics come late, but what the replay asked is known exactly. The challenger had nothing else. The champion had its
    own traffic besides: what had come when the replay began, and at least what its metrics tell by now.
    """
    limit, now = contract.release.max_p99_ms, clock.now()
    canary, asked = (_asked_of(done, name, limit) for name in ("challenger", "champion"))
    control = _control(release_plan, now, limit, metrics=metrics)
    requests = max(control.requests, before.requests + asked.requests)
    if requests > control.requests:
        failures = max(control.failures, before.failures + asked.failures)
        # nothing is known of how slow the late ones were
        control = replace(control, requests=requests, failures=failures, slow_at_most=requests)
    return {"canary": asdict(canary), "control": asdict(control), "until": now.isoformat()}


def _asked_of(done: list[Json], variant: str, limit_ms: float) -> Counts:
    answers = [_answer(pair[variant]) for pair in done]
    return Counts(
        requests=len(answers),
        failures=sum(answer.failed and not 400 <= answer.status < 500 for answer in answers),
        slow_at_most=sum(answer.milliseconds > limit_ms for answer in answers),
    )


def _control(release_plan: ReleasePlan, now: datetime, limit_ms: float, *, metrics: Metrics) -> Counts:
    begin = datetime.fromisoformat(release_plan.started_at)
    return traffic.counts(metrics, release_plan.endpoint, release_plan.control, begin, now, limit_ms)


def _expected(project: str, run_id: str, *, objects: ObjectStore) -> ExpectedScores | None:
    evaluation = evaluation_if_any(project, run_id, objects=objects)
    return evaluation.scores if evaluation else None
