"""The states language: fields, targets, ways out, and one query language, by the specification and our own style."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from proofs.integrations import service_model
from proofs.project import Finding, Project
from sluice import errors

CHECK = "asl"

# From the Amazon States Language's tables of fields, as JSONata has them: what is not listed is no field.
_COMMON = {"Type", "Comment", "QueryLanguage"}
_FLOW = {"Next", "End", "Assign", "Output"}
_ERRORS = {"Retry", "Catch"}
_FIELDS: dict[str, set[str]] = {
    "Task": _FLOW | _ERRORS | {"Resource", "Arguments", "TimeoutSeconds", "HeartbeatSeconds", "Credentials"},
    "Parallel": _FLOW | _ERRORS | {"Branches", "Arguments"},
    "Map": _FLOW
    | _ERRORS
    | {"ItemProcessor", "Items", "ItemSelector", "ItemReader", "ItemBatcher", "ResultWriter", "MaxConcurrency", "Label"}
    | {"ToleratedFailurePercentage", "ToleratedFailureCount"},
    "Pass": _FLOW,
    "Wait": _FLOW | {"Seconds", "Timestamp"},
    "Choice": {"Choices", "Default", "Assign", "Output"},
    "Succeed": {"Output"},
    "Fail": {"Error", "Cause"},
}
_NEEDED = {"Task": {"Resource"}, "Parallel": {"Branches"}, "Map": {"ItemProcessor"}, "Choice": {"Choices"}}
_RETRIER = {"ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy"}
_CATCHER = {"ErrorEquals", "Next", "Assign", "Output", "Comment"}
_RULE = {"Condition", "Next", "Assign", "Output", "Comment"}
_JSONPATH = {"InputPath", "OutputPath", "ResultPath", "ResultSelector", "Parameters", "Variable", "TimeoutSecondsPath"}
_STATES_ERRORS = {
    "States.ALL",
    "States.DataLimitExceeded",
    "States.HeartbeatTimeout",
    "States.Http.Socket",
    "States.ItemReaderFailed",
    "States.Permissions",
    "States.QueryEvaluationError",
    "States.ResultWriterFailed",
    "States.Runtime",
    "States.TaskFailed",
    "States.Timeout",
}
# How the errors of an integration begin, by the service that its Resource names; and botocore's name of the service.
_ERROR_PREFIX = {
    "lambda": ("Lambda", "lambda"),
    "states": ("StepFunctions", "stepfunctions"),
    "sagemaker": ("SageMaker", "sagemaker"),
    "glue": ("Glue", "glue"),
}
# Errors that no model lists: every service's common ones, the SDK's own, and those for what has no name of its own
# (docs/not-verified-on-aws.md, "names of errors").
_COMMON_ERRORS = {"SdkClientException", "ThrottlingException", "InternalServerException", "InternalServiceException"}
_UNNAMED_ERRORS = {"AmazonSageMakerException", "SageMakerException", "AWSGlueException", "AWSStepFunctionsException"}
TRANSIENT_LAMBDA = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
}
_THROTTLED = "Lambda.TooManyRequestsException"
_FULL_ACCOUNT = 1_800
"""Seconds. A function runs for 15 minutes at most, and with full jitter half of the waits is waited."""
_NAME_LIMIT = 80


def findings(project: Project) -> list[Finding]:
    found: list[Finding] = []
    for logical_id, definition in project.definitions.items():
        found += [Finding(CHECK, f"{logical_id}/{where}", what) for where, what in machine(definition)]
    return found


def scopes(definition: dict[str, Any], caught: bool = False) -> Iterator[tuple[dict[str, Any], bool]]:
    """Every set of states that may name each other, with whether a Catch around it covers its states."""
    yield definition, caught
    for state in definition["States"].values():
        inner = [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]
        for each in inner:
            yield from scopes(each, caught or "Catch" in state)


def ways(state: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The ways out of a state: which, what may have its Assign and Output, and the state that follows, "" for an end.

    Which is Next (an end, too), Default, Choices[i] or Catch[i].
    """
    own = "Default" if state.get("Type") == "Choice" else "Next"
    yield own, state, str(state.get(own, ""))
    for key in ("Choices", "Catch"):
        for index, each in enumerate(state.get(key, [])):
            yield f"{key}[{index}]", each, str(each.get("Next", ""))


