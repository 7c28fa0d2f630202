"""Glue job runs on a real local Spark; ministack keeps the job definitions, this module does the runs."""

from __future__ import annotations

import contextvars
import json
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import eventbridge
from ministack.services import glue as ministack_glue
from ministack.services.cloudformation import provisioners

from localcloud import glue_run
from localcloud.settings import Settings

GLUE_VERSION = "5.1"
LIVE = ("STARTING", "RUNNING", "STOPPING")
SEVERITY = {"SUCCEEDED": "INFO", "STOPPED": "INFO", "TIMEOUT": "WARN", "FAILED": "ERROR"}
REFUSED_ARGUMENTS = (
    "--additional-python-modules",
    "--datalake-formats",
    "--extra-jars",
    "--enable-glue-datacatalog",
    "--enable-auto-scaling",
)
_threads: list[threading.Thread] = []
_lock = threading.Lock()
_originals: dict[str, Callable[..., Any]] = {}


def install(settings: Settings) -> None:
    """Takes over the job operations of ministack's Glue."""
    glue_run.open_for_runs()
    replaced = {
        "_create_job": _create_job,
        "_update_job": _update_job,
        "_start_job_run": _start_job_run,
        "_get_job_runs": _get_job_runs,
        "_batch_stop_job_run": _batch_stop_job_run,
    }
    for name, function in replaced.items():
        _originals.setdefault(name, getattr(ministack_glue, name))
        setattr(ministack_glue, name, function)
    if "_glue_job_fields" not in _originals:
        _originals["_glue_job_fields"] = provisioners._glue_job_fields
        provisioners._glue_job_fields = _cloudformation_fields
    _fail_interrupted_runs()


def shutdown() -> None:
    """Ends every running job and waits for its thread."""
    glue_run.stop_all()
    for thread in list(_threads):
        thread.join(timeout=5)


def _fail_interrupted_runs() -> None:
    # Runs of a former process that state was restored from cannot be resumed.
    for runs in list(ministack_glue._job_runs._data.values()):
        for run in runs:
            if run["JobRunState"] in LIVE:
                run.update(JobRunState="FAILED", ErrorMessage="The local cloud stopped during this run")


def _cloudformation_fields(properties: dict[str, Any]) -> dict[str, Any]:
    # ministack's AWS::Glue::Job drops the number of concurrent runs.
    fields = _originals["_glue_job_fields"](properties)
    if "ExecutionProperty" in properties:
        allowed = int(properties["ExecutionProperty"].get("MaxConcurrentRuns", 1))
        fields["ExecutionProperty"] = {"MaxConcurrentRuns": allowed}
    return fields


# Operations


def _refusal(job: dict[str, Any], arguments: dict[str, str]) -> str | None:
    """Why this job cannot be run faithfully here, or None."""
    command = job.get("Command") or {}
    suffix = "is not supported by the local cloud"
    if command.get("Name") != "glueetl":
        return f"Command.Name {command.get('Name')!r} {suffix}: only glueetl is"
    if job.get("GlueVersion") != GLUE_VERSION:
        return f"GlueVersion {job.get('GlueVersion')!r} {suffix}: only {GLUE_VERSION!r} (Spark 3.5.6) is"
    if not str(command.get("ScriptLocation", "")).startswith("s3://"):
        return f"Command.ScriptLocation {command.get('ScriptLocation')!r} is not an s3:// address"
    if (job.get("Connections") or {}).get("Connections"):
        return f"Connections {suffix}"
    if job.get("SecurityConfiguration"):
        return f"SecurityConfiguration {suffix}"
    refused = [name for name in REFUSED_ARGUMENTS if arguments.get(name)]
    if arguments.get("--job-language", "python") != "python":
        refused.append("--job-language")
    if arguments.get("--job-bookmark-option", "job-bookmark-disable") != "job-bookmark-disable":
        refused.append("--job-bookmark-option")
    return f"Job argument {', '.join(refused)} {suffix}" if refused else None


