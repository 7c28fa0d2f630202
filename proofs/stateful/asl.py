"""State machines with JSONata, a state (or one attempt of it) at a time, on a clock that only the test moves.

The subset that the release's machines use: Pass, Choice, Wait, Succeed, Fail, and Task with Retry, Catch, a task
token or a child execution. What is not known here fails the test instead of being guessed.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from jsonata import Jsonata
from jsonata.jexception import JException
from jsonata.utils import Utils

from cli import machines

ROOT = Path(__file__).parents[2]
PAYLOAD_LIMIT = 262_144
DEFAULT_TIMEOUT = 99_999_999  # seconds: AWS's own default of TimeoutSeconds
_ARN = "arn:${Partition}:states:::"
_COMMON = {"Type", "Comment", "Next", "Output", "Assign"}
_FIELDS = {
    "Pass": _COMMON,
    "Wait": _COMMON | {"Seconds"},
    "Choice": {"Type", "Comment", "Choices", "Default", "Assign", "Output"},
    "Succeed": {"Type", "Comment", "Output"},
    "Fail": {"Type", "Comment", "Error", "Cause"},
    "Task": _COMMON | {"Resource", "Arguments", "TimeoutSeconds", "HeartbeatSeconds", "Retry", "Catch", "End"},
}
_RETRY = {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "JitterStrategy", "MaxDelaySeconds"}
_CATCH = {"ErrorEquals", "Assign", "Output", "Next"}
_RULE = {"Condition", "Assign", "Output", "Next"}


class UnsupportedError(AssertionError):
    """The definition uses what this interpreter does not know: it has to learn it."""


class TaskError(Exception):
    """What a Task ended with, as Step Functions names it."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error, self.cause = error, cause


class Services(Protocol):
    """What stands behind the Resources of Tasks."""

    def now(self) -> datetime: ...

    def call(self, execution: Execution, resource: str, arguments: Any) -> Any:
        """One call; raises TaskError."""

    def answer(self, token: str) -> Any:
        """What was sent to a task token, None so far; raises TaskError when it was a failure."""

    def child(self, execution: Execution, arguments: Any) -> Execution:
        """Starts the execution that `startExecution.sync:2` waits for; raises TaskError."""


@functools.cache
def definition(name: str) -> dict[str, Any]:
    """statemachines/<name>.asl.yaml, its fields checked against what is known here."""
    content = machines.definition(machines.SOURCES / f"{name}.asl.yaml")
    if content.get("QueryLanguage") != "JSONata":
        raise UnsupportedError(f"{name}: QueryLanguage {content.get('QueryLanguage')}")
    for state_name, state in content["States"].items():
        known = _FIELDS.get(state["Type"])
        if known is None:
            raise UnsupportedError(f"{name}, {state_name}: type {state['Type']}")
        unknown = set(state) - known
        for key, allowed in (("Retry", _RETRY), ("Catch", _CATCH), ("Choices", _RULE)):
            unknown |= {field for each in state.get(key, []) for field in set(each) - allowed}
        if unknown:
            raise UnsupportedError(f"{name}, {state_name}: {sorted(unknown)}")
    return content


@functools.cache
def _compiled(text: str) -> tuple[Jsonata, Jsonata]:
    """The expression, and whether it has a value at all: `undefined` and null are both None in Python."""
    return Jsonata(text), Jsonata(f"$exists(({text}))")


