"""Task states: the call in a thread of its own, its time-outs, retries, the wait for its token."""

from __future__ import annotations

import contextlib
import contextvars
import json
import math
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ministack.services import stepfunctions as sfn

from localcloud.stepfunctions import calls, executions, jobs, tokens

_PREFIX = "arn:aws:states:::"
# Optimised integrations without `.sync`, and which of them take a task token.
_REQUESTS = {
    "lambda:invoke": True,
    "sns:publish": True,
    "sqs:sendMessage": True,
    "events:putEvents": True,
    "states:startExecution": True,
    "dynamodb:getItem": False,
    "dynamodb:putItem": False,
    "dynamodb:updateItem": False,
    "dynamodb:deleteItem": False,
    "sagemaker:createEndpoint": False,
    "sagemaker:createEndpointConfig": False,
    "sagemaker:createModel": False,
    "sagemaker:updateEndpoint": False,
    "sagemaker:createTrainingJob": False,
    "sagemaker:createTransformJob": False,
    "sagemaker:createProcessingJob": False,
    "sagemaker:createHyperParameterTuningJob": False,
    "glue:startJobRun": False,
}
_LONG = 99_999_999.0  # seconds: AWS's own default of TimeoutSeconds


def install() -> None:
    sfn._execute_task = execute
    sfn._invoke_resource = invoke


def execute(state: dict, raw_input: Any, execution: dict, context: dict) -> tuple[Any, Any]:
    """Runs a Task with its Retry and Catch; returns (output, name of the next state)."""
    # A branch of a Parallel must not see another's token, so the context is this task's own.
    context = {**context, "State": dict(context["State"])}
    resource = state.get("Resource", "")
    retry_counts: dict[int, int] = {}
    while True:
        context["State"]["RetryCount"] = sum(retry_counts.values())
        try:
            return _attempt(state, resource, raw_input, execution, context)
        except sfn._ExecutionError as error:
            if error.error == executions.ENDED:
                raise
            details = {"error": error.error, "cause": error.cause, "resource": resource}
            kind = "TaskTimedOut" if error.error in ("States.Timeout", "States.HeartbeatTimeout") else "TaskFailed"
            sfn._add_event(execution, kind, {f"t{kind[1:]}EventDetails": details})
            retrier, index = sfn._find_matching_retrier(state.get("Retry", []), error.error, retry_counts)
            if retrier is not None:
                executions.scaled_sleep(_delay(retrier, retry_counts.get(index, 0)))
                retry_counts[index] = retry_counts.get(index, 0) + 1
                continue
            catcher = sfn._find_matching_catcher(state.get("Catch", []), error.error)
            if catcher is None:
                raise
            error_output = {"Error": error.error, "Cause": error.cause}
            language = sfn._state_query_language(state, context)
            return sfn._apply_catcher(catcher, raw_input, context, language, error_output), catcher["Next"]


def _delay(retrier: dict[str, Any], count: int) -> float:
    """Cloud seconds before the next try: exponential, capped, jittered as the definition says."""
    delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** count
    delay = min(delay, retrier.get("MaxDelaySeconds", delay))
    return random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay  # noqa: S311 - no secret


def _attempt(state: dict, resource: str, raw_input: Any, execution: dict, context: dict) -> tuple[Any, Any]:
    running = executions.current.get()
    if running is not None:
        running.check()
    jsonata = sfn._state_query_language(state, context) == "JSONata"
    callback = None
    if resource.endswith(".waitForTaskToken"):
        callback = tokens.Callback()
        context["Task"] = {"Token": callback.token}
    try:
        if jsonata:
            arguments = sfn._apply_jsonata_arguments(state, raw_input, context)
        else:
            effective = sfn._apply_input_path(state, raw_input, context)
            arguments = sfn._apply_parameters(state, effective, context)
        details = {"resourceType": _resource_type(resource), "resource": resource}
        details |= {"parameters": executions.limited(arguments, f"The state '{context['State']['Name']}'")}
        sfn._add_event(execution, "TaskScheduled", {"taskScheduledEventDetails": details})
        result = _run(state, resource, arguments, callback, raw_input, context)
    finally:
        if callback is not None:
            callback.close()
    output = executions.limited(result, f"The state/task '{resource}'")
    sfn._add_event(execution, "TaskSucceeded", {"taskSucceededEventDetails": {"output": output, "resource": resource}})
    if jsonata:
        shaped = sfn._apply_jsonata_output(state, raw_input, context, result=result, default=result)
        sfn._apply_state_assign(state, raw_input, context, result=result)
        return shaped, sfn._next_or_end(state)
    shaped = sfn._apply_result_path(state, raw_input, sfn._apply_result_selector(state, result))
    return sfn._apply_output_path(state, shaped, context), sfn._next_or_end(state)


def _run(
    state: dict, resource: str, arguments: Any, callback: tokens.Callback | None, raw_input: Any, context: dict
) -> Any:
    """The call, and the callback where the resource waits for one, within the state's time-outs.

    The call runs in real time, so its seconds are real ones. What is left of them once it has returned are cloud
    seconds: a task that then waits for its token is a Wait state that can be ended.
    """
    timeout = _seconds(state, "TimeoutSeconds", raw_input, context) or _LONG
    heartbeat = _seconds(state, "HeartbeatSeconds", raw_input, context) if callback else None
    began = time.monotonic()
    cancelled = threading.Event()
    wake = callback.wake if callback else threading.Event()
    future: Future[Any] = Future()
    future.add_done_callback(lambda _: wake.set())

    def work() -> None:
        try:
            future.set_result(invoke(resource, arguments, cancelled))
        except BaseException as error:  # carried to the thread that waits
            future.set_exception(error)

    threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True, name="sfn-task").start()
    running = executions.current.get()
    try:
        with running.waking(wake) if running is not None else contextlib.nullcontext():
            if not _wait(wake, running, future.done, lambda: began + timeout):
                raise sfn._ExecutionError("States.Timeout", "The task has exceeded its TimeoutSeconds")
            result = future.result()
            if callback is None:
                return result
            left = executions.scaled(timeout - (time.monotonic() - began))
            return _answer(callback, running, time.monotonic() + left, heartbeat)
    finally:
        cancelled.set()


