"""Every call to AWS, planned or recorded, against botocore's service models.

`python -m proofs.api_calls` checks statemachines/*.asl.yaml and exits with 1 when a call would be refused.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from cli import machines
from proofs import project
from proofs.expressions import constant
from proofs.integrations import TOKEN, Integration, UnknownIntegrationError, operation_model, parse
from proofs.members import Finding, Spelling, is_wildcard, violations

# Jobs that cost money until they stop. The models leave the limit out or make it optional, our rule does not: without
# it SageMaker lets a hanging job run for a day.
_LIMITED = {"CreateTrainingJob", "CreateProcessingJob"}


CHECK = "api calls"


def findings(application: project.Project) -> list[project.Finding]:
    return [
        project.Finding(CHECK, each.where, each.problem)
        for logical_id, definition in application.definitions.items()
        for each in check_definition(definition, logical_id)
    ]


def check_call(
    service: str, operation: str, params: Any, *, where: str = "", spelling: Spelling = Spelling.API
) -> list[Finding]:
    """What is wrong with one call; `service` is boto3's name, `operation` the API's (`CreateTrainingJob`)."""
    where = where or f"{service}.{operation}"
    try:
        model = operation_model(service, operation)
    except UnknownIntegrationError as error:
        return [Finding(where, str(error))]
    if model.input_shape is None:
        return [Finding(where, f"{operation} takes no parameters")] if params else []
    found = list(violations(model.input_shape, params, where, spelling))
    if service == "sagemaker" and isinstance(params, dict):
        found += _unlimited(operation, params, where)
    return found


def check_definition(definition: dict[str, Any], name: str = "") -> list[Finding]:
    """What is wrong with the calls of a state machine, as its parsed definition."""
    jsonata = definition.get("QueryLanguage") == "JSONata"
    return [
        finding
        for state_name, state in tasks(definition)
        for finding in check_task(f"{name}/{state_name}" if name else state_name, state, jsonata=jsonata)
    ]


def tasks(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and state of every Task, those in branches of Parallel and in processors of Map included."""
    for name, state in machine["States"].items():
        if state["Type"] == "Task":
            yield name, state
        inner = [*state.get("Branches", []), *(state[key] for key in ("ItemProcessor", "Iterator") if key in state)]
        for each in inner:
            yield from tasks(each)


def check_task(name: str, state: dict[str, Any], *, jsonata: bool = True) -> list[Finding]:
    """What is wrong with one Task: its Resource and its Arguments."""
    try:
        call = parse(state.get("Resource", ""))
    except UnknownIntegrationError as error:
        return [Finding(f"{name}.Resource", str(error))]
    if not (jsonata or state.get("QueryLanguage") == "JSONata"):
        return [Finding(name, "only JSONata definitions are checked: JSONPath writes its values elsewhere")]
    where = f"{name}.Arguments"
    if "Parameters" in state:
        return [Finding(f"{name}.Parameters", "JSONata tasks have Arguments")]
    arguments = constant(state.get("Arguments", {}))
    shown = _without_json(arguments, call.json_members)
    found = check_call(call.service, call.operation.name, shown, where=where, spelling=Spelling.STATES)
    return found + list(_integration_rules(call, arguments, where))


def _without_json(arguments: Any, free: frozenset[str]) -> Any:
    """The arguments with a wildcard for each member that takes any JSON, which Step Functions writes as text."""
    if isinstance(arguments, dict):
        return {
            name: "{% 0 %}" if name in free and item is not None else _without_json(item, free)
            for name, item in arguments.items()
        }
    return [_without_json(item, free) for item in arguments] if isinstance(arguments, list) else arguments


def _integration_rules(call: Integration, arguments: Any, where: str) -> Iterator[Finding]:
    if call.key == "lambda:invoke" and isinstance(arguments, dict):
        payload = arguments.get("Payload")
        if not isinstance(payload, dict) and not is_wildcard(payload):
            yield Finding(f"{where}.Payload", "our functions take a JSON object")
    if call.pattern == TOKEN and "$states.context.Task.Token" not in json.dumps(arguments):
        yield Finding(where, "the task waits for a token that it gives to nobody ($states.context.Task.Token)")


def _unlimited(operation: str, params: dict[str, Any], where: str) -> Iterator[Finding]:
    jobs: list[tuple[str, Any]] = []
    if operation in _LIMITED:
        jobs = [(where, params)]
    elif operation == "CreateHyperParameterTuningJob":
        several = params.get("TrainingJobDefinitions")
        if "TrainingJobDefinition" in params:
            jobs.append((f"{where}.TrainingJobDefinition", params["TrainingJobDefinition"]))
        elif several is None:
            yield Finding(where, "a tuning job needs TrainingJobDefinition or TrainingJobDefinitions")
        if isinstance(several, list):
            jobs += [(f"{where}.TrainingJobDefinitions[{index}]", each) for index, each in enumerate(several)]
    for path, job in jobs:
        if not isinstance(job, dict):
            continue
        condition = job.get("StoppingCondition")
        if is_wildcard(condition):
            continue
        if not isinstance(condition, dict) or condition.get("MaxRuntimeInSeconds") is None:
            yield Finding(f"{path}.StoppingCondition.MaxRuntimeInSeconds", "our rule: no job without a time limit")


def main() -> int:
    found = []
    for path in machines.sources():
        found += check_definition(machines.definition(path), machines.name_of(path))
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
