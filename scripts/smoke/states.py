"""Asks Step Functions itself: are the deployed definitions right, and does each state do what it should on a sample?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from botocore.config import Config

from cli.connection import Connection
from scripts.smoke.record import FailedCheckError, Record
from scripts.smoke.samples import Sample, samples
from sluice.contract import Contract


def machines(connection: Connection) -> dict[str, Mapping[str, Any]]:
    """Logical id → definition of every state machine of the stack, as it was deployed, substitutions filled in."""
    states = connection.client("stepfunctions")
    pages = connection.client("cloudformation").get_paginator("list_stack_resources")
    found = [
        (resource["LogicalResourceId"], resource["PhysicalResourceId"])
        for page in pages.paginate(StackName=connection.stack)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::StepFunctions::StateMachine"
    ]
    return {name: json.loads(states.describe_state_machine(stateMachineArn=arn)["definition"]) for name, arn in found}


def check_definitions(record: Record, connection: Connection, definitions: Mapping[str, Mapping[str, Any]]) -> None:
    states = connection.client("stepfunctions")

    def validated(definition: Mapping[str, Any]) -> str:
        answer = states.validate_state_machine_definition(definition=json.dumps(definition), severity="WARNING")
        told = [f"{each['code']} at {each.get('location')}: {each['message']}" for each in answer["diagnostics"]]
        if answer["result"] != "OK":
            raise FailedCheckError("; ".join(told))
        return "; ".join(told)

    for name, definition in definitions.items():
        record.check(
            f"ValidateStateMachineDefinition of {name}",
            partial(validated, definition),
            "Step Functions' JSONata in `TimeoutSeconds`",
        )


def check_states(
    record: Record, connection: Connection, definitions: Mapping[str, Mapping[str, Any]], contract: Contract
) -> None:
    """TestState on every state; every call is mocked, so that nothing is made, and no role is needed."""
    made: Any = connection.client("stepfunctions")
    if not record.on_aws:
        # TestState has a host of its own, which only AWS has
        made = _without_host_prefix(made)
    for name, definition in definitions.items():
        for sample in samples(name, definition, contract):
            record.check(f"TestState of {name} / {sample.state}", partial(tried, made, sample))


def tried(states: Any, sample: Sample) -> str:
    """Raises FailedCheckError when the state ends otherwise than its kind should."""
    request: dict[str, Any] = {
        "definition": json.dumps(sample.definition),
        "stateName": sample.state,
        "input": json.dumps(sample.input),
        "variables": json.dumps(sample.variables),
    }
    if sample.mocked:
        # the mock is ours: what is tried is what the state makes of it
        request["mock"] = {"result": json.dumps(sample.result), "fieldValidationMode": "NONE"}
        request["context"] = json.dumps(sample.context)
    answer = states.test_state(**request)
    status, error = answer["status"], answer.get("error", "")
    wanted = "FAILED" if sample.kind == "Fail" else "SUCCEEDED"
    if status != wanted or error.startswith("States."):
        raise FailedCheckError(f"{status} instead of {wanted}: {error}: {answer.get('cause', '')}")
    return f"→ {answer['nextState']}" if answer.get("nextState") else ""


def _without_host_prefix(client: Any) -> Any:
    import boto3

    return boto3.client(
        "stepfunctions",
        region_name=client.meta.region_name,
        endpoint_url=client.meta.endpoint_url,
        config=Config(inject_host_prefix=False),
    )
