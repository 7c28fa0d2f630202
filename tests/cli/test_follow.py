"""What a drill and the demo print: a sentence for each state that says something, with the name of the state."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from cli import machines
from cli.following import Narrator, Step
from cli.state_sentences import QUIET, sentence, sentences

FILES = {
    "Lifecycle": "ml_lifecycle",
    "PrepareData": "prepare_data",
    "BuildModel": "build_model",
    "ReleaseModel": "release_model",
}


def states(within: dict[str, Any]) -> dict[str, str]:
    """Name → type of every state, those in branches as well."""
    found = {name: state["Type"] for name, state in within["States"].items()}
    for state in within["States"].values():
        for branch in state.get("Branches", []):
            found |= states(branch)
    return found


@pytest.mark.parametrize("machine", FILES)
def test_every_state_has_a_sentence_or_says_nothing(machine: str) -> None:
    (source,) = [each for each in machines.sources() if machines.name_of(each) == FILES[machine]]
    found = states(machines.definition(source))
    assert sentences(machine) == found.keys() - QUIET
    assert {found[name] for name in found.keys() & QUIET} <= {"Choice", "Pass"}


def told(*names: str, machine: str = "ReleaseModel") -> list[str]:
    narrator, at = Narrator(), datetime(2026, 1, 1, tzinfo=UTC)
    return [line for name in names if (line := narrator.fresh(Step(at, machine, name)))]


def test_a_state_is_told_in_words_and_named_where_there_are_none() -> None:
    assert told("Train Models", machine="BuildModel") == [
        "Training a simple baseline and tuning the candidates side by side"
    ]
    assert told("Attach Canary", machine="Drill") == [sentence("Drill", "Attach Canary")]
    assert sentence("Drill", "Attach Canary") == sentence("ReleaseModel", "Attach Canary")
    assert sentence("Drill", "New State") == "Drill.New State"


def test_a_bake_of_many_measurements_is_told_once_for_each_traffic_step() -> None:
    bake = ("Open Bake", *("Bake", "Judge Canary", "Canary Healthy?") * 20)
    lines = told("Shift Traffic", *bake, "Shift Traffic", *bake)
    assert lines == [sentence("ReleaseModel", name) for name in ("Shift Traffic", "Bake", "Judge Canary")] * 2


def test_a_failure_names_the_stage_and_the_error() -> None:
    step = Step(datetime(2026, 1, 1, tzinfo=UTC), "BuildModel", "", "ExecutionFailed: DataError")
    assert Narrator().fresh(step) == "BuildModel ended in an error: ExecutionFailed: DataError"
