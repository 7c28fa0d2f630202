"""Monitoring: one measurement of the serving model's requests since its promotion, within the contract's window."""

from __future__ import annotations

import math
from typing import Any

from sluice import keys
from sluice.contract.metric_limits import ONLINE_METRICS
from sluice.datasets.late_labels import late_labels
from sluice.errors import DamagedRecordError
from sluice.escaping import visible
from sluice.monitoring.captured import measure_capture
from sluice.monitoring.drift import measure_drift
from sluice.monitoring.look import Look
from sluice.ports import Alerts, Clock, Events, Json, Ledger, Metric, Metrics, Models, ObjectStore
from sluice.serving.compare_in_probation import compare_in_probation
from sluice.serving.held_releases import tell_of_held_release
from sluice.serving.missing_endpoints import tell_of_missing_endpoint
from sluice.serving.sleep_endpoint import sleep_endpoint
from sluice.store.run_records import project_contract, stored_json, write_json
from sluice.watch import metric_names as metric
from sluice.watch.labels import join
from sluice.watch.quality import BINARY, DECIDED, REGRESSION
from sluice.watch.report import render


def monitor_model(
    project: str,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    metrics: Metrics,
    models: Models,
    clock: Clock,
) -> Json:
    """`{"decision": stable | drifted | inconclusive | asleep | no_champion, "drift", "rows", "quality", "report"}`.

    Deletes an idle endpoint if the contract allows it: `endpoint` says what became of it. A part that
    fails because of a damaged object is left out and reported by name; the other parts go on.
    """
    champion = ledger.champion(project)
    if champion is None:
        return {"decision": "no_champion", "reasons": ["no model serves"]}
    contract = project_contract(project, ledger=ledger)
    if champion.serving == "asleep":
        return sleep_endpoint(
            project,
            contract,
            objects=objects,
            ledger=ledger,
            alerts=alerts,
            events=events,
            metrics=metrics,
            models=models,
            clock=clock,
        )
    missing = tell_of_missing_endpoint(project, champion, ledger=ledger, alerts=alerts, models=models)
    now = clock.now()
    report: Json = {
        "project": project,
        "at": now.isoformat(),
        "run_id": champion.run_id,
        "endpoint_missing": missing,
        "thresholds": contract.monitor.model_dump(mode="json"),
    }
    look = Look(project, champion, contract, report)
    look.part("capture", lambda: measure_capture(look, objects=objects, clock=clock))
    look.part("drift", lambda: measure_drift(look, objects=objects))
    look.part("labels", lambda: _labels(look, objects=objects, clock=clock))
    look.part("quality", lambda: _quality(look))
    look.part("probation", lambda: _probation(look, objects=objects, clock=clock))
    published = look.finite_metrics()
    report["problems"] = look.problems
    known = _known_problems(project, objects=objects)
    key = keys.monitor(project, now.strftime("%Y-%m-%dT%H%M%SZ"), "report.json")
    write_json(key, report, objects=objects)
    write_json(keys.monitor(project, "latest.json"), report, objects=objects)
    objects.write(key.replace(".json", ".html"), render(report).encode(), "text/html; charset=utf-8")
    metrics.put(published)
    tell_of_held_release(project, objects=objects, ledger=ledger, alerts=alerts)
    _tell(
        project,
        {name: why for name, why in look.problems.items() if name not in known},
        key,
        objects=objects,
        alerts=alerts,
    )
    events.put("Model Measured", {"project": project, "at": now.isoformat(), "decision": report.get("decision")})
    # last: a reader of the report must find all requests up to now
    resting = sleep_endpoint(
        project,
        contract,
        objects=objects,
        ledger=ledger,
        alerts=alerts,
        events=events,
        metrics=metrics,
        models=models,
        clock=clock,
    )
    if look.failures:
        raise ExceptionGroup(f"{project}: parts of the measurement failed", look.failures)
    summary = {name: report.get(name) for name in ("decision", "reasons", "rows", "drift", "quality")}
    return {**summary, "report": key, "endpoint": resting}


def _labels(look: Look, *, objects: ObjectStore, clock: Clock) -> list[Metric]:
    found = late_labels(look.contract, objects=objects, clock=clock)
    look.labels = found.labels
    look.report["labels"] = found.to_json()
    look.problems |= found.problems
    return []


def _known_problems(project: str, *, objects: ObjectStore) -> Json:
    """The problems of the previous measurement, which were reported then."""
    try:
        before = stored_json(keys.monitor(project, "latest.json"), {}, objects=objects)
    except DamagedRecordError:
        return {}
    return (before.get("problems") if isinstance(before, dict) else None) or {}


def _tell(project: str, problems: dict[str, str], report: str, *, objects: ObjectStore, alerts: Alerts) -> None:
    if not problems:
        return
    told = [f"{visible(name)}: {visible(why)}" for name, why in problems.items()]
    message = "\n".join([*told, f"Everything else was measured. Report: {objects.uri(report)}"])
    subject = f"{project}: monitoring is incomplete"
    alerts.publish("Monitoring Incomplete", project, subject, message, {"problems": sorted(problems)})


def _probation(look: Look, *, objects: ObjectStore, clock: Clock) -> list[Metric]:
    look.report["probation"] = None
    found = compare_in_probation(look.contract, look.champion, look.labels, objects=objects, clock=clock)
    look.report["probation"] = found
    if found is None:
        return []
    worse = found["decision"] == "roll_back"
    return [look.metric(metric.PROBATION_WORSE, float(worse), "Count")]


def _quality(look: Look) -> list[Metric]:
    contract = look.contract
    quality = contract.monitor.quality
    look.report["quality"] = None
    if quality is None:
        return []
    pairs = join(look.labels, look.requests, contract, decided=quality.metric in DECIDED)
    families: dict[str, dict[str, Any]] = {
        "binary": dict(BINARY),
        "regression": dict(REGRESSION),
        "anomaly": {name: BINARY[name] for name in ONLINE_METRICS["anomaly"]},
    }
    rule = families.get(contract.problem.type, {}).get(quality.metric)
    facts: Json = {"metric": quality.metric, "labels": len(pairs), "value": None}
    look.report["quality"] = facts
    count = [look.metric(metric.QUALITY_LABELS, len(pairs), "Count")]
    if rule is None:
        facts["reason"] = f"{quality.metric} of a {contract.problem.type} model is not computed online yet"
        return count
    if len(pairs) < quality.min_labels:
        facts["reason"] = f"{len(pairs)} labels belong to a captured request; {quality.min_labels} are needed"
        return count
    try:
        value = rule(pairs)
    except (ArithmeticError, ValueError):
        value = math.inf
    if value is None:
        facts["reason"] = "all labels have the same class"
        return count
    if not math.isfinite(value):
        facts["reason"] = f"{quality.metric} of these labels and answers is beyond what a number can hold"
        look.problems["quality"] = facts["reason"]
        return count
    facts["value"] = value
    return [*count, look.metric(metric.QUALITY_SCORE, value)]
