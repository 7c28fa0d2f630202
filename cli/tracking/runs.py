"""The runs of a project, with their trials, as an experiment tracker has them: names and figures, no row's value."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cli.candidates import tuning_of
from cli.tracking.tracked import Tracked
from sluice import keys
from sluice.bootstrap import World
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.ports import Json
from sluice.records.evaluation import Evaluation
from sluice.records.plots import Plots
from sluice.serving.start_drill import TRIGGER
from sluice.store.prepared_data import prepared_data
from sluice.store.run_records import evaluation_if_any

_STATUSES = {"Completed": "FINISHED", "Failed": "FAILED", "Stopped": "KILLED", "Stopping": "KILLED"}


def tracked_runs(world: World, sagemaker: Callable[[], Any], project: str) -> list[Tracked]:
    """Every run of the project, the oldest first. A rollback drill trains nothing, and is left out."""
    records = [each for each in reversed(world.ledger.runs(project)) if each.get("trigger") != TRIGGER]
    return [tracked_run(world, sagemaker, project, record) for record in records]


def tracked_run(world: World, sagemaker: Callable[[], Any], project: str, record: Json) -> Tracked:
    run_id, outcome = str(record["run_id"]), record.get("outcome")
    found: Evaluation | None = None
    prepared: Json = {}
    try:
        found = evaluation_if_any(project, run_id, objects=world.objects)
        prepared = prepared_data(project, run_id, objects=world.objects)
    except DamagedRecordError as error:
        record = {**record, "damaged": str(error)}
    search = tuning_of(world.objects, sagemaker, project, run_id)
    params = {
        "contract_version": record.get("contract_version"),
        "trigger": record.get("trigger"),
        "datasets": len(record.get("datasets") or []),
        **{f"rows_{part}": count for part, count in (prepared.get("rows") or {}).items()},
        "family": found.candidate.family if found else None,
        "search": search[0].tuning.strategy if search else None,
    }
    tags = {
        "sluice.project": project,
        "sluice.outcome": outcome or "in progress",
        "sluice.gates": (record.get("gates") or {}).get("decision"),
        "sluice.model": record.get("artifact_uri"),
        "sluice.model_sha256": record.get("artifact_sha256"),
        "sluice.package": record.get("package_arn"),
        "sluice.report": record.get("report"),
        "sluice.release_report": record.get("release_report"),
        "sluice.damaged": record.get("damaged"),
    }
    trials = [_trial(run_id, job, search[0].tuning.families) for job in search[2]] if search else []
    return Tracked(
        key=run_id,
        name=run_id,
        status="FAILED" if outcome == "failed" else "FINISHED" if outcome else "RUNNING",
        began=_milliseconds(record.get("started_at")),
        ended=_milliseconds(record.get("ended_at")) if outcome else None,
        params=_texts(params),
        metrics=_metrics(found),
        tags=_texts(tags),
        trials=(*trials, *_auto(world, project, run_id)),
    )


def _metrics(found: Evaluation | None) -> dict[str, float]:
    """`test.<metric>` of the candidate, of the champion and the baseline on the same rows, and ends of intervals."""
    if found is None:
        return {}
    told: dict[str, Any] = {"test.rows": found.rows}
    for who in ("candidate", "champion", "baseline"):
        before = "test" if who == "candidate" else f"test.{who}"
        for metric in found.candidate.metrics:
            told[f"{before}.{metric}"] = found.metric_of(who, metric)
            ends = found.intervals.ends(who, metric) if found.intervals and who == "candidate" else None
            if ends:
                told |= {f"{before}.{metric}.low": ends[0], f"{before}.{metric}.high": ends[1]}
    return _numbers(told)


def _trial(run_id: str, job: Json, families: Any) -> Tracked:
    metric = job.get("FinalHyperParameterTuningJobObjectiveMetric") or {}
    name = str(job.get("TrainingJobName") or "?")
    family = str(job.get("TrainingJobDefinitionName") or (families[0] if len(families) == 1 else "model"))
    score = {str(metric.get("MetricName") or "score").replace(":", "."): metric.get("Value")}
    return Tracked(
        key=f"{run_id}/{name}",
        name=name,
        status=_STATUSES.get(str(job.get("TrainingJobStatus")), "RUNNING"),
        began=_milliseconds(job.get("TrainingStartTime") or job.get("CreationTime")),
        ended=_milliseconds(job.get("TrainingEndTime")),
        params=_texts({"family": family.replace("-", "_"), **(job.get("TunedHyperParameters") or {})}),
        metrics=_numbers(score),
        tags=_texts({"sluice.why": job.get("FailureReason")}),
    )


def _auto(world: World, project: str, run_id: str) -> list[Tracked]:
    """The trials within the one training job of `auto`."""
    key = keys.run(project, run_id, "evaluation", "plots.json")
    try:
        found = Plots.parse(world.objects.read(key), world.objects.uri(key)).trials
    except (NotFoundError, DamagedRecordError):
        return []
    return [
        Tracked(
            key=f"{run_id}/auto-{number}",
            name=f"auto-{number}",
            status="FINISHED",
            params=_texts({name: value for name, value in trial.items() if name not in _numbers(trial)}),
            metrics=_numbers(trial),
        )
        for number, trial in enumerate(found)
    ]


def _texts(facts: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in facts.items() if value not in (None, "")}


def _numbers(facts: Mapping[str, Any]) -> dict[str, float]:
    return {
        str(name): float(value)
        for name, value in facts.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    }


def _milliseconds(at: Any) -> int | None:
    if not at:
        return None
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    return round(moment.timestamp() * 1000)
