"""Who waits, waits as long as what it waits for may take: states for functions, jobs and nested machines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from proofs.api_calls import tasks
from proofs.project import Finding, Project

CHECK = "time limits"
_RESOURCE = re.compile(r"^\$\{(\w+)\}$")
_DEFAULT = 3  # seconds: Lambda's own, for a function that says none
_GLUE_DEFAULT = 2880  # minutes


def findings(project: Project) -> list[Finding]:
    found = []
    for logical_id, definition in project.definitions.items():
        try:
            declared = project.source["Resources"][logical_id]["Properties"].get("DefinitionSubstitutions", {})
            for name, state in tasks(definition):
                where = f"{logical_id}/{name}.TimeoutSeconds"
                found += [Finding(CHECK, where, what) for what in _task(project, state, declared)]
            found += [Finding(CHECK, f"{logical_id}/{where}", what) for where, what in _polls(definition)]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            found.append(Finding(CHECK, logical_id, repr(error)))
    return found


def _task(project: Project, state: dict[str, Any], declared: dict[str, Any]) -> Iterator[str]:
    waits = state.get("TimeoutSeconds")
    resource, arguments = str(state.get("Resource")), state.get("Arguments", {})
    if not isinstance(waits, int) or not isinstance(arguments, dict):
        return
    if resource.endswith(":lambda:invoke"):
        function = project.functions().get(_target(arguments.get("FunctionName"), declared), {})
        takes = function.get("Timeout", _DEFAULT)
        if waits < takes:
            yield f"waits {waits} s for a function that may run for {takes} s"
    elif ":states:startExecution" in resource:
        child = project.definitions.get(_target(arguments.get("StateMachineArn"), declared))
        takes = longest(child) if child else 0
        if waits < takes:
            yield f"waits {waits} s for a machine that may run for {takes} s"
    elif ":glue:startJobRun" in resource:
        job = project.source["Resources"].get(_target(arguments.get("JobName"), declared), {}).get("Properties", {})
        takes = 60 * job.get("Timeout", _GLUE_DEFAULT)
        if waits < takes:
            yield f"waits {waits} s for a job that may run for {takes} s"
    else:
        takes = (
            (arguments.get("StoppingCondition") or {}) if isinstance(arguments.get("StoppingCondition"), dict) else {}
        )
        if waits < takes.get("MaxRuntimeInSeconds", 0):
            yield f"waits {waits} s for a job that may run for {takes['MaxRuntimeInSeconds']} s"


def _polls(definition: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A state that asks again and again how far a change is, does so for as long as the change may take."""
    for name, state in tasks(definition):
        arguments = state.get("Arguments")  # may be one expression
        update = (arguments.get("DeploymentConfig") or {}) if isinstance(arguments, dict) else {}
        policy = update.get("BlueGreenUpdatePolicy") or {}
        takes = policy.get("MaximumExecutionTimeoutInSeconds")
        after = definition["States"].get(state.get("Next"), {})
        if takes is None:
            continue
        polls = [each for each in after.get("Retry", []) if "EndpointBusyError" in each["ErrorEquals"]]
        waits = max((_waited(each) for each in polls), default=0)
        if waits < takes:
            yield f"{state['Next']}.Retry", f"asks for {waits:.0f} s; what {name} began may take {takes} s"


def _waited(retry: dict[str, Any]) -> float:
    """Seconds that a retrier waits in all."""
    wait, total = float(retry.get("IntervalSeconds", 1)), 0.0
    for _ in range(min(int(retry.get("MaxAttempts", 3)), 100_000)):
        total += min(wait, float(retry.get("MaxDelaySeconds", wait)))
        wait *= float(retry.get("BackoffRate", 2))
    return total


def _target(value: Any, declared: dict[str, Any]) -> str:
    """The logical id behind `${Name}`."""
    match = _RESOURCE.match(str(value))
    given = declared.get(match[1], {}) if match else {}
    return str(given.get("Ref") or given.get("Fn::GetAtt", [""])[0])


def longest(scope: dict[str, Any]) -> int:
    """Seconds that the states of a machine may take one after the other, retries left out.

    0 where a state comes back to an earlier one or has an expression for its limit: nobody can say it of those.
    """
    try:
        return _longest(scope, str(scope["StartAt"]), ())
    except RecursionError:
        return 0


def _longest(scope: dict[str, Any], name: str, before: tuple[str, ...]) -> int:
    if name in before:
        raise RecursionError(name)
    state = scope["States"][name]
    own = state.get("TimeoutSeconds", 0)
    if not isinstance(own, int):
        raise RecursionError(name)
    if "ItemProcessor" in state:
        # how many items wait for others is known to nobody here
        raise RecursionError(name)
    own += max((_longest(each, str(each["StartAt"]), ()) for each in state.get("Branches", [])), default=0)
    targets = {state.get("Next"), state.get("Default")} | {each["Next"] for each in state.get("Choices", [])}
    after = [_longest(scope, target, (*before, name)) for target in targets if target]
    return own + max(after, default=0)
