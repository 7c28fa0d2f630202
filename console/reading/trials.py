"""The page of a run's tuning: every trial with its score, and how the best one came about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cli import trials as auto_trials
from cli.candidates import problem_of, tuning_of
from cli.watching.search_log import SearchLog
from console.drawn import tree
from console.reading.executions import moment
from console.reading.run import record_of
from console.source import Source
from sluice import figures
from sluice.figures import Axis, Line
from sluice.model.family_names import family_name
from sluice.model.search_spaces import AUTO
from sluice.ports import Json
from sluice.records.training_plan import TrainingPlan


def read(source: Source, project: str, run_id: str) -> Json:
    """`{"tuning": {…} | None, "trials": [...], "figure", "auto": {…} | None}`."""
    record = record_of(source, project, run_id)
    told: Json = {
        "project": project,
        "run_id": run_id,
        "live": not record.get("outcome"),
        "tuning": None,
        "trials": [],
        "figure": None,
        "auto": None,
    }
    found = tuning_of(source.world.objects, lambda: source.client("sagemaker"), project, run_id)
    if found is None:
        return told | {"auto": _auto(source, project, run_id, "")}
    plan, tuning, jobs = found
    problem = problem_of(plan.metric)
    trials = [trial(job, plan.tuning.families, problem) for job in jobs]
    trials.sort(key=lambda each: each["created"])
    best = _best(trials, lower=not plan.maximize)
    start = plan.tuning.warm_start
    status = str(tuning.get("HyperParameterTuningJobStatus", ""))
    return told | {
        "tuning": {
            "name": plan.names.tuning_job,
            "status": status,
            "strategy": plan.tuning.strategy,
            "maximize": plan.maximize,
            "counts": tuning.get("TrainingJobStatusCounters") or {},
            "from": start.run_id if start else None,
            "note": str(record.get("warm_start_refused") or plan.tuning.warm_start_note or ""),
        },
        "trials": trials,
        "auto": _auto(source, project, run_id, problem),
        "progress": _progress(source, plan) if status == "InProgress" else [],
        "best": best,
        "metric": next((each["metric"] for each in trials if each["metric"]), ""),
        "figure": progress(trials, lower=not plan.maximize),
    }


def _progress(source: Source, plan: TrainingPlan) -> list[str]:
    """How far the search of `auto` is, from its log, as `sluice watch` says it; nothing for other families."""
    if AUTO not in plan.tuning.families:
        return []
    job = plan.names.tuning_job
    log = source.kept.get(("search log", job), lambda: SearchLog(source.client("logs"), job), 3_600)
    return list(log.evidence().lines)


def _auto(source: Source, project: str, run_id: str, problem: str) -> Json | None:
    """What the one training job of `auto` tried, in the words of `sluice why`; None for other models."""
    objects = source.world.objects
    found = auto_trials.trials_of(project, run_id, objects=objects)
    if not found:
        return None
    budget = auto_trials.budget_of(project, run_id, objects=objects)
    return {
        "counted": auto_trials.counted(found, budget),
        "short": budget.short if budget else None,
        "groups": auto_trials.alike(found, problem),
    }


def trial(job: Json, families: Sequence[str], problem: str = "") -> Json:
    """One training job of the search."""
    metric = job.get("FinalHyperParameterTuningJobObjectiveMetric") or {}
    family = job.get("TrainingJobDefinitionName") or (families[0] if len(families) == 1 else "model")
    return {
        "name": str(job.get("TrainingJobName", "")),
        "family": family_name(str(family).replace("-", "_"), problem),
        "status": str(job.get("TrainingJobStatus", "")),
        "score": metric.get("Value"),
        "metric": str(metric.get("MetricName") or ""),
        "created": moment(job.get("CreationTime")),
        "started": moment(job.get("TrainingStartTime")),
        "ended": moment(job.get("TrainingEndTime")),
        "why": str(job.get("FailureReason") or ""),
        "hyperparameters": {str(name): str(value) for name, value in (job.get("TunedHyperParameters") or {}).items()},
    }


def progress(trials: Sequence[Json], *, lower: bool) -> list[Any] | None:
    """Each trial's score in the order of their beginning, and the best so far; None for fewer than two scores."""
    scored = [(number, each) for number, each in enumerate(trials, 1) if isinstance(each["score"], int | float)]
    if len(scored) < 2:
        return None
    families = list(dict.fromkeys(each["family"] for _, each in scored))
    series, best, so_far = [], [], None
    for number, each in scored:
        score = float(each["score"])
        so_far = score if so_far is None else min(so_far, score) if lower else max(so_far, score)
        best.append((number, so_far))
    series.append(Line("best so far", [float(n) for n, _ in best], [value for _, value in best], "thin", 2))
    for place, family in enumerate(families):
        own = [(float(n), float(each["score"])) for n, each in scored if each["family"] == family]
        colour = place if place < 2 else place + 1
        series.append(Line(family, [x for x, _ in own], [y for _, y in own], "dots", colour))
    x = Axis("trial", 0.0, float(len(trials) + 1))
    y = Axis.around(str(scored[0][1]["metric"]), [value for line in series for value in line.ys])
    drawn = figures.lines("scores of the trials", x, y, series)
    names = [line.name for line in series]
    return tree(drawn + figures.key(names, [line.colour or 0 for line in series]))


def _best(trials: Sequence[Json], *, lower: bool) -> str:
    ended = [each for each in trials if each["status"] == "Completed" and isinstance(each["score"], int | float)]
    if not ended:
        return ""
    return str((min if lower else max)(ended, key=lambda each: float(each["score"]))["name"])
