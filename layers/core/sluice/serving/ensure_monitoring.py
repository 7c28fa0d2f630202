"""Watching: the alarms and the schedules of a project whose model serves."""

from __future__ import annotations

from sluice import names
from sluice.contract import Contract
from sluice.contract.durations import rate_expression
from sluice.contract.metric_limits import LOWER_IS_BETTER
from sluice.ports import Alarm, Alarms, Json, Ledger, ObjectStore, Schedules, Settings
from sluice.release import endpoint_alarms
from sluice.store.run_records import project_contract, run_contract
from sluice.watch.metric_names import DRIFT_SCORE, NAMESPACE, PROBATION_WORSE, QUALITY_BOUND


def ensure_monitoring(
    project: str,
    reset: bool = False,
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    alarms: Alarms,
    schedules: Schedules,
) -> Json:
    """`{"alarms", "schedule", "retrain_schedule"}`; without a champion there is none of them.

    `reset`: another model serves, so that alarms start again instead of staying in ALARM.
    The alarms treat missing data as `ignore`: there is one score per measurement, so most periods have none, and a
    window without enough rows must change nothing, neither raise the alarm nor clear it.
    """
    stack, champion = settings.stack, ledger.champion(project)
    if champion is None:
        return {"alarms": [], "schedule": None, "retrain_schedule": None}
    registered = ledger.contract(project)
    contract = (
        project_contract(project, ledger=ledger)
        if registered
        else run_contract(project, champion.run_id, objects=objects)
    )
    wanted = [
        _score_alarm(
            names.alarm(stack, project, "drift"),
            f"The requests for {project} drift away from what its model was trained on.",
            project,
            DRIFT_SCORE,
            "GreaterThanThreshold",
            contract.monitor.drift.max,
        ),
        endpoint_alarms.champion_errors(
            stack, project, champion.endpoint, champion.variant, contract.release.max_error_rate
        ),
    ]
    if champion.previous:
        wanted.append(
            _score_alarm(
                names.alarm(stack, project, "probation"),
                f"Delayed labels show the new model of {project} to be worse than the one before; it is rolled back.",
                project,
                PROBATION_WORSE,
                "GreaterThanThreshold",
                0.5,
            )
        )
    quality = contract.monitor.quality
    if quality and (quality.min is not None or quality.max is not None):
        below = quality.min is not None and quality.metric not in LOWER_IS_BETTER
        limit = quality.min if below or quality.max is None else quality.max
        wanted.append(
            _score_alarm(
                names.alarm(stack, project, "quality"),
                f"Delayed labels prove that the model of {project} is worse than its limit ({quality.metric}).",
                project,
                QUALITY_BOUND,
                "LessThanThreshold" if below or quality.max is None else "GreaterThanThreshold",
                float(limit or 0.0),
            )
        )
    if reset:
        # that of a probation also where none is wanted any more: who was rolled back to has no predecessor
        alarms.delete([*(alarm.name for alarm in wanted), names.alarm(stack, project, "probation")])
    for alarm in wanted:
        alarms.put(alarm)
    schedule, function = names.monitor_schedule(stack, project), settings.monitor_function_arn
    schedules.ensure(schedule, rate_expression(contract.monitor.every), function, {"project": project})
    return {
        "alarms": [alarm.name for alarm in wanted],
        "schedule": schedule,
        "retrain_schedule": _ensure_retraining(project, contract, settings=settings, schedules=schedules),
    }


def _ensure_retraining(project: str, contract: Contract, *, settings: Settings, schedules: Schedules) -> str | None:
    name, every = names.retrain_schedule(settings.stack, project), contract.retrain.schedule
    if every is None:
        schedules.delete(name)
        return None
    # the scheduler writes the time that was due in the keyword's place: a redelivery is the same request
    payload = {"project": project, "task": "retrain", "at": "<aws.scheduler.scheduled-time>"}
    schedules.ensure(name, rate_expression(every), settings.monitor_function_arn, payload)
    return name


def _score_alarm(name: str, description: str, project: str, metric: str, comparison: str, threshold: float) -> Alarm:
    return Alarm(
        name=name,
        description=description,
        namespace=NAMESPACE,
        metric=metric,
        dimensions={"Project": project},
        statistic="Maximum" if comparison == "GreaterThanThreshold" else "Minimum",
        comparison=comparison,
        threshold=threshold,
        missing="ignore",
    )