def _plain(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def evaluate(text: str, bindings: Mapping[str, Any], now: datetime) -> Any:
    """The value of an expression (without its brackets). Raises TaskError(States.QueryEvaluationError)."""
    expression, exists = _compiled(text)
    bound = {name: Utils.NULL_VALUE if value is None else value for name, value in bindings.items()}
    bound["now"] = Jsonata.JLambda(lambda *_: _plain(now))
    try:
        value = expression.evaluate(None, bound)
        if value is None and not exists.evaluate(None, bound):
            raise TaskError("States.QueryEvaluationError", f"JSONata expression did not return a result: {text}")
    except JException as error:
        raise TaskError("States.QueryEvaluationError", f"{text}: {error}") from None
    return value


def template(value: Any, bindings: Mapping[str, Any], now: datetime) -> Any:
    """`value` with each expression in it evaluated."""
    if isinstance(value, dict):
        return {key: template(item, bindings, now) for key, item in value.items()}
    if isinstance(value, list):
        return [template(item, bindings, now) for item in value]
    if isinstance(value, str) and value.startswith("{%") and value.endswith("%}"):
        return evaluate(value[2:-2].strip(), bindings, now)
    return value


def matches(names: list[str], error: str) -> bool:
    """Whether a Retry or Catch names this error. States.ALL does not catch Runtime and DataLimitExceeded."""
    if error in names:
        return True
    if error in ("States.Runtime", "States.DataLimitExceeded"):
        return False
    return "States.ALL" in names or ("States.TaskFailed" in names and error != "States.Timeout")


@dataclass
class Execution:
    """One execution. `advance` does one state, or one attempt of a Task; what waits is advanced when it may go on."""

    machine: str
    name: str
    data: Any
    services: Services
    state: str = ""
    variables: dict[str, Any] = field(default_factory=dict)
    status: str = "RUNNING"
    error: str | None = None
    cause: str | None = None
    output: Any = None
    trail: list[str] = field(default_factory=list)
    """States and errors in their order, for whoever has to understand a failure."""
    jitter: Callable[[float], float] = float
    _tokens: int = 0
    _wake: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.input = self.data = _json(self.data)
        self.state = self.state or definition(self.machine)["StartAt"]
        self._enter(self.state)

    @property
    def arn(self) -> str:
        return f"arn:aws:states:us-east-1:123456789012:execution:{self.machine}:{self.name}"

    @property
    def running(self) -> bool:
        return self.status == "RUNNING"

    def ready(self) -> bool:
        """Whether `advance` would do something now."""
        if not self.running:
            return False
        now = self.services.now()
        if self._wake is not None and now < self._wake:
            return False
        if self._token is None and self._child is None:
            return True
        return now >= self._deadline or self._heard()

    @property
    def waits_for_word(self) -> bool:
        """Whether it waits for what is sent to a task token."""
        return self.running and self._token is not None

    def wakes(self) -> datetime | None:
        """When time alone makes it go on; None when it is ready, over, or has to be told."""
        if not self.running or self.ready():
            return None
        if self._token is not None or self._child is not None:
            return self._deadline
        return self._wake

    def advance(self) -> bool:
        """False when there was nothing to do yet."""
        if not self.ready():
            return False
        self._wake, slept = None, self._wake is not None
        state = definition(self.machine)["States"][self.state]
        try:
            getattr(self, f"_{state['Type'].lower()}")(state, slept)
        except TaskError as error:
            # only a Task's errors can be caught; elsewhere they end the execution
            self._end("FAILED", error.error, error.cause)
        return True

    def stop(self) -> None:
        """StopExecution. The child that it waits for is stopped too, as Step Functions tries to."""
        if self._child is not None:
            self._child.stop()
        if self.running:
            self._end("ABORTED", None, None)

    def _enter(self, name: str) -> None:
        self.state = name
        self.trail.append(name)
        self._wake = None
        self._token: str | None = None
        self._child: Execution | None = None
        self._deadline = self.services.now()
        self._retries: dict[int, int] = {}

    def _end(self, status: str, error: str | None, cause: str | None) -> None:
        self.status, self.error, self.cause = status, error, cause
        self.trail.append(f"{status} {error or ''}".strip())

    def _value(self, given: Any, **states: Any) -> Any:
        known = {"input": self.data, "context": self._context(), **states}
        return _json(template(given, {**self.variables, "states": known}, self.services.now()))

    def _context(self) -> dict[str, Any]:
        context: dict[str, Any] = {
            "Execution": {"Id": self.arn, "Input": self.input, "Name": self.name},
            "State": {"Name": self.state, "RetryCount": sum(self._retries.values())},
        }
        return {**context, "Task": {"Token": self._token}} if self._token else context

    def _leave(self, holder: Mapping[str, Any], output: Any, following: str | None, **states: Any) -> None:
        """Output and Assign see the variables as they were before this state."""
        shaped = self._value(holder["Output"], **states) if "Output" in holder else output
        self.variables |= self._value(dict(holder.get("Assign", {})), **states)
        self.data = shaped
        if following is None:
            self.output = shaped
            self._end("SUCCEEDED", None, None)
        else:
            self._enter(following)

    def _pass(self, state: dict[str, Any], slept: bool) -> None:
        self._leave(state, self.data, state["Next"])

    def _wait(self, state: dict[str, Any], slept: bool) -> None:
        if slept:
            self._leave(state, self.data, state["Next"])
        else:
            self._wake = self.services.now() + timedelta(seconds=float(self._value(state["Seconds"])))

    def _choice(self, state: dict[str, Any], slept: bool) -> None:
        for rule in state["Choices"]:
            met = self._value(rule["Condition"])
            if not isinstance(met, bool):
                raise TaskError("States.QueryEvaluationError", f"Condition gave {met!r}, not a boolean")
            if met:
                return self._leave(rule, self.data, rule["Next"])
        if "Default" not in state:
            raise TaskError("States.NoChoiceMatched", self.state)
        return self._leave(state, self.data, state["Default"])

    def _succeed(self, state: dict[str, Any], slept: bool) -> None:
        self._leave(state, self.data, None)

    def _fail(self, state: dict[str, Any], slept: bool) -> None:
        self._end("FAILED", *(self._value(state.get(name, "")) for name in ("Error", "Cause")))

    def _task(self, state: dict[str, Any], slept: bool) -> None:
        try:
            result = self._attempt(state)
            if result is not _PENDING:
                self._leave(state, result, state.get("Next"), result=result)
        except TaskError as error:
            self._failed(state, error)

    def _attempt(self, state: dict[str, Any]) -> Any:
        resource, now = state["Resource"], self.services.now()
        if self._token is not None or self._child is not None:
            return self._awaited(now)
        timeout = float(self._value(state.get("TimeoutSeconds", DEFAULT_TIMEOUT)))
        self._deadline = now + timedelta(seconds=timeout)
        if "HeartbeatSeconds" in state:
            raise UnsupportedError(f"{self.state}: HeartbeatSeconds")
        if not resource.startswith(_ARN):
            raise UnsupportedError(f"{self.state}: {resource}")
        name, _, pattern = resource.removeprefix(_ARN).partition(".")
        if pattern == "waitForTaskToken":
            self._tokens += 1
            token = self._token = f"{self.arn}#{self._tokens}"
            try:
                self.services.call(self, name, self._value(state["Arguments"]))
            except TaskError:
                self._token = None
                raise
            self._token = token
            return _PENDING
        arguments = self._value(state["Arguments"])
        if (name, pattern) == ("states:startExecution", "sync:2"):
            self._child = self.services.child(self, arguments)
            return _PENDING
        if pattern:
            raise UnsupportedError(f"{self.state}: {resource}")
        return _json(self.services.call(self, name, arguments))

    def _heard(self) -> bool:
        if self._child is not None:
            return not self._child.running
        try:
            return self.services.answer(str(self._token)) is not None
        except TaskError:
            return True

    def _awaited(self, now: datetime) -> Any:
        token, child = self._token, self._child
        if not self._heard():
            self._token = self._child = None
            if child is not None:
                child.stop()
            raise TaskError("States.Timeout", f"{self.state} was not answered in time")
        self._token = self._child = None
        if child is None:
            return _json(self.services.answer(str(token)))
        described = {"ExecutionArn": child.arn, "Status": child.status}
        if child.status == "SUCCEEDED":
            return {**described, "Input": child.input, "Output": child.output}
        raise TaskError("States.TaskFailed", json.dumps({**described, "Error": child.error, "Cause": child.cause}))

    def _failed(self, state: dict[str, Any], error: TaskError) -> None:
        self.trail.append(f"! {error.error}")
        for index, retrier in enumerate(state.get("Retry", [])):
            if not matches(retrier["ErrorEquals"], error.error):
                continue
            count = self._retries.get(index, 0)
            if count < retrier.get("MaxAttempts", 3):
                self._retries[index] = count + 1
                delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** count
                delay = min(delay, retrier.get("MaxDelaySeconds", delay))
                if retrier.get("JitterStrategy") == "FULL":
                    delay = self.jitter(delay)
                self._wake = self.services.now() + timedelta(seconds=delay)
                return
            break  # the first that names the error decides
        for catcher in state.get("Catch", []):
            if matches(catcher["ErrorEquals"], error.error):
                told = {"Error": error.error, "Cause": error.cause}
                self._leave(catcher, told, catcher["Next"], errorOutput=told)
                return
        raise error


_PENDING = object()


def _json(value: Any) -> Any:
    """`value` as JSON carries it from one state to the next."""
    text = json.dumps(value)
    if len(text) > PAYLOAD_LIMIT:
        raise TaskError("States.DataLimitExceeded", f"{len(text)} bytes")
    return json.loads(text)


def function_of(text: str) -> str:
    """`${PlanReleaseFunctionArn}` → `plan_release`, `${ReleaseModelArn}` → `release_model`."""
    found = re.fullmatch(r"\$\{(\w+?)(?:Function)?Arn\}", text)
    if found is None:
        raise UnsupportedError(f"{text}: no substitution of a function or a machine")
    return re.sub(r"(?<!^)(?=[A-Z])", "_", found[1]).lower()