def _wait(
    wake: threading.Event,
    running: executions.Running | None,
    done: Callable[[], bool],
    deadline: Callable[[], float],
) -> bool:
    """Whether it was done by the deadline, which may move. Raises when the execution ends; sleeps in between."""
    while not done():
        if running is not None:
            running.check()
        left = deadline() - time.monotonic()
        if left <= 0:
            return False
        wake.wait(left)
        wake.clear()  # before the next check, so that no call of set() is lost
    return True


def _answer(
    callback: tokens.Callback, running: executions.Running | None, deadline: float, heartbeat: float | None
) -> Any:
    """What SendTaskSuccess sent. Raises what SendTaskFailure sent, or that the deadline or a heartbeat was missed."""
    began = time.monotonic()

    def missed_beat() -> float:
        return max(began, callback.beat or began) + executions.scaled(heartbeat) if heartbeat else math.inf

    _wait(callback.wake, running, lambda: callback.answer is not None, lambda: min(deadline, missed_beat()))
    answer = callback.close()
    if answer is None and missed_beat() < deadline:
        raise sfn._ExecutionError("States.HeartbeatTimeout", f"No heartbeat for {heartbeat:g} seconds")
    if answer is None:
        raise sfn._ExecutionError("States.Timeout", "The task has exceeded its TimeoutSeconds")
    if "output" not in answer:
        raise sfn._ExecutionError(answer.get("error") or "", answer.get("cause") or "")
    return json.loads(answer["output"])


def _seconds(state: dict, field: str, raw_input: Any, context: dict) -> float | None:
    if field in state and isinstance(state[field], str):
        return float(sfn._jsonata_state_field(state, field, "number", raw_input, context))
    if path := state.get(f"{field}Path"):
        return float(sfn._resolve_path_or_ctx(path, raw_input, context))
    return float(state[field]) if field in state else None


def invoke(resource: str, arguments: Any, cancelled: threading.Event | None = None) -> Any:
    """Carries out one Resource under the running execution's role."""
    running = executions.current.get()
    if running is None:
        raise sfn._ExecutionError("States.Runtime", "the local cloud runs tasks only within an execution")
    role_arn = running.role_arn
    if resource.startswith("arn:aws:lambda:"):
        return _invoke_lambda({"FunctionName": resource, "Payload": arguments}, role_arn)["Payload"]
    if ":activity:" in resource:
        return sfn._invoke_activity(resource, arguments)
    if not resource.startswith(_PREFIX):
        raise _unsupported(resource)
    name, _, pattern = resource.removeprefix(_PREFIX).partition(".")
    if name.startswith("aws-sdk:"):
        return _invoke_sdk(resource, name, pattern, arguments, role_arn)
    if pattern in ("sync", "sync:2"):
        if name not in jobs.JOBS or (pattern == "sync:2") > (name == "states:startExecution"):
            raise _unsupported(resource)
        return jobs.run(name, arguments, role_arn, cancelled or threading.Event(), parsed=pattern == "sync:2")
    if name not in _REQUESTS or (pattern and not (pattern == "waitForTaskToken" and _REQUESTS[name])):
        raise _unsupported(resource)
    if name == "lambda:invoke":
        return _invoke_lambda(arguments, role_arn)
    service, _, action = name.partition(":")
    answer = calls.call(calls.boto_name(service), action, arguments, role_arn, optimised=True)
    if name == "events:putEvents" and answer.get("FailedEntryCount"):
        raise sfn._ExecutionError("EventBridge.FailedEntry", json.dumps(answer))
    return answer


def _invoke_sdk(resource: str, name: str, pattern: str, arguments: Any, role_arn: str) -> Any:
    parts = name.split(":")
    if len(parts) != 3 or pattern not in ("", "waitForTaskToken"):
        raise _unsupported(resource)
    return calls.call(calls.boto_name(parts[1].lower()), parts[2], arguments, role_arn, optimised=False)


def _invoke_lambda(arguments: dict[str, Any], role_arn: str) -> dict[str, Any]:
    answer = calls.call("lambda", "invoke", arguments, role_arn, optimised=True)
    text = answer.get("Payload") or ""
    try:
        payload = json.loads(text) if text else {}
    except ValueError:
        payload = text
    if answer.get("FunctionError"):
        kind = payload.get("errorType") if isinstance(payload, dict) else None
        raise sfn._ExecutionError(kind or "Lambda.Unknown", text)
    return {
        "ExecutedVersion": answer.get("ExecutedVersion", "$LATEST"),
        "Payload": payload,
        "StatusCode": answer.get("StatusCode", 200),
    }


def _resource_type(resource: str) -> str:
    if resource.startswith(_PREFIX):
        return resource.removeprefix(_PREFIX).rpartition(":")[0] or "states"
    return resource.split(":")[2] if resource.count(":") > 2 else resource


def _unsupported(resource: str) -> sfn._ExecutionError:
    return sfn._ExecutionError(
        "States.Runtime", f"The resource {resource!r} is not one of Step Functions' integrations"
    )
