"""Watching: one look at what the serving model was asked since its promotion, within the contract's window."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sluice import keys
from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.errors import NotFoundError
from sluice.ports import Champion, Json, Metric, World
from sluice.profile import drift
from sluice.steps.compare_in_probation import compare_in_probation
from sluice.steps.held_releases import tell_of_held_release
from sluice.steps.late_labels import late_labels
from sluice.steps.missing_endpoints import tell_of_missing_endpoint
from sluice.steps.run_records import project_contract, read_json, write_json
from sluice.steps.sleep_endpoint import sleep_endpoint
from sluice.watch import metric_names as metric
from sluice.watch.captures import Captured, parse_file, score_of
from sluice.watch.labels import Identity, join
from sluice.watch.quality import BINARY, REGRESSION
from sluice.watch.report import render
from sluice.watch.triage import damage

MAX_ROWS = 50_000
"""The newest rows of a window that are looked at; more would not sharpen the score but cost memory."""


def monitor_model(world: World, project: str) -> Json:
    """`{"decision": stable | drifted | inconclusive | asleep | no_champion, "drift", "rows", "quality", "report"}`.

    Deletes an endpoint that nobody asks where the contract allows it: `endpoint` says what became of it.
    """
    champion = world.ledger.champion(project)
    if champion is None:
        return {"decision": "no_champion", "reasons": ["no model serves"]}
    contract = project_contract(world, project)
    if champion.serving == "asleep":
        return sleep_endpoint(world, project, contract)
    missing = tell_of_missing_endpoint(world, project, champion)
    now = world.clock.now()
    requests, files, bad = _window(world, project, champion, contract)
    rows = [row for request in requests for row in request.rows]
    answers = [score_of(answer) for request in requests for answer in request.answers]
    report: Json = {
        "project": project,
        "at": now.isoformat(),
        "run_id": champion.run_id,
        "endpoint_missing": missing,
        "rows": len(rows),
        "requests": len(requests),
        "files": files,
        "unreadable_lines": bad,
        "refused_requests": sum(request.refused is not None for request in requests),
        "thresholds": contract.monitor.model_dump(mode="json"),
    }
    published = [
        _metric(project, metric.DRIFT_ROWS, len(rows), "Count"),
        _metric(project, metric.CAPTURED_REQUESTS, len(requests), "Count"),
    ]
    published += _drift(world, project, champion, contract, rows, [a for a in answers if a is not None], report)
    labels = late_labels(world, contract)
    published += _quality(project, contract, requests, labels, report)
    published += _probation(world, contract, champion, labels, report)
    key = keys.monitor(project, now.strftime("%Y-%m-%dT%H%M%SZ"), "report.json")
    write_json(world, key, report)
    write_json(world, keys.monitor(project, "latest.json"), report)
    world.objects.write(key.replace(".json", ".html"), render(report).encode(), "text/html; charset=utf-8")
    world.metrics.put(published)
    tell_of_held_release(world, project)
    world.events.put("Model Measured", {"project": project, "at": now.isoformat(), "decision": report["decision"]})
    # last: whoever looks at the report must find the requests that came until now
    resting = sleep_endpoint(world, project, contract)
    summary = {name: report.get(name) for name in ("decision", "reasons", "rows", "drift", "quality")}
    return {**summary, "report": key, "endpoint": resting}


def _window(world: World, project: str, champion: Champion, contract: Contract) -> tuple[list[Captured], int, int]:
    """Requests to the champion's variant, oldest first; numbers of files read and of unreadable lines."""
    since = max(world.clock.now() - timedelta(seconds=seconds(contract.monitor.window)), champion.promoted_at)
    mine = [
        stored
        for stored in world.objects.list(keys.capture(project))
        if f"/{champion.variant}/" in stored.key and stored.modified >= since
    ]
    found: list[Captured] = []
    bad = rows = files = 0
    for stored in sorted(mine, key=lambda item: (item.modified, item.key), reverse=True):
        if rows >= MAX_ROWS:
            break
        requests, unreadable = parse_file(world.objects.read(stored.key), contract)
        # captures tell whole seconds only: what was asked in the second of the promotion counts
        kept = [
            request
            for request in requests
            if not request.replayed
            # a fleet that was swapped and swapped back had the champion's variant name
            and request.model in (None, champion.run_id)
            and (request.at is None or request.at >= since.replace(microsecond=0))
        ]
        found = kept + found
        rows += sum(len(request.rows) for request in kept)
        bad += unreadable
        files += 1
    return found, files, bad