def _create_job(data: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    reason = _refusal(data, data.get("DefaultArguments") or {})
    if reason:
        return error_response_json("InvalidInputException", reason, 400)
    answer = _originals["_create_job"](data)
    if answer[0] == 200:
        job = ministack_glue._jobs[data["Name"]]
        job["ExecutionProperty"] = data.get("ExecutionProperty") or {"MaxConcurrentRuns": 1}
        if data.get("Tags"):
            ministack_glue._tags[ministack_glue._arn("job", data["Name"])] = dict(data["Tags"])
    return answer


def _update_job(data: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    name, update = data.get("JobName"), data.get("JobUpdate") or {}
    job = ministack_glue._jobs.get(name)
    if job is not None:
        after = {**job, **update}
        reason = _refusal(after, after.get("DefaultArguments") or {})
        if reason:
            return error_response_json("InvalidInputException", reason, 400)
        if "ExecutionProperty" in update:
            job["ExecutionProperty"] = update["ExecutionProperty"]
    return _originals["_update_job"](data)


def _start_job_run(data: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    name = data.get("JobName")
    job = ministack_glue._jobs.get(name)
    if job is None:
        return error_response_json(
            "EntityNotFoundException", f"Failed to start job run due to missing metadata: {name}", 400
        )
    arguments = {
        **(job.get("DefaultArguments") or {}),
        **(data.get("Arguments") or {}),
        **(job.get("NonOverridableArguments") or {}),
    }
    reason = _refusal(job, arguments)
    if reason:
        return error_response_json("InvalidInputException", reason, 400)
    allowed = int((job.get("ExecutionProperty") or {}).get("MaxConcurrentRuns", 1))
    with _lock:
        runs = ministack_glue._job_runs.setdefault(name, [])
        if sum(run["JobRunState"] in LIVE for run in runs) >= allowed:
            message = f"Concurrent runs exceeded for {name}"
            return error_response_json("ConcurrentRunsExceededException", message, 400)
        now = time.time()
        run = {
            "Id": f"jr_{secrets.token_hex(32)}",
            "Attempt": 0,
            "JobName": name,
            "StartedOn": now,
            "LastModifiedOn": now,
            "JobRunState": "STARTING",
            "Arguments": dict(data.get("Arguments") or {}),
            "PredecessorRuns": [],
            "ExecutionTime": 0,
            "Timeout": int(data.get("Timeout") or job.get("Timeout") or 2880),
            "WorkerType": data.get("WorkerType") or job.get("WorkerType") or "G.1X",
            "NumberOfWorkers": data.get("NumberOfWorkers") or job.get("NumberOfWorkers") or 2,
            "LogGroupName": arguments.get("--custom-logGroup-prefix") or "/aws-glue/jobs",
            "GlueVersion": job["GlueVersion"],
        }
        runs.append(run)
    # The thread needs the request's account and region, which are context variables.
    context = contextvars.copy_context()
    thread = threading.Thread(
        target=context.run, args=(_run, run, dict(job), arguments), name=f"glue-{name}", daemon=True
    )
    _threads.append(thread)
    thread.start()
    return json_response({"JobRunId": run["Id"]})


def _get_job_runs(data: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    runs = ministack_glue._job_runs.get(data.get("JobName"))
    if runs is None:
        return error_response_json("EntityNotFoundException", f"Job {data.get('JobName')} not found", 400)
    newest_first = list(reversed(runs))
    start, limit = int(data.get("NextToken") or 0), int(data.get("MaxResults") or 200)
    answer: dict[str, Any] = {"JobRuns": newest_first[start : start + limit]}
    if start + limit < len(newest_first):
        answer["NextToken"] = str(start + limit)
    return json_response(answer)


def _batch_stop_job_run(data: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    name, done, errors = data.get("JobName"), [], []
    runs = {run["Id"]: run for run in ministack_glue._job_runs.get(name) or []}
    for run_id in data.get("JobRunIds") or []:
        run = runs.get(run_id)
        if run is not None and run["JobRunState"] in LIVE:
            run["JobRunState"] = "STOPPING"
            glue_run.stop(run_id)
            done.append({"JobName": name, "JobRunId": run_id})
            continue
        code, message = "EntityNotFoundException", f"Job run {run_id} not found"
        if run is not None:
            code, message = "JobRunInTerminalStateException", f"Job run {run_id} is {run['JobRunState']}"
        detail = {"ErrorCode": code, "ErrorMessage": message}
        errors.append({"JobName": name, "JobRunId": run_id, "ErrorDetail": detail})
    return json_response({"SuccessfulSubmissions": done, "Errors": errors})


# One run


def _run(run: dict[str, Any], job: dict[str, Any], arguments: dict[str, str]) -> None:
    state, message = "FAILED", ""
    try:
        state, message = glue_run.execute(run, job, arguments)
    except glue_run.RunFailed as error:
        message = str(error)
    except Exception as error:  # a run must end in a state whatever happens in here
        message = f"{type(error).__name__}: {error}"
    if glue_run.stopped(run["Id"]):
        state, message = "STOPPED", ""
    now = time.time()
    run.update(CompletedOn=now, LastModifiedOn=now, ExecutionTime=round(now - run["StartedOn"]))
    if message:
        run["ErrorMessage"] = message[:2000]
    run["JobRunState"] = state
    if not glue_run.closed():
        _announce(run, state, message)
    threads = [thread for thread in _threads if thread is not threading.current_thread()]
    _threads[:] = threads


def _announce(run: dict[str, Any], state: str, message: str) -> None:
    detail = {
        "jobName": run["JobName"],
        "severity": SEVERITY[state],
        "state": state,
        "jobRunId": run["Id"],
        "message": message or f"Job run {state.lower()}",
    }
    entry = {"Source": "aws.glue", "DetailType": "Glue Job State Change", "Detail": json.dumps(detail)}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