def machine(definition: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Where and what: everything that is wrong with one state machine."""
    if not str(definition.get("Comment", "")).endswith("."):
        yield "Comment", "one sentence says what the machine does"
    if definition.get("QueryLanguage") != "JSONata":
        yield "QueryLanguage", "is JSONata, once, at the top"
    yield from _unknown(definition, {"Comment", "QueryLanguage", "StartAt", "States", "TimeoutSeconds", "Version"}, "")
    if not isinstance(definition.get("States"), dict) or not definition["States"]:
        yield "States", "a machine has states"
        return
    for scope, caught in scopes(definition):
        yield from _scope(scope, inner=scope is not definition)
        for name, state in scope["States"].items():
            yield from _state(name, state, caught)


def _unknown(given: dict[str, Any], known: set[str], where: str) -> Iterator[tuple[str, str]]:
    for field in given:
        if field in _JSONPATH or field.endswith(".$"):
            yield f"{where}.{field}", "is JSONPath's, in a machine that speaks JSONata"
        elif field not in known:
            yield f"{where}.{field}", "is no field of the states language here"


def _targets(state: dict[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = [(key, state[key]) for key in ("Next", "Default") if key in state]
    for key in ("Choices", "Catch"):
        found += [(f"{key}[{index}].Next", each.get("Next")) for index, each in enumerate(state.get(key, []))]
    return found


def _scope(scope: dict[str, Any], inner: bool) -> Iterator[tuple[str, str]]:
    states = scope["States"]
    if inner:
        yield from _unknown(scope, {"StartAt", "States", "ProcessorConfig", "Comment"}, "branch")
    reached, left = set(), [scope.get("StartAt")]
    if scope.get("StartAt") not in states:
        yield "StartAt", f"there is no state {scope.get('StartAt')!r}"
    while left:
        name = left.pop()
        if name in states and name not in reached:
            reached.add(name)
            left += [target for _, target in _targets(states[name])]
    for name, state in states.items():
        for key, target in _targets(state):
            if target not in states:
                yield f"{name}.{key}", f"there is no state {target!r}"
        if name not in reached:
            yield name, "no state leads here"
        if len(name) > _NAME_LIMIT:
            yield name, f"a state's name has at most {_NAME_LIMIT} characters"
    if not any(state.get("Type") in ("Succeed", "Fail") or state.get("End") is True for state in states.values()):
        yield "States", "nothing ends here"


def _state(name: str, state: dict[str, Any], caught: bool) -> Iterator[tuple[str, str]]:
    kind = state.get("Type")
    if kind not in _FIELDS:
        yield f"{name}.Type", f"{kind!r} is no type of state"
        return
    yield from _unknown(state, _COMMON | _FIELDS[kind], name)
    if state.get("QueryLanguage", "JSONata") != "JSONata":
        yield f"{name}.QueryLanguage", "a machine has one query language"
    for field in sorted(_NEEDED.get(kind, set()) - state.keys()):
        yield f"{name}.{field}", f"a {kind} state needs it"
    if "Next" in _FIELDS[kind] and ("Next" in state) is (state.get("End") is True):
        yield name, "has either Next or End: true"
    if kind == "Choice":
        yield from _choice(name, state)
    if kind == "Fail" and not (state.get("Error") and state.get("Cause")):
        yield name, "a failure says Error and Cause"
    if kind == "Wait" and ("Seconds" in state) is ("Timestamp" in state):
        yield name, "waits for Seconds or until a Timestamp"
    for index, each in enumerate(state.get("Retry", [])):
        yield from _retrier(f"{name}.Retry[{index}]", each, state)
    for index, each in enumerate(state.get("Catch", [])):
        yield from _catcher(f"{name}.Catch[{index}]", each, name, index == len(state["Catch"]) - 1, state)
    if kind == "Task":
        yield from _task(name, state, caught)


def _choice(name: str, state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "Default" not in state:
        yield f"{name}.Default", "an answer that nobody thought of would end the run"
    if not state.get("Choices"):
        yield f"{name}.Choices", "a question has answers"
    for index, rule in enumerate(state.get("Choices", [])):
        where = f"{name}.Choices[{index}]"
        yield from _unknown(rule, _RULE, where)
        if not _is_expression(rule.get("Condition")):
            yield f"{where}.Condition", "is a JSONata expression"


def _task(name: str, state: dict[str, Any], caught: bool) -> Iterator[tuple[str, str]]:
    timeout = state.get("TimeoutSeconds")
    whole = isinstance(timeout, int) and not isinstance(timeout, bool) and 0 < timeout <= 99_999_999
    if not whole and not _is_expression(timeout):
        yield f"{name}.TimeoutSeconds", "without it the task may hang for ever"
    if not state.get("Retry"):
        yield f"{name}.Retry", "gives up at the first throttling"
    if not caught and not state.get("Catch"):
        yield f"{name}.Catch", "fails without telling"
    if ":lambda:invoke" in str(state.get("Resource")):
        retried = {error for retrier in state.get("Retry", []) for error in retrier.get("ErrorEquals", [])}
        if "States.ALL" not in retried and not retried >= TRANSIENT_LAMBDA:
            yield f"{name}.Retry", f"leaves out {sorted(TRANSIENT_LAMBDA - retried)}"
        elif (seconds := _patience(state["Retry"], _THROTTLED)) < _FULL_ACCOUNT:
            yield f"{name}.Retry", f"waits {seconds:.0f} s for the account's other functions: less than one may run"


def _patience(retriers: list[dict[str, Any]], error: str) -> float:
    """Seconds over which an error is tried again at most: those of the first retrier that takes it."""
    taken = next(
        each for each in retriers if {error, "States.TaskFailed", "States.ALL"} & set(each.get("ErrorEquals", []))
    )
    first, rate, most = taken.get("IntervalSeconds", 1), taken.get("BackoffRate", 2), taken.get("MaxDelaySeconds")
    waits = (first * rate ** min(attempt, 100) for attempt in range(taken.get("MaxAttempts", 3)))
    return float(sum(min(wait, most or wait) for wait in waits))


def _retrier(where: str, each: dict[str, Any], state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _unknown(each, _RETRIER, where)
    yield from _errors(where, each, state)
    limits = {"IntervalSeconds": (1, 99_999_999), "MaxAttempts": (0, 99_999_999), "MaxDelaySeconds": (1, 31_622_400)}
    for field, (least, most) in limits.items():
        value = each.get(field, least)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            yield f"{where}.{field}", f"is a whole number from {least} to {most}"
    rate = each.get("BackoffRate", 1)
    if not isinstance(rate, int | float) or isinstance(rate, bool) or rate < 1:
        yield f"{where}.BackoffRate", "is a number of at least 1"
    waits_for_an_endpoint = "EndpointBusyError" in each.get("ErrorEquals", [])
    if each.get("MaxAttempts") != 0 and not waits_for_an_endpoint and each.get("JitterStrategy") != "FULL":
        yield f"{where}.JitterStrategy", "is FULL: otherwise all retry in step"
    if each.get("MaxAttempts") != 0 and not {"IntervalSeconds", "MaxAttempts", "BackoffRate"} <= each.keys():
        yield where, "our rule: says IntervalSeconds, MaxAttempts and BackoffRate"


def _catcher(
    where: str, each: dict[str, Any], name: str, last: bool, state: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    yield from _unknown(each, _CATCHER, where)
    yield from _errors(where, each, state)
    if last and each.get("ErrorEquals") != ["States.ALL"]:
        yield f"{where}.ErrorEquals", "the last catcher takes all that is left"
    failure = each.get("Assign", {}).get("failure", "")
    own = (f"'state': '{name}'", "'state': $states.context.State.Name")
    if "'state'" in str(failure) and not any(each in failure for each in own):
        yield f"{where}.Assign.failure", "blames another state"


def _errors(where: str, each: dict[str, Any], state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    names = each.get("ErrorEquals")
    if not isinstance(names, list) or not names:
        yield f"{where}.ErrorEquals", "is a list of errors"
        return
    if "States.ALL" in names and len(names) > 1:
        yield f"{where}.ErrorEquals", "States.ALL stands alone"
    services = [pair for key, pair in _ERROR_PREFIX.items() if f"{key}:" in str(state.get("Resource")).split(":::")[-1]]
    prefixes = dict(services)
    for error in names:
        prefix, _, own = str(error).partition(".")
        if str(error).startswith("States."):
            if error not in _STATES_ERRORS:
                yield f"{where}.ErrorEquals", f"the states language has no error {error!r}"
        elif "." in str(error):
            if prefix not in prefixes:
                yield f"{where}.ErrorEquals", f"{error} is none that this task raises ({sorted(prefixes)})"
            elif own not in _service_errors(prefixes[prefix]):
                yield f"{where}.ErrorEquals", f"{prefix} has no error {own!r}"
        elif not hasattr(errors, str(error)):
            yield f"{where}.ErrorEquals", f"nobody raises {error}"


@functools.cache
def _service_errors(service: str) -> frozenset[str]:
    # the names are those of the Java SDK's classes, which all end alike
    modelled = {shape.name.removesuffix("Exception") + "Exception" for shape in service_model(service).error_shapes}
    lambdas = {error.partition(".")[2] for error in TRANSIENT_LAMBDA} if service == "lambda" else set()
    return frozenset(modelled | _COMMON_ERRORS | _UNNAMED_ERRORS | lambdas)


def _is_expression(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("{%") and value.endswith("%}")
