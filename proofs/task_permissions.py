"""What Step Functions does for each Task, by AWS's documentation, against the role of its state machine.

From the Step Functions developer guide, "Integrating optimized services" (the policy templates of each service's page)
and the Service Authorization Reference; independent of the recorded calls that proofs/iam.py rests on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from proofs import iam_policies
from proofs.api_calls import tasks
from proofs.asl import scopes
from proofs.expressions import is_distributed
from proofs.integrations import UnknownIntegrationError, parse
from proofs.project import Finding, Project, TranslationError
from proofs.stack_values import ACCOUNT, REGION, STACK, StackValues, UnresolvedError
from sluice import names

CHECK = "task permissions"
_RUN = "r0123456789ab"
_PROJECT = "shop"
_SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
# Names that the plan gives: examples, for the policies name them by their beginnings.
_JOB = names.job(STACK, _PROJECT, _RUN, "baseline")
_ENDPOINT = f"{_SAGEMAKER}:endpoint/{names.endpoint(STACK, _PROJECT)}"
_CONFIG = f"{_SAGEMAKER}:endpoint-config/{names.endpoint_config(STACK, _PROJECT, _RUN, 'only')}"
_TUNING = names.tuning_job(STACK, _RUN)
_TUNED = f"{_SAGEMAKER}:training-job/{_TUNING}-001-0123abcd"

# Integration → (actions, resources). {rule} is EventBridge's managed rule, {function}, {machine}, {execution} and {job}
# come from the Task's arguments.
_JOBS = {  # SageMaker's jobs: action's noun, resource, managed rule
    "createTrainingJob": ("TrainingJob", f"training-job/{_JOB}", "StepFunctionsGetEventsForSageMakerTrainingJobsRule"),
    "createTransformJob": (
        "TransformJob",
        f"transform-job/{_JOB}",
        "StepFunctionsGetEventsForSageMakerTransformJobsRule",
    ),
    "createProcessingJob": (
        "ProcessingJob",
        f"processing-job/{_JOB}",
        "StepFunctionsGetEventsForSageMakerProcessingJobsRule",
    ),
    "createHyperParameterTuningJob": (
        "HyperParameterTuningJob",
        f"hyper-parameter-tuning-job/{_TUNING}",
        "StepFunctionsGetEventsForSageMakerTuningJobsRule",
    ),
}
_RULE_ACTIONS = ("events:PutTargets", "events:PutRule", "events:DescribeRule")
_EXECUTION_RULE = "StepFunctionsGetEventsForStepFunctionsExecutionRule"
_CALLS: dict[str, list[tuple[str, tuple[str, ...]]]] = {
    "sagemaker:createEndpoint": [("sagemaker:CreateEndpoint", (_ENDPOINT, _CONFIG))],
    "sagemaker:updateEndpoint": [("sagemaker:UpdateEndpoint", (_ENDPOINT, _CONFIG))],
    "sagemaker:updateEndpointWeightsAndCapacities": [("sagemaker:UpdateEndpointWeightsAndCapacities", (_ENDPOINT,))],
    "sagemaker:describeTrainingJob": [("sagemaker:DescribeTrainingJob", (_TUNED,))],
    "sagemaker:listTrainingJobsForHyperParameterTuningJob": [
        (
            "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
            (f"{_SAGEMAKER}:hyper-parameter-tuning-job/{_TUNING}",),
        )
    ],
}
_TAGGED = {"sagemaker:createEndpoint": _ENDPOINT}


def findings(project: Project) -> list[Finding]:
    try:
        template = project.translated
        policies = iam_policies.of_template(template)
    except (
        TranslationError,
        UnresolvedError,
        iam_policies.UnknownElementError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:
        return [Finding(CHECK, "template.yaml", repr(error))]
    found = []
    values = StackValues(template)
    for logical_id, definition in project.definitions.items():
        properties = template["Resources"][logical_id]["Properties"]
        role = properties.get("RoleArn", {}).get("Fn::GetAtt", [""])[0]
        for name, state in tasks(definition):
            where = f"{logical_id}/{name}"
            try:
                wanted = list(_needs(state, properties.get("DefinitionSubstitutions", {}), values))
            except (UnknownIntegrationError, UnresolvedError, KeyError, AttributeError, TypeError) as error:
                found.append(Finding(CHECK, where, f"what it needs is not known: {error!r}"))
                continue
            found += _denied(policies, role, where, wanted)
        own = str(values.arn(logical_id))
        for name in _distributed_maps(definition):
            found += _denied(policies, role, f"{logical_id}/{name}", _map_run(own))
    return found


def _denied(
    policies: iam_policies.Policies, role: str, where: str, wanted: Iterable[tuple[str, str, dict[str, str]]]
) -> Iterator[Finding]:
    for action, resource, context in wanted:
        if not policies.allowing(iam_policies.Request(f"role:{role}", action, resource, context)):
            yield Finding(CHECK, where, f"{role or 'no role'} may not do {action} to {resource}")


def _distributed_maps(definition: dict[str, Any]) -> Iterator[str]:
    for scope, _ in scopes(definition):
        yield from (name for name, state in scope["States"].items() if is_distributed(state))


def _map_run(machine: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """What a Map's own executions need ("IAM policies for using Distributed Map states")."""
    execution = machine.replace(":stateMachine:", ":execution:") + f":{names.execution(_PROJECT, _RUN)}"
    yield "states:StartExecution", machine, {}
    yield "states:DescribeExecution", execution, {}
    yield "states:StopExecution", execution, {}


