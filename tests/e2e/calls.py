"""What the stories ask functions, executions and the table directly, as no person would."""

from __future__ import annotations

import json
from typing import Any

from testing.line import Json, Line, wait_for


def invoke(line: Line, function: str, payload: Json) -> Json:
    """The function's answer, or its error with `errorType`."""
    answer = line.aws("lambda").invoke(FunctionName=line.resources[function], Payload=json.dumps(payload))
    found = json.loads(answer["Payload"].read())
    return found if isinstance(found, dict) else {"answer": found}


def delete_item(line: Line, pk: str, sk: str) -> None:
    key = {"pk": {"S": pk}, "sk": {"S": sk}}
    line.aws("dynamodb").delete_item(TableName=line.stack.outputs["TableName"], Key=key)


def start(line: Line, machine: str, plan: Json) -> str:
    client = line.aws("stepfunctions")
    answer = client.start_execution(stateMachineArn=line.resources[machine], input=json.dumps(plan))
    return str(answer["executionArn"])


def stop(line: Line, execution: str) -> None:
    client = line.aws("stepfunctions")
    client.stop_execution(executionArn=execution, cause="a test stops it")
    wait_for(lambda: client.describe_execution(executionArn=execution)["status"] == "ABORTED", "the execution's end")


def present(describe: Any) -> Any:
    """What describes, or None while there is nothing to describe."""
    try:
        return describe()
    except Exception as error:
        if any(words in str(error) for words in ("not find", "not exist", "not found")):
            return None
        raise


def ended(status: str | None) -> str | None:
    over = ("Stopped", "STOPPED", "Completed", "SUCCEEDED", "Failed", "FAILED")
    return status if status in over else None
