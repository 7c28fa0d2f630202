"""Monitoring: one measurement of the serving model's requests since its promotion, within the contract's window."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sluice import keys
from sluice.contract import Contract
from sluice.contract.durations import seconds
from sluice.contract.metric_limits import ONLINE_METRICS
from sluice.datasets.late_labels import late_labels
from sluice.errors import DamagedRecordError, NotFoundError, SluiceError
from sluice.escaping import visible
from sluice.model.values import Typed, category_text
from sluice.ports import Alerts, Champion, Clock, Events, Json, Ledger, Metric, Metrics, Models, ObjectStore
from sluice.profile import drift
from sluice.records.baseline import Baseline
from sluice.serving.compare_in_probation import compare_in_probation
from sluice.serving.held_releases import tell_of_held_release
from sluice.serving.missing_endpoints import tell_of_missing_endpoint
from sluice.serving.sleep_endpoint import sleep_endpoint
from sluice.store.run_records import baseline_of, project_contract, stored_json, write_json
from sluice.watch import metric_names as metric
from sluice.watch.captures import Captured, parse_file, score_of
from sluice.watch.labels import Identity, join
from sluice.watch.quality import BINARY, DECIDED, REGRESSION
from sluice.watch.report import render
from sluice.watch.triage import damage

MAX_ROWS = 50_000
"""The newest rows of a window that are measured; more would not sharpen the score but cost memory. What is left out is
a problem of the report."""
_OF_DATA = (SluiceError, ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError)
"""What a damaged object makes of a part. All else may pass, and is raised when the other parts are done."""


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
    look.part("capture", lambda: _captured(look, objects=objects, clock=clock))
    look.part("drift", lambda: _drift(look, objects=objects))
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


class Look:
    """One measurement of a project: what was found so far, and what could not be read."""

    def __init__(self, project: str, champion: Champion, contract: Contract, report: Json) -> None:
        self.project, self.champion, self.contract = project, champion, contract
        self.report = report
        self.requests: list[Captured] = []
        self.labels: dict[Identity, Typed] = {}
        self.metrics: list[Metric] = []
        self.problems: dict[str, str] = {}
        """What has to be corrected: an object's key, or a part's name, and what is wrong."""
        self.failures: list[Exception] = []
        """What may pass: the caller is to try again."""

    def part(self, name: str, measure: Callable[[], list[Metric]]) -> None:
        """Measures one thing. A fault in its data is a problem of this part alone."""
        try:
            self.metrics += measure()
        except _OF_DATA as error:
            # a message of Python may quote a value; one of ours does not
            told = str(error) if isinstance(error, SluiceError) else type(error).__name__
            self.problems[name] = f"{name} is not measured: {told}"
        except Exception as error:
            self.problems[name] = f"{name} is not measured: {type(error).__name__}"
            self.failures.append(error)

    def finite_metrics(self) -> list[Metric]:
        """CloudWatch takes no other numbers, and one of them would keep back all."""
        for each in self.metrics:
            if not math.isfinite(each.value):
                self.problems[each.name] = f"{each.name} is not a finite number and is not published"
        return [each for each in self.metrics if math.isfinite(each.value)]


def _captured(look: Look, *, objects: ObjectStore, clock: Clock) -> list[Metric]:
    """Reads the requests of the window; there are none when they cannot be read."""
    report = look.report
    report.update(rows=0, requests=0, files=0, files_left_out=0, unreadable_lines=0, refused_requests=0)
    look.requests, files, left_out, bad = _window(
        look.project, look.champion, look.contract, objects=objects, clock=clock
    )
    rows = sum(len(request.rows) for request in look.requests)
    refused = sum(request.refused is not None for request in look.requests)
    report.update(rows=rows, requests=len(look.requests), files=files, files_left_out=left_out)
    if left_out:
        look.problems["window"] = (
            f"the newest {rows:,} rows are measured; {left_out:,} of {files + left_out:,} capture files, the "
            f"oldest of the window, are left out, since one measurement reads about {MAX_ROWS:,} rows. Shorten "
            f"monitor.window (now {look.contract.monitor.window}) to measure whole windows"
        )
    report.update(unreadable_lines=bad, refused_requests=refused)
    return [
        _metric(look.project, metric.DRIFT_ROWS, rows, "Count"),
        _metric(look.project, metric.CAPTURED_REQUESTS, len(look.requests), "Count"),
    ]


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


def _window(
    project: str, champion: Champion, contract: Contract, *, objects: ObjectStore, clock: Clock
) -> tuple[list[Captured], int, int, int]:
    """Requests to the champion's variant, oldest first; numbers of files read, of files left out and of bad lines."""
    since = max(clock.now() - timedelta(seconds=seconds(contract.monitor.window)), champion.promoted_at)
    mine = [
        stored
        for stored in objects.list(keys.capture(project))
        if f"/{champion.variant}/" in stored.key and stored.modified >= since
    ]
    found: list[Captured] = []
    bad = rows = files = left_out = 0
    for stored in sorted(mine, key=lambda item: (item.modified, item.key), reverse=True):
        if rows >= MAX_ROWS:
            left_out += 1
            continue
        try:
            requests, unreadable = parse_file(objects.read(stored.key), contract)
        except NotFoundError:  # deleted since it was listed
            continue
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
    return found, files, left_out, bad