def _needs(
    state: dict[str, Any], substitutions: dict[str, Any], values: StackValues
) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Action, resource and condition context of each call that Step Functions makes for a Task."""
    call = parse(state.get("Resource", ""))
    arguments = state["Arguments"]

    def substituted(member: str) -> str:
        name = arguments[member].removeprefix("${").removesuffix("}")
        return str(values.resolve(substitutions[name]))

    service, _, action = call.key.partition(":")
    rule = ""
    if call.key == "lambda:invoke":
        yield "lambda:InvokeFunction", substituted("FunctionName"), {}
    elif call.key == "states:startExecution":
        machine = substituted("StateMachineArn")
        execution = machine.replace(":stateMachine:", ":execution:") + f":{names.execution(_PROJECT, _RUN)}"
        yield "states:StartExecution", machine, {}
        if call.pattern:
            yield "states:DescribeExecution", execution, {}
            yield "states:StopExecution", execution, {}
            rule = _EXECUTION_RULE
    elif call.key == "glue:startJobRun":
        job = f"arn:aws:glue:{REGION}:{ACCOUNT}:job/{substituted('JobName')}"
        for each in ("StartJobRun", "GetJobRun", "GetJobRuns", "BatchStopJobRun") if call.pattern else ("StartJobRun",):
            yield f"glue:{each}", job, {}
    elif service == "sagemaker" and action in _JOBS:
        noun, resource, rule = _JOBS[action]
        for verb in ("Create", "Describe", "Stop") if call.pattern else ("Create",):
            yield f"sagemaker:{verb}{noun}", f"{_SAGEMAKER}:{resource}", {}
        yield "sagemaker:AddTags", f"{_SAGEMAKER}:{resource}", {}  # the integration tags what it makes as well
        rule = rule if call.pattern else ""
    elif f"{service}:{action}" in _CALLS:
        for each, resources in _CALLS[f"{service}:{action}"]:
            for resource in resources:
                yield each, resource, {}
        if "Tags" in arguments:
            yield "sagemaker:AddTags", _TAGGED[call.key], {}
    else:
        raise UnknownIntegrationError(f"{call.key}: add what its role needs to proofs/task_permissions.py")
    if "RoleArn" in arguments:
        yield "iam:PassRole", substituted("RoleArn"), {"iam:PassedToService": "sagemaker.amazonaws.com"}
    if rule:
        for each in _RULE_ACTIONS:
            yield each, f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}", {}
