from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from template_files import ROOT, machine, machine_files, resources, scopes, statements

from sluice import errors

pytestmark = pytest.mark.parametrize("path", machine_files(), ids=lambda path: path.name.removesuffix(".asl.yaml"))

TRANSIENT_LAMBDA = {
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
}


def tasks(path: Path) -> list[tuple[str, dict[str, Any], bool]]:
    """Name, state, and whether a Catch around it covers it."""
    return [
        (name, state, covered)
        for scope, covered in scopes(machine(path))
        for name, state in scope["States"].items()
        if state["Type"] == "Task"
    ]


def declared(path: Path) -> dict[str, Any]:
    """The DefinitionSubstitutions of the machine with this file."""
    uri = str(path.relative_to(ROOT))
    (found,) = [each for each in resources("AWS::Serverless::StateMachine").values() if each["DefinitionUri"] == uri]
    return found.get("DefinitionSubstitutions", {})


def test_says_in_a_sentence_what_it_does_in_jsonata(path: Path) -> None:
    assert machine(path)["QueryLanguage"] == "JSONata"
    assert machine(path)["Comment"].endswith(".")


def test_every_target_exists_and_every_state_is_reached(path: Path) -> None:
    for scope, _ in scopes(machine(path)):
        states = scope["States"]
        reached = {scope["StartAt"]}
        for name, state in states.items():
            targets = [state[key] for key in ("Next", "Default") if key in state]
            targets += [each["Next"] for key in ("Choices", "Catch") for each in state.get(key, [])]
            reached.update(targets)
            assert not set(targets) - states.keys(), f"{name} goes on to a state that does not exist"
            ends = state["Type"] in ("Succeed", "Fail") or state.get("End")
            assert targets or ends, f"{name} neither ends nor goes on"
            if state["Type"] == "Choice":
                assert "Default" in state, f"{name} has no Default: an answer that nobody thought of ends the run"
        assert reached == states.keys()


def test_every_task_has_a_timeout_a_retry_and_a_way_out(path: Path) -> None:
    for name, state, covered in tasks(path):
        assert state.get("TimeoutSeconds"), f"{name} may hang for ever"
        assert state.get("Retry"), f"{name} gives up at the first throttling"
        assert covered or state.get("Catch"), f"{name} fails without telling"
        for retrier in state["Retry"]:
            if retrier.get("MaxAttempts") != 0 and "EndpointBusyError" not in retrier["ErrorEquals"]:
                assert retrier.get("JitterStrategy") == "FULL", f"{name} retries in step with the others"
        if state["Resource"].startswith("arn:${Partition}:states:::lambda:invoke"):
            retried = {error for retrier in state["Retry"] for error in retrier["ErrorEquals"]}
            assert "States.ALL" in retried or retried >= TRANSIENT_LAMBDA, (
                f"{name} does not retry all of Lambda's transient errors"
            )


def test_a_failure_carries_the_name_of_the_state_that_failed(path: Path) -> None:
    for scope, _ in scopes(machine(path)):
        for name, state in scope["States"].items():
            for catcher in state.get("Catch", []):
                failure = catcher.get("Assign", {}).get("failure")
                if failure and "'state'" in failure:
                    assert f"'state': '{name}'" in failure, f"{name} blames another state"
                assert catcher["ErrorEquals"] == ["States.ALL"] or "States.ALL" not in catcher["ErrorEquals"]


def test_business_errors_that_it_names_exist(path: Path) -> None:
    for name, state, _ in tasks(path):
        named = [each for key in ("Retry", "Catch") for rule in state.get(key, []) for each in rule["ErrorEquals"]]
        ours = [error for error in named if "." not in error]
        assert all(hasattr(errors, error) for error in ours), f"{name} names an error that nobody raises: {ours}"


def test_substitutions_are_the_declared_ones(path: Path) -> None:
    used = set(re.findall(r"\$\{(\w+)\}", path.read_text(encoding="utf-8")))
    assert used == declared(path).keys()
    assert all(re.fullmatch(r"[A-Z]\w*", name) for name in used)


def test_no_partition_is_written_out(path: Path) -> None:
    assert "arn:aws" not in path.read_text(encoding="utf-8"), "China and GovCloud have partitions of their own"
    assert declared(path)["Partition"] == {"Ref": "AWS::Partition"}


def test_textual_substitutions_are_quoted(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if "${" in line:
            assert re.search(r'"[^"]*\$\{\w+\}[^"]*"', line), f"not YAML before the substitution: {line.strip()}"


def test_the_machine_may_call_each_function_that_it_calls(path: Path) -> None:
    uri = str(path.relative_to(ROOT))
    machines = resources("AWS::Serverless::StateMachine")
    (found,) = [name for name, each in machines.items() if each["DefinitionUri"] == uri]
    (role, _) = machines[found]["Role"]["Fn::GetAtt"]
    allowed = [
        str(arn)
        for name, statement in statements()
        if name == role and statement["Action"] == ["lambda:InvokeFunction"]
        for arn in statement["Resource"]
    ]
    called = [str(value) for name, value in declared(path).items() if name.endswith("FunctionArn")]
    assert sorted(called) == sorted(allowed)
