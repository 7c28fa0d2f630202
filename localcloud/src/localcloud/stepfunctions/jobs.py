"""Run-a-job integrations (`.sync`): start, tag, wait for the end by asking, stop with the execution."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.services import stepfunctions as sfn

from localcloud import authorization, service_calls
from localcloud.settings import Settings
from localcloud.stepfunctions import calls

_TAG = {"Key": "MANAGED_BY_AWS", "Value": "STARTED_BY_STEP_FUNCTIONS"}
_FIRST_WAIT, _MAX_WAIT = 0.1, 0.4  # real seconds between two questions


@dataclass(frozen=True)
class Job:
    """How one kind of job is watched: names are those of the API, PascalCase."""

    describe: str
    stop: str
    rule: str  # the managed rule for which AWS needs the role's events permissions; "" when none
    identify: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]  # (arguments, answer) -> Describe's arguments
    status: Callable[[dict[str, Any]], str]
    succeeded: frozenset[str] = frozenset({"Completed"})
    failed: frozenset[str] = frozenset({"Failed", "Stopped"})
    tagged: bool = True


def _sagemaker(kind: str, rule: str) -> Job:
    name = f"{kind}Name"
    return Job(
        describe=f"Describe{kind}",
        stop=f"Stop{kind}",
        rule=f"StepFunctionsGetEventsForSageMaker{rule}JobsRule",
        identify=lambda arguments, _answer: {name: arguments[name]},
        status=lambda description: str(description[f"{kind}Status"]),
    )


JOBS = {
    "sagemaker:createTrainingJob": _sagemaker("TrainingJob", "Training"),
    "sagemaker:createTransformJob": _sagemaker("TransformJob", "Transform"),
    "sagemaker:createProcessingJob": _sagemaker("ProcessingJob", "Processing"),
    "sagemaker:createHyperParameterTuningJob": _sagemaker("HyperParameterTuningJob", "Tuning"),
    "glue:startJobRun": Job(
        describe="GetJobRun",
        stop="BatchStopJobRun",
        rule="",
        identify=lambda arguments, answer: {"JobName": arguments["JobName"], "RunId": answer["JobRunId"]},
        status=lambda description: str(description["JobRun"]["JobRunState"]),
        succeeded=frozenset({"SUCCEEDED"}),
        failed=frozenset({"FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"}),
        tagged=False,
    ),
    "states:startExecution": Job(
        describe="DescribeExecution",
        stop="StopExecution",
        rule="StepFunctionsGetEventsForStepFunctionsExecutionRule",
        identify=lambda _arguments, answer: {"ExecutionArn": answer["ExecutionArn"]},
        status=lambda description: str(description["Status"]),
        succeeded=frozenset({"SUCCEEDED"}),
        failed=frozenset({"FAILED", "TIMED_OUT", "ABORTED"}),
        tagged=False,
    ),
}


def run(integration: str, arguments: dict[str, Any], role_arn: str, cancelled: threading.Event, *, parsed: bool) -> Any:
    """Starts the job of `integration` and returns its description when it has succeeded.

    `parsed` (`.sync:2`) returns a nested execution's output as JSON instead of text. Raises States.TaskFailed with
    the description as the cause when the job did not succeed; stops the job once `cancelled` is set.
    """
    job = JOBS[integration]
    service = calls.boto_name(integration.partition(":")[0])
    _check_managed_rule(job, role_arn)
    action = integration.partition(":")[2]
    started_with = _tagged(arguments) if job.tagged else arguments
    answer = calls.call(service, action, started_with, role_arn, optimised=True)
    which = job.identify(arguments, answer)
    _check_documented(integration, which, role_arn)
    wait = _FIRST_WAIT
    while True:
        description = calls.call(service, job.describe, which, role_arn, optimised=True)
        status = job.status(description)
        if status in job.succeeded:
            return _result(integration, description, parsed)
        if status in job.failed:
            cause = description.get("JobRun", description)
            raise sfn._ExecutionError("States.TaskFailed", json.dumps(cause))
        if cancelled.wait(wait):
            _stop(service, job, which, role_arn)
            raise sfn._ExecutionError("States.Timeout", f"{which} was stopped with its task")
        wait = min(wait * 1.3, _MAX_WAIT)


def _result(integration: str, description: dict[str, Any], parsed: bool) -> Any:
    if integration == "glue:startJobRun":
        return description["JobRun"]
    if parsed:
        for name in ("Input", "Output"):
            if description.get(name):
                description[name] = json.loads(description[name])
    return description


def _tagged(arguments: dict[str, Any]) -> dict[str, Any]:
    return arguments | {"Tags": [*arguments.get("Tags", []), _TAG]}


def _stop(service: str, job: Job, which: dict[str, Any], role_arn: str) -> None:
    if job.stop == "BatchStopJobRun":
        which = {"JobName": which["JobName"], "JobRunIds": [which["RunId"]]}
    try:
        calls.call(service, job.stop, which, role_arn, optimised=True)
    except sfn._ExecutionError:
        # It ended meanwhile, or the role may not stop it: AWS leaves the job running then, too.
        return


def _check_managed_rule(job: Job, role_arn: str) -> None:
    """AWS watches the job by an EventBridge rule that it makes with the state machine's role."""
    if not job.rule:
        return
    if why := service_calls.role_denial("managed rule", role_arn, "StepFunctions", rule=job.rule):
        cause = f"'{role_arn}' is not authorized to create managed-rule: {why}"
        raise sfn._ExecutionError("StepFunctions.AWSStepFunctionsException", cause)


def _check_documented(integration: str, which: dict[str, Any], role_arn: str) -> None:
    """What AWS's page on the integration asks for besides the calls that are made here."""
    settings = Settings.current()
    why = ""
    if integration == "glue:startJobRun":
        why = service_calls.role_denial("glue .sync", role_arn, "StepFunctions", job=which["JobName"])
    elif integration.startswith("sagemaker:"):
        operation = "Describe" + integration.partition(":create")[2]
        arn = authorization.sagemaker_resource(operation, which, settings.region, settings.account)
        why = service_calls.role_denial("sagemaker .sync", role_arn, "StepFunctions", job=arn)
    if why:
        raise sfn._ExecutionError("States.TaskFailed", why)
