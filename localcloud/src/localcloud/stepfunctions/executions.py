"""The life of an execution: context object, statuses ABORTED and TIMED_OUT, waits that end when it ends."""

from __future__ import annotations

import contextlib
import contextvars
import copy
import json
import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import error_response_json, json_response, now_iso
from ministack.services import stepfunctions as sfn

logger = logging.getLogger("localcloud.stepfunctions")

PAYLOAD_LIMIT = 262_144  # bytes of a state's input or output
ENDED = "LocalCloud.ExecutionEnded"  # never seen by a definition: no Retry or Catch matches it


@dataclass
class Running:
    """One execution that runs: its record in ministack, its role, the event that is set when it ends."""

    execution: dict[str, Any]
    role_arn: str
    ended: threading.Event = field(default_factory=threading.Event)
    waking_too: set[threading.Event] = field(default_factory=set)
    children: list[Running] = field(default_factory=list)
    """Those of the items of a distributed Map, which end with it."""

    def end(self) -> None:
        """Wakes every wait of the execution."""
        self.ended.set()
        for event in list(self.waking_too):
            event.set()
        for child in list(self.children):
            child.end()

    @contextlib.contextmanager
    def waking(self, event: threading.Event) -> Iterator[None]:
        """Sets `event` when the execution ends, too: for a wait on something else besides."""
        self.waking_too.add(event)
        if self.ended.is_set():  # it ended before it could be woken
            event.set()
        try:
            yield
        finally:
            self.waking_too.discard(event)

    def check(self) -> None:
        """Raises when the execution was stopped or has timed out."""
        if self.ended.is_set() or self.execution["status"] != "RUNNING":
            raise sfn._ExecutionError(ENDED, "the execution has ended")

    def sleep(self, real_seconds: float) -> None:
        """Sleeps unless the execution ends, then raises."""
        self.check()
        if self.ended.wait(real_seconds):
            self.check()


_before: contextvars.ContextVar[tuple[str, int]] = contextvars.ContextVar("event_before", default=("", 0))
"""Execution and id of the event before, in this branch: a thread of a branch has its own."""
current: contextvars.ContextVar[Running | None] = contextvars.ContextVar("current_execution", default=None)
_running: dict[str, Running] = {}


def install() -> None:
    start = sfn._start_execution

    def start_execution(data: dict[str, Any]) -> Any:
        # AWS answers a second StartExecution with the same name and input with the execution that runs.
        if existing := _same_execution(data):
            arn, started = existing["executionArn"], existing["startDate"]
            return json_response({"executionArn": arn, "startDate": started})
        size = len(str(data.get("input", "")).encode())
        if size > PAYLOAD_LIMIT:
            return error_response_json(
                "InvalidExecutionInput", f"the input has {size} bytes, over {PAYLOAD_LIMIT}", 400
            )
        return start(data)

    sfn._start_execution = start_execution
    sfn._run_execution = run
    sfn._fail_execution = fail
    sfn._stop_execution = _stopping(sfn._stop_execution)
    sfn._scaled_sleep = scaled_sleep
    sfn._error_matches = error_matches
    sfn._run_parallel_branches = _run_parallel_branches
    sfn._apply_state_assign = _apply_state_assign
    sfn._add_event = _chained(sfn._add_event)


def end_all() -> None:
    """Wakes every wait; for the end of the process."""
    for running in list(_running.values()):
        running.end()


def scaled_sleep(cloud_seconds: float) -> None:
    """A Wait state or retry interval: `cloud_seconds` at the cloud's speed."""
    real = max(scaled(cloud_seconds), 0)
    running = current.get()
    if running is None:
        time.sleep(real)
    else:
        running.sleep(real)


def scaled(cloud_seconds: float) -> float:
    """Real seconds of `cloud_seconds`."""
    return float(cloud_seconds * sfn._SFN_WAIT_SCALE)


def error_matches(error_equals: list[str], error: str) -> bool:
    """Whether a Retry or Catch names this error. States.ALL does not catch Runtime and DataLimitExceeded on AWS."""
    if error == ENDED:
        return False
    if error in error_equals:
        return True
    if error in ("States.Runtime", "States.DataLimitExceeded"):
        return False
    return "States.ALL" in error_equals or ("States.TaskFailed" in error_equals and error != "States.Timeout")


def limited(value: Any, what: str) -> str:
    """`value` as JSON text. Raises States.DataLimitExceeded over 262,144 bytes."""
    text = json.dumps(value)
    if len(text.encode()) > PAYLOAD_LIMIT:
        cause = f"{what} returned a result with a size exceeding the maximum number of bytes service limit."
        raise sfn._ExecutionError("States.DataLimitExceeded", cause)
    return text


