"""What a dead letter is about: whose project, which object, which function gave up, and what a person can do.

Every asynchronous event of Sluice comes here when nobody could handle it: the files of the intake by their own queue,
which validate_dataset reads itself; all others by the queue of the rules and functions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from sluice import keys
from sluice.ports import Json

TRIES = 3
"""After this many attempts, a queue and Lambda give an event up."""
_AGAIN = "Drop it again; if that fails, too, split it"


@dataclass(frozen=True)
class Letter:
    """`project` and `function` are empty where the event names none. A file's letter has the rest, too."""

    project: str
    what: str
    function: str
    todo: str
    kind: str = ""
    bucket: str = ""
    key: str = ""
    version: str = "null"
    size: int | None = None


def given_up(what: str, function: str, todo: str, size: int | None = None) -> str:
    """The sentence for an event that a function failed on in each of its tries."""
    if not function:
        return f"{what} was neither delivered nor handled. {todo}"
    of = f" Its size is {size / 1e6:,.1f} MB." if size is not None else ""
    return (
        f"{what} could not be processed in {TRIES} attempts: the function ran out of memory or time, or an AWS "
        f"service did not answer; the log of {function} says which.{of} {todo}"
    )


def undelivered(what: str, function: str, todo: str, code: str) -> str:
    """The sentence for an event that EventBridge could not hand over; `code` is EventBridge's."""
    why = f"EventBridge could not deliver its event ({code or 'no code'})"
    return f"{what} never reached {function or 'a function'}: {why}. {todo}"


def read_letter(event: Json, stack: str) -> Letter:
    """What the event was about. An event of no known form is named by its source and type."""
    detail = event.get("detail") if isinstance(event.get("detail"), dict) else None
    if detail is None and event.get("project"):
        return _scheduled(event)
    reader = _READERS.get(str(event.get("detail-type")))
    try:
        return reader(detail, stack) if reader and detail else _unknown(event)
    except (KeyError, TypeError, AttributeError, ValueError):
        return _unknown(event)


def file_letter(bucket: str, key: str, version: str | None, size: int | None) -> Letter:
    """A file of one of the folders that people drop into."""
    area, project = key.partition("/")[0], keys.project_of(key)
    kind, function, todo = _AREAS.get(
        area, ("", "RegisterProjectFunction", "Move it to a folder that docs/architecture.md lists, or delete it")
    )
    what = "the contract" if area == "projects" else "the file"
    return Letter(project, what, function, todo, kind, bucket, key, version or "null", size)


_AREAS = {
    "raw": ("Dataset Failed", "ValidateDatasetFunction", _AGAIN),
    "labels": ("Labels Refused", "ValidateDatasetFunction", _AGAIN),
    "batch": ("Batch Failed", "PlanBatchFunction", _AGAIN),
    "projects": ("Contract Refused", "RegisterProjectFunction", "Upload it again: `sluice register project.yaml`"),
}


def _file(detail: Json, stack: str) -> Letter:
    found = detail["object"]
    return file_letter(detail["bucket"]["name"], found["key"], found.get("version-id"), found.get("size"))


def _dataset(detail: Json, stack: str) -> Letter:
    project, what = detail["project"], f"the accepted dataset {detail['dataset_id']}"
    start = f"`sluice retrain {project} --reason TEXT` starts a run, which reads it"
    todo = f"It has no profile, and no run was planned for it. {start}"
    return Letter(project, what, "ProfileDatasetFunction", todo)


def _training(detail: Json, stack: str) -> Letter:
    project, dataset = detail["project"], detail.get("dataset_id")
    what = f"the dataset {dataset}" if dataset else "a request for a new model"
    todo = f"No run was planned. Start one: `sluice retrain {project} --reason TEXT`"
    return Letter(project, what, "PlanTrainingFunction", todo)


def _alarm(detail: Json, stack: str) -> Letter:
    name = str(detail["alarmName"])
    project = name.split("/")[1] if name.startswith(f"{stack}/") else ""
    ways = " or ".join(f"`sluice {verb} {project} --reason TEXT`" for verb in ("rollback", "retrain"))
    todo = f"Nothing was done about it. See `sluice status {project}`, then decide: {ways}"
    return Letter(project, f"the alarm {name}", "RespondToAlarmFunction", todo)


def _measured(detail: Json, stack: str) -> Letter:
    todo = "The next measurement checks alarms that last; `sluice status` shows the latest measurement"
    what = f"the measurement of {detail['at']}"
    return Letter(detail["project"], what, "RespondToAlarmFunction", todo)


def _decided(detail: Json, stack: str) -> Letter:
    project = str(detail["ModelPackageGroupName"]).removeprefix(f"{stack}-")
    status = str(detail["ModelApprovalStatus"])
    what = f"the decision {status} on the model package {detail['ModelPackageArn'].rpartition(':')[2]}"
    verb = "approve" if status == "Approved" else "reject"
    todo = f"The run still waits. Decide again: `sluice {verb} RUN --reason TEXT`; `sluice runs {project}` names it"
    return Letter(project, what, "ResumeApprovalFunction", todo)


def _stopped(detail: Json, stack: str) -> Letter:
    plan = json.loads(detail["input"])
    project, run_id = plan["project"], plan["run_id"]
    again = json.dumps({"project": project, "run_id": run_id, "outcome": "failed"})
    todo = f"While `sluice status {project}` shows it, no other run starts. Invoke that function with {again}"
    return Letter(project, f"the end of the run {run_id}, whose execution failed,", "FinishRunFunction", todo)


def _scheduled(event: Json) -> Letter:
    """What the scheduler hands to monitor_model."""
    retrains = event.get("task") == "retrain"
    what = "the scheduled retraining" if retrains else "a scheduled measurement"
    project = str(event["project"])
    todo = f"Start it: `sluice retrain {project} --reason TEXT`" if retrains else "The next one follows by its schedule"
    return Letter(project, what, "MonitorModelFunction", todo)


def _unknown(event: Json) -> Letter:
    source, kind = event.get("source") or "no source", event.get("detail-type") or "no detail-type"
    todo = "Check the rules of this stack: none of its functions reads this event"
    return Letter("", f"an event {kind!r} of {source!r}", "", todo)


_READERS: dict[str, Callable[[Json, str], Letter]] = {
    "Object Created": _file,
    "Dataset Accepted": _dataset,
    "Dataset Profiled": _training,
    "Training Requested": _training,
    "Model Measured": _measured,
    "CloudWatch Alarm State Change": _alarm,
    "SageMaker Model Package State Change": _decided,
    "Step Functions Execution Status Change": _stopped,
}
