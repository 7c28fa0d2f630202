"""Step Functions executions and task tokens."""

from __future__ import annotations

import json
import logging
from typing import Any

from botocore.exceptions import ClientError

from sluice.aws.clients import Clients, code
from sluice.errors import InputError
from sluice.model.shortening import shortened
from sluice.ports import Json, Settings

_LOG = logging.getLogger(__name__)
_OVER = {"TaskTimedOut", "TaskDoesNotExist"}


class StepFunctionsExecutions:
    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    def start(self, machine_arn: str, name: str, payload: Json) -> str:
        if not machine_arn:
            raise InputError(
                f"execution {name}: no state machine is given; is SLUICE_LIFECYCLE_ARN or _ROLLBACK_ARN set?"
            )
        try:
            answer = self._states.start_execution(
                stateMachineArn=machine_arn, name=name, input=json.dumps(payload, allow_nan=False)
            )
        except ClientError as error:
            # closed already, or with other input: by its name it is the same run
            if code(error) != "ExecutionAlreadyExists":
                raise
            return f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
        return str(answer["executionArn"])

    def succeed(self, token: str, output: Json) -> None:
        """The first answer counts: one to a task that is over changes nothing, because events come repeatedly."""
        self._answer("send_task_success", token, output=json.dumps(output, allow_nan=False))

    def fail(self, token: str, error: str, cause: str) -> None:
        """As `succeed`: the first answer counts."""
        self._answer("send_task_failure", token, error=error[:256], cause=shortened(cause, 32_768))

    def _answer(self, operation: str, token: str, **request: str) -> None:
        try:
            getattr(self._states, operation)(taskToken=token, **request)
        except ClientError as error:
            if code(error) in _OVER:
                _LOG.warning("the task is over, so the answer changed nothing: %s", code(error))
                return
            if code(error) == "InvalidToken":
                raise InputError("this is not a task token of Step Functions") from error
            raise

    @property
    def _states(self) -> Any:
        return self._clients("stepfunctions")