def run(execution_arn: str) -> None:
    """Walks the definition to its end (the body of the execution's thread)."""
    execution = sfn._executions.get(execution_arn)
    machine = sfn._state_machines.get(execution["stateMachineArn"]) if execution else None
    if execution is None:
        return
    if machine is None:
        fail(execution, "StateMachineDeleted", "State machine no longer exists")
        return
    role_arn = execution["events"][0]["executionStartedEventDetails"]["roleArn"]
    execution["events"][0].setdefault("previousEventId", 0)
    running = _running[execution_arn] = Running(execution, role_arn)
    token = current.set(running)
    timer: threading.Timer | None = None
    try:
        definition = json.loads(machine["definition"])
        if seconds := definition.get("TimeoutSeconds"):
            context = contextvars.copy_context()
            timer = threading.Timer(seconds, context.run, args=(_time_out, running))
            timer.daemon = True
            timer.start()
        _walk(definition, execution, machine, running)
    except sfn._ExecutionError as error:
        if error.error != ENDED:
            fail(execution, error.error, error.cause)
    except Exception as error:  # the boundary of the thread: an execution always ends with a status
        logger.exception("execution %s", execution_arn)
        fail(execution, "States.Runtime", f"{type(error).__name__}: {error}")
    finally:
        if timer is not None:
            timer.cancel()
        running.end()
        _running.pop(execution_arn, None)
        current.reset(token)


def fail(execution: dict[str, Any], error: str, cause: str, status: str = "FAILED") -> None:
    """Ends it, unless the execution ended before: a late failure must not overwrite ABORTED."""
    _close(execution, status, error, cause)


def remember(running: Running) -> Running:
    """From now on StopExecution finds it."""
    _running[running.execution["executionArn"]] = running
    return running


def forget(running: Running) -> None:
    _running.pop(running.execution["executionArn"], None)


def walk_apart(processor: dict[str, Any], execution: dict[str, Any], context: dict[str, Any], running: Running) -> Any:
    """The output of an item of a distributed Map; it shares the query language with the machine, and no variable."""
    given = json.loads(execution["input"])
    own = _context(execution, given, running, context["StateMachine"]["Name"], context["QueryLanguage"])
    return _walk_states(processor["States"], processor["StartAt"], given, execution, own, running)


def _context(
    execution: dict[str, Any], given: Any, running: Running, machine_name: str, language: str
) -> dict[str, Any]:
    return {
        "QueryLanguage": language,
        "Execution": {
            "Id": execution["executionArn"],
            "Input": given,
            "Name": execution["name"],
            "RoleArn": running.role_arn,
            "StartTime": execution["startDate"],
            "RedriveCount": 0,
        },
        "StateMachine": {"Id": execution["stateMachineArn"], "Name": machine_name},
        "variables": {},
    }


def _walk(definition: dict[str, Any], execution: dict[str, Any], machine: dict[str, Any], running: Running) -> None:
    states, name = definition["States"], definition["StartAt"]
    data = json.loads(execution["input"] or "{}")
    context = _context(execution, data, running, machine["name"], definition.get("QueryLanguage", "JSONPath"))
    data = _walk_states(states, name, data, execution, context, running)
    output = json.dumps(data)
    if execution["status"] != "RUNNING":
        return
    execution["status"] = "SUCCEEDED"
    execution["output"] = output
    execution["stopDate"] = now_iso()
    sfn._add_event(execution, "ExecutionSucceeded", {"executionSucceededEventDetails": {"output": output}})
    sfn._emit_execution_status_event(execution)


def _walk_states(
    states: dict[str, Any], name: Any, data: Any, execution: dict[str, Any], context: dict[str, Any], running: Running
) -> Any:
    """From state `name` to an end: of the machine, or of a branch of a Parallel state, whose states count as well."""
    while name:
        running.check()
        state = states.get(name)
        if state is None:
            raise sfn._ExecutionError("States.Runtime", f"State '{name}' not found in definition")
        kind = state.get("Type")
        context["State"] = {"Name": name, "EnteredTime": now_iso(), "RetryCount": 0}
        entered = {"name": name, "input": json.dumps(data)}
        sfn._add_event(execution, f"{kind}StateEntered", {"stateEnteredEventDetails": entered})
        data, following = _step(state, data, execution, context)
        exited = {"name": name, "output": limited(data, f"The state '{name}'")}
        running.check()
        sfn._add_event(execution, f"{kind}StateExited", {"stateExitedEventDetails": exited})
        name = following
    return data


def _step(state: dict[str, Any], data: Any, execution: dict[str, Any], context: dict[str, Any]) -> tuple[Any, Any]:
    kind = state.get("Type")
    if kind == "Succeed":
        if sfn._state_query_language(state, context) == "JSONata":
            return sfn._apply_jsonata_output(state, data, context, default=data), None
        return sfn._apply_output_path(state, sfn._apply_input_path(state, data, context), context), None
    if kind == "Fail":
        raise sfn._ExecutionError(*sfn._fail_state_error(state, data, context))
    with_execution = {"Task": sfn._execute_task, "Parallel": sfn._execute_parallel, "Map": sfn._execute_map}
    plain = {"Pass": sfn._execute_pass, "Choice": sfn._execute_choice, "Wait": sfn._execute_wait}
    if kind in with_execution:
        return with_execution[kind](state, data, execution, context)
    if kind in plain:
        return plain[kind](state, data, context)
    raise sfn._ExecutionError("States.Runtime", f"Unknown state type: {kind}")