def _drift(
    world: World,
    project: str,
    champion: Champion,
    contract: Contract,
    rows: list[Json],
    answers: list[float],
    report: Json,
) -> list[Metric]:
    needed = contract.monitor.drift.min_rows
    source = keys.run(project, champion.run_id, "evaluation", "baseline.json")
    try:
        baseline = read_json(world, source)
    except NotFoundError:
        baseline = None
    found = drift.compare(baseline, rows) if baseline and len(rows) >= needed else {}
    if not found:
        why = f"{len(rows)} rows, {needed} are needed" if baseline else f"there is no baseline at {source}"
        report.update(decision="inconclusive", reasons=[why], drift=None)
        return [_metric(project, metric.DRIFT_INCONCLUSIVE, 1, "Count")]
    limit = contract.monitor.drift.max
    counted = {name: column.counted(limit) for name, column in found.items()}
    worst = max(found, key=lambda name: (counted[name], found[name].psi))
    by_chance = sorted(name for name, column in found.items() if column.psi > limit and not column.significant)
    answered = drift.score_drift(baseline, answers) if len(answers) >= needed else None
    report["damage"] = damage(baseline, rows)
    report["drift"] = {
        "score": counted[worst],
        "column": worst,
        "mean": sum(column.psi for column in found.values()) / len(found),
        "predictions": answered,
        "columns": {name: column.psi for name, column in found.items()},
        "by_chance": by_chance,
    }
    drifted = counted[worst] > limit
    report["decision"] = "drifted" if drifted else "stable"
    report["reasons"] = [f"{worst} has PSI {found[worst].psi:.3f}, {_verdict(found[worst], limit)}"]
    published = [
        _metric(project, metric.DRIFT_SCORE, counted[worst]),
        _metric(project, metric.DRIFT_MEAN, report["drift"]["mean"]),
        _metric(project, metric.DRIFT_INCONCLUSIVE, 0, "Count"),
    ]
    if answered is not None:
        published.append(_metric(project, metric.PREDICTION_DRIFT, answered))
    return published


def _verdict(column: drift.Drift, limit: float) -> str:
    if column.psi <= limit:
        return f"within {limit:g}"
    return f"above {limit:g}" if column.significant else f"above {limit:g}, which chance explains in so few rows"


def _probation(
    world: World, contract: Contract, champion: Champion, labels: dict[Identity, str], report: Json
) -> list[Metric]:
    report["probation"] = compare_in_probation(world, contract, champion, labels)
    if report["probation"] is None:
        return []
    worse = report["probation"]["decision"] == "roll_back"
    return [_metric(contract.project, metric.PROBATION_WORSE, float(worse), "Count")]


def _quality(
    project: str, contract: Contract, requests: list[Captured], labels: dict[Identity, str], report: Json
) -> list[Metric]:
    quality = contract.monitor.quality
    report["quality"] = None
    if quality is None:
        return []
    pairs = join(labels, requests, contract)
    families: dict[str, dict[str, Any]] = {"binary": dict(BINARY), "regression": dict(REGRESSION)}
    rule = families.get(contract.problem.type, {}).get(quality.metric)
    facts: Json = {"metric": quality.metric, "labels": len(pairs), "value": None}
    report["quality"] = facts
    count = [_metric(project, metric.QUALITY_LABELS, len(pairs), "Count")]
    if rule is None:
        facts["reason"] = f"{quality.metric} of a {contract.problem.type} model is not computed online yet"
        return count
    if len(pairs) < quality.min_labels:
        facts["reason"] = f"{len(pairs)} labels met a captured request, {quality.min_labels} are needed"
        return count
    facts["value"] = rule(pairs)
    if facts["value"] is None:
        facts["reason"] = "the labels are of one class only"
        return count
    return [*count, _metric(project, metric.QUALITY_SCORE, facts["value"])]


def _metric(project: str, name: str, value: float, unit: str = "None") -> Metric:
    return Metric(name, float(value), unit, {"Project": project})
