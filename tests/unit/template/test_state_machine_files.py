"""What of the state machines only their text shows; the rest is asl.py, expressions.py, … of proofs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from template_files import ROOT, machine, machine_files, resources, template

from proofs.asl import scopes
from sluice.contract import execution

RELEASE = machine(ROOT / "statemachines" / "release_model.asl.yaml")["States"]


@pytest.mark.parametrize("path", machine_files(), ids=lambda path: path.name.removesuffix(".asl.yaml"))
def test_textual_substitutions_are_quoted(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if "${" in line:
            assert re.search(r'"[^"]*\$\{\w+\}[^"]*"', line), f"not YAML before the substitution: {line.strip()}"


def events(name: str) -> int:
    """What a state of a release adds to its execution's history when all goes well, or a wait ends by its time-out."""
    state = RELEASE[name]
    if state["Type"] != "Task":
        return 2  # entered and exited
    # scheduled, started, and how it ended; whoever waits for a token says that it was submitted
    return 2 + 3 + state["Resource"].endswith(".waitForTaskToken")


def test_a_contract_knows_the_events_of_a_look_and_of_a_step() -> None:
    assert sum(map(events, ("Bake", "Judge Canary", "Canary Healthy?"))) == execution.MEASUREMENT_EVENTS
    assert sum(map(events, ("Await Requests", "Replay Requests", "Replay Passed?"))) == execution.MEASUREMENT_EVENTS
    # a retry fails, and is scheduled and started again
    busy = RELEASE["Await Shift"]["Retry"][0]
    once = sum(map(events, ("Shift Traffic", "Await Shift", "Open Bake", "Choose Weights", "Better Model Known?")))
    assert once + execution.WAIT_EVENTS * 60 / busy["IntervalSeconds"] <= execution.STEP_EVENTS


def test_what_is_no_look_and_no_step_has_its_events_whatever_is_busy() -> None:
    most = sum(
        execution.WAIT_EVENTS * sum(retry["MaxAttempts"] for retry in state.get("Retry", [])[:1]) + events(name)
        for name, state in RELEASE.items()
        if name not in ("Bake", "Judge Canary", "Await Requests", "Shift Traffic", "Await Shift", "Await Swap")
        # an endpoint that is made first has no canary
        and name != "Await First Endpoint"
    )
    # 5,000 requests to replay are asked for in calls of a minute
    replays = 100 * sum(map(events, ("Replay Requests", "Replay Passed?")))
    assert most + replays + execution.MAX_EVENTS <= 25_000


def test_a_contract_knows_how_long_a_swap_and_a_release_may_take() -> None:
    policy = RELEASE["Swap Fleet"]["Arguments"]["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["MaximumExecutionTimeoutInSeconds"] == execution.SWAP_SECONDS
    busy = RELEASE["Await Swap"]["Retry"][0]
    assert busy["IntervalSeconds"] == execution.WAIT_SECONDS
    assert busy["IntervalSeconds"] * busy["MaxAttempts"] > execution.SWAP_SECONDS
    parent = machine(ROOT / "statemachines" / "ml_lifecycle.asl.yaml")["States"]["Release Model"]["TimeoutSeconds"]
    assert parent - execution.MAX_SECONDS >= 86_400


def called() -> list[tuple[str, str, str, Any]]:
    """(machine, state, function, TimeoutSeconds) of each call of a function."""
    found = []
    for path in machine_files():
        for scope, _ in scopes(machine(path)):
            for name, state in scope["States"].items():
                arguments = state.get("Arguments", {}) if state["Type"] == "Task" else {}
                asked = arguments.get("FunctionName", "") if isinstance(arguments, dict) else ""
                if asked and not state["Resource"].endswith(".waitForTaskToken"):
                    found.append((path.name, name, asked.strip("${}").removesuffix("Arn"), state["TimeoutSeconds"]))
    return found


@pytest.mark.parametrize(("where", "name", "function", "waits"), called())
def test_a_state_waits_as_long_as_its_function_may_take(where: str, name: str, function: str, waits: int) -> None:
    shared = template()["Globals"]["Function"]["Timeout"]
    assert waits >= resources("AWS::Serverless::Function")[function].get("Timeout", shared)


def test_who_reads_a_days_captures_file_by_file_has_the_time() -> None:
    functions = resources("AWS::Serverless::Function")
    # two variants, a file a minute each, 30 ms a file: a step of an hour is 4 s, one of a day 86 s
    assert functions["JudgeCanaryFunction"]["Timeout"] >= 300
    assert functions["ChooseWeightsFunction"]["Timeout"] >= 600
