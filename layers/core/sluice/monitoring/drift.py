"""How far the window's rows, and the model's answers to them, are from what the model learned from."""

from __future__ import annotations

import math

from sluice import keys
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.model.values import category_text
from sluice.monitoring.look import DAMAGE, Look
from sluice.ports import Metric, ObjectStore
from sluice.profile import drift
from sluice.records.baseline import Baseline
from sluice.store.run_records import baseline_of
from sluice.watch import metric_names as metric
from sluice.watch.captures import score_of
from sluice.watch.triage import damage


def measure_drift(look: Look, *, objects: ObjectStore) -> list[Metric]:
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
        except DAMAGE as error:
            why = f"the baseline at {source} cannot be used ({type(error).__name__}); restore its last version"
            look.problems[source], found = why, {}
    if baseline is None or not found:
        report["reasons"] = [why]
        return [look.metric(metric.DRIFT_INCONCLUSIVE, 1, "Count")]
    limit = contract.monitor.drift.max
    counted = {name: column.counted(limit) for name, column in found.items()}
    worst = max(found, key=lambda name: (counted[name], found[name].psi))
    by_chance = sorted(name for name, column in found.items() if column.psi > limit and not column.significant)
    answered = None
    try:
        segments = contract.problem.type == "clustering"
        if len(answers) >= needed:
            answered = drift.prediction_drift(baseline, said) if segments else drift.score_drift(baseline, answers)
    except DAMAGE as error:
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
        look.metric(metric.DRIFT_SCORE, counted[worst]),
        look.metric(metric.DRIFT_MEAN, report["drift"]["mean"]),
        look.metric(metric.DRIFT_INCONCLUSIVE, 0, "Count"),
    ]
    if answered is not None:
        published.append(look.metric(metric.PREDICTION_DRIFT, answered))
    return published


def _verdict(column: drift.Drift, limit: float) -> str:
    if column.psi <= limit:
        return f"within {limit:g}"
    return f"above {limit:g}" if column.significant else f"above {limit:g}, which chance explains in so few rows"
