"""Monitoring: one measurement of the serving model's requests since its promotion, within the contract's window."""

from __future__ import annotations

from functools import partial

from sluice import keys
from sluice.errors import DamagedRecordError
from sluice.escaping import visible
from sluice.monitoring.captured import measure_capture
from sluice.monitoring.drift import measure_drift
from sluice.monitoring.estimate import measure_estimate
from sluice.monitoring.labels import measure_labels
from sluice.monitoring.measurement import Measurement
from sluice.monitoring.quality import measure_quality
from sluice.monitoring.triage import measure_triage
from sluice.ports import Alerts, Clock, Events, Json, Ledger, Metric, Metrics, Models, ObjectStore, Signer
from sluice.serving.compare_in_probation import compare_in_probation
from sluice.serving.held_releases import report_held_release
from sluice.serving.missing_endpoints import report_missing_endpoint
from sluice.serving.sleep_endpoint import sleep_endpoint
from sluice.store.run_records import project_contract, stored_json, write_json
from sluice.watch import metric_names as metric
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
    signer: Signer,
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
    sleep = partial(
        sleep_endpoint,
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
    if champion.serving == "asleep":
        return sleep()
    missing = report_missing_endpoint(project, champion, ledger=ledger, alerts=alerts, models=models)
    now = clock.now()
    report: Json = {
        "project": project,
        "at": now.isoformat(),
        "run_id": champion.run_id,
        "endpoint_missing": missing,
        "thresholds": contract.monitor.model_dump(mode="json"),
    }
    measurement = Measurement(project, champion, contract, report)
    measurement.part("capture", lambda: measure_capture(measurement, objects=objects, clock=clock))
    measurement.part("drift", lambda: measure_drift(measurement, objects=objects))
    measurement.part("estimate", lambda: measure_estimate(measurement))
    measurement.part("labels", lambda: measure_labels(measurement, objects=objects, signer=signer, clock=clock))
    measurement.part("triage", lambda: measure_triage(measurement, clock=clock))
    measurement.part("quality", lambda: measure_quality(measurement, objects=objects, clock=clock))
    measurement.part("probation", lambda: _probation(measurement, objects=objects, clock=clock))
    # of a model that was replaced meanwhile: its metrics would put the new one's alarms into ALARM
    serving = ledger.champion(project)
    report["replaced_by"] = replaced_by = serving.run_id if serving and serving.run_id != champion.run_id else None
    published = [] if replaced_by else measurement.finite_metrics()
    report["problems"] = measurement.problems
    known = _known_problems(project, objects=objects)
    key = keys.monitor(project, now.strftime("%Y-%m-%dT%H%M%SZ"), "report.json")
    write_json(key, report, objects=objects)
    write_json(keys.monitor(project, "latest.json"), report, objects=objects)
    objects.write(key.replace(".json", ".html"), render(report).encode(), "text/html; charset=utf-8")
    if published:
        metrics.put(published)
    report_held_release(project, objects=objects, ledger=ledger, alerts=alerts)
    _report_problems(
        project,
        {name: why for name, why in measurement.problems.items() if name not in known},
        key,
        objects=objects,
        alerts=alerts,
    )
    events.put("Model Measured", {"project": project, "at": now.isoformat(), "decision": report.get("decision")})
    # last: a reader of the report must find all requests up to now
    resting = sleep()
    if measurement.failures:
        raise ExceptionGroup(f"{project}: parts of the measurement failed", measurement.failures)
    summary = {name: report.get(name) for name in ("decision", "reasons", "rows", "drift", "quality")}
    return {**summary, "report": key, "endpoint": resting}


def _known_problems(project: str, *, objects: ObjectStore) -> Json:
    """The problems of the previous measurement, which were reported then."""
    try:
        before = stored_json(keys.monitor(project, "latest.json"), {}, objects=objects)
    except DamagedRecordError:
        return {}
    return (before.get("problems") if isinstance(before, dict) else None) or {}


def _report_problems(
    project: str, problems: dict[str, str], report: str, *, objects: ObjectStore, alerts: Alerts
) -> None:
    if not problems:
        return
    told = [f"{visible(name)}: {visible(why)}" for name, why in problems.items()]
    message = "\n".join([*told, f"Everything else was measured. Report: {objects.uri(report)}"])
    subject = f"{project}: monitoring is incomplete"
    alerts.publish("Monitoring Incomplete", project, subject, message, {"problems": sorted(problems)})


def _probation(measurement: Measurement, *, objects: ObjectStore, clock: Clock) -> list[Metric]:
    measurement.report["probation"] = None
    found = compare_in_probation(
        measurement.contract, measurement.champion, measurement.labels, objects=objects, clock=clock
    )
    measurement.report["probation"] = found
    if found is None:
        return []
    worse = found["decision"] == "roll_back"
    return [measurement.metric(metric.PROBATION_WORSE, float(worse), "Count")]