def _drift(look: Look, *, objects: ObjectStore) -> list[Metric]:
    project, contract, report = look.project, look.contract, look.report
    rows = [row for request in look.requests for row in request.rows]
    scores = (score_of(answer) for request in look.requests for answer in request.answers)
    answers = [score for score in scores if score is not None]
    said = [
        category_text(answer["prediction"])
        for request in look.requests
        for answer in request.answers
        if isinstance(answer.get("prediction"), str | bool | int | float)
    ]
    needed = contract.monitor.drift.min_rows
    source = keys.run(project, look.champion.run_id, "evaluation", "baseline.json")
    report.update(decision="inconclusive", reasons=["drift could not be measured"], drift=None)
    baseline: Baseline | None = None
    why = f"there is no baseline at {source}"
    try:
        baseline = baseline_of(project, look.champion.run_id, objects=objects)
    except NotFoundError:
        pass
    except DamagedRecordError as error:
        look.problems[source] = why = str(error)
    found: dict[str, drift.Drift] = {}
    if baseline is not None:
        why = f"{len(rows)} rows, {needed} are needed"
        try:
            found = drift.compare(baseline, rows) if len(rows) >= needed else {}
            if not all(math.isfinite(column.psi) for column in found.values()):
                raise ValueError("a score is not finite")
        except _OF_DATA as error:
            why = f"the baseline at {source} cannot be used ({type(error).__name__}); restore its last version"
            look.problems[source], found = why, {}
    if baseline is None or not found:
        report["reasons"] = [why]
        return [_metric(project, metric.DRIFT_INCONCLUSIVE, 1, "Count")]
    limit = contract.monitor.drift.max
    counted = {name: column.counted(limit) for name, column in found.items()}
    worst = max(found, key=lambda name: (counted[name], found[name].psi))
    by_chance = sorted(name for name, column in found.items() if column.psi > limit and not column.significant)
    answered = None
    try:
        segments = contract.problem.type == "clustering"
        if len(answers) >= needed:
            answered = drift.prediction_drift(baseline, said) if segments else drift.score_drift(baseline, answers)
    except _OF_DATA as error:
        look.problems[source] = f"the scores of the baseline at {source} cannot be used ({type(error).__name__})"
    report["damage"] = damage(baseline, rows)
    report["drift"] = {
        "score": counted[worst],
        "column": worst,
        "mean": sum(column.psi for column in found.values()) / len(found),
        "predictions": answered,
        "columns": {name: column.psi for name, column in found.items()},
        "by_chance": by_chance,
    }
    if baseline.predictions and said:
        report["predictions"] = {
            name: {"expected": share, "seen": said.count(name) / len(said)}
            for name, share in baseline.predictions.items()
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


def _probation(look: Look, *, objects: ObjectStore, clock: Clock) -> list[Metric]:
    look.report["probation"] = None
    found = compare_in_probation(look.contract, look.champion, look.labels, objects=objects, clock=clock)
    look.report["probation"] = found
    if found is None:
        return []
    worse = found["decision"] == "roll_back"
    return [_metric(look.project, metric.PROBATION_WORSE, float(worse), "Count")]


def _quality(look: Look) -> list[Metric]:
    contract, project = look.contract, look.project
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
    count = [_metric(project, metric.QUALITY_LABELS, len(pairs), "Count")]
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
    return [*count, _metric(project, metric.QUALITY_SCORE, value)]


def _metric(project: str, name: str, value: float, unit: str = "None") -> Metric:
    return Metric(name, float(value), unit, {"Project": project})