def _apply_state_assign(
    state: dict, raw_input: Any, context: dict | None, result: Any = None, error_output: Any = None
) -> None:
    """An Assign sees the variables as they were when the state was entered; ministack's sees its own first ones."""
    if context is None or sfn._state_query_language(state, context) != "JSONata":
        return
    assign = state.get("Assign")
    if isinstance(assign, dict):
        values = {
            name: sfn._apply_jsonata_template(template, raw_input, context, result=result, error_output=error_output)
            for name, template in assign.items()
        }
        context.setdefault("variables", {}).update(values)


def _run_parallel_branches(state: dict, raw_input: Any, execution: dict, context: dict) -> tuple[Any, Any]:
    """Parallel as on AWS: ministack's ignores Arguments, Output and Assign of JSONata and shares one context."""
    jsonata = sfn._state_query_language(state, context) == "JSONata"
    if jsonata:
        effective = sfn._apply_jsonata_arguments(state, raw_input, context)
    else:
        effective = sfn._apply_parameters(state, sfn._apply_input_path(state, raw_input, context), context)
    branches = state.get("Branches", [])
    results: list[Any] = [None] * len(branches)
    errors: list[Exception] = []
    running = _running[execution["executionArn"]]

    def run_branch(index: int, branch: dict[str, Any]) -> None:
        own = copy.deepcopy(context)  # a branch's variables and State are its own
        try:
            given = copy.deepcopy(effective)
            results[index] = _walk_states(branch["States"], branch["StartAt"], given, execution, own, running)
        except Exception as error:  # handed to the Parallel state, which decides
            errors.append(error)

    threads = [
        threading.Thread(target=contextvars.copy_context().run, args=(run_branch, index, branch), daemon=True)
        for index, branch in enumerate(branches)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        first = errors[0]
        raise first if isinstance(first, sfn._ExecutionError) else sfn._ExecutionError("States.Runtime", str(first))
    if jsonata:
        output = sfn._apply_jsonata_output(state, raw_input, context, result=results, default=results)
        sfn._apply_state_assign(state, raw_input, context, result=results)
        return output, sfn._next_or_end(state)
    output = sfn._apply_result_path(state, raw_input, sfn._apply_result_selector(state, results))
    return sfn._apply_output_path(state, output, context), sfn._next_or_end(state)


def _chained(add_event: Any) -> Any:
    """Each event names the one before it, as on AWS: that alone says to which branch of a Parallel state it belongs."""
    adding = threading.Lock()

    def add(execution: dict[str, Any], event_type: str, details: dict[str, Any] | None = None) -> Any:
        with adding:  # an event's id is its place in the history
            event = add_event(execution, event_type, details)
        arn, before = _before.get()
        event["previousEventId"] = before if arn == execution["executionArn"] else event["id"] - 1
        _before.set((execution["executionArn"], event["id"]))
        return event

    return add


def _same_execution(data: dict[str, Any]) -> dict[str, Any] | None:
    machine_arn = sfn._resolve_state_machine_arn(data.get("stateMachineArn", ""))
    if machine_arn is None or not data.get("name"):
        return None
    arn = machine_arn.replace(":stateMachine:", ":execution:") + ":" + data["name"]
    existing = sfn._executions.get(arn)
    same = existing and existing["status"] == "RUNNING" and existing["input"] == data.get("input", "{}")
    return existing if same else None


def _stopping(stop: Any) -> Any:
    def stop_execution(data: dict[str, Any]) -> Any:
        response = stop(data)
        if running := _running.get(data.get("executionArn", "")):
            running.end()
        return response

    return stop_execution


def _time_out(running: Running) -> None:
    _close(running.execution, "TIMED_OUT", "States.Timeout", "")
    running.end()


def _close(execution: dict[str, Any], status: str, error: str, cause: str) -> None:
    if execution["status"] != "RUNNING":
        return
    execution["status"] = status
    execution["error"] = error
    execution["cause"] = cause
    execution["stopDate"] = now_iso()
    kinds = {"FAILED": "ExecutionFailed", "TIMED_OUT": "ExecutionTimedOut", "ABORTED": "ExecutionAborted"}
    kind = kinds[status]
    details = {f"{kind[0].lower()}{kind[1:]}EventDetails": {"error": error, "cause": cause}}
    sfn._add_event(execution, kind, details)
    sfn._emit_execution_status_event(execution)
