"""Files above the limit of one function are judged in parts by the state machine, and end as any other.

The limit is lowered for the time of these tests, so they come after the stories. `SLUICE_LARGE_GB` makes the plain file
so large, with parts of 256 MiB.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from examples.generate_sessions import Knobs, as_csv
from sluice import keys
from testing.line import Line, contract, wait_for

pytestmark = pytest.mark.long
PROJECT = "large"


@contextmanager
def lowered(line: Line, scratch_mb: str, part_mb: str) -> Iterator[None]:
    """The functions with a smaller disk, as their settings say, and smaller parts."""
    functions = {"ValidateDatasetFunction": {"SLUICE_SCRATCH_MB": scratch_mb}}
    functions["JudgePartsFunction"] = {"SLUICE_PART_MB": part_mb}
    before = {}
    for logical, changed in functions.items():
        name = line.resources[logical]
        before[name] = line.aws("lambda").get_function_configuration(FunctionName=name)["Environment"]
        variables = before[name]["Variables"] | changed
        line.aws("lambda").update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    try:
        yield
    finally:
        for name, environment in before.items():
            line.aws("lambda").update_function_configuration(FunctionName=name, Environment=environment)


@pytest.fixture(scope="module")
def facts(line: Line, stories: Any) -> dict[str, Any]:
    for future in stories.values():
        # a story that failed is reported by its own tests
        future.exception()
    body = as_csv(Knobs(rows=6_000, seed=3, damage=0.02))
    found: dict[str, Any] = {"body": body}
    line.put_contract(PROJECT, contract(PROJECT))
    with lowered(line, "1", "0.1"):
        for name, content in (("day.csv", body), ("broken.csv", body + b"\xff\n")):
            found[name] = line.record(PROJECT, name, line.drop(PROJECT, name, content))
    return found


def executions(line: Line) -> list[dict[str, Any]]:
    machine = line.resources["JudgeParts"]
    return [dict(each) for each in line.aws("stepfunctions").list_executions(stateMachineArn=machine)["executions"]]


def test_a_large_file_is_accepted_in_parts(line: Line, facts: dict[str, Any]) -> None:
    record = facts["day.csv"]
    assert record["status"] == "accepted"
    assert record["rows"] + record["quarantined_rows"] == 6_000
    assert record["notes"]["parts"] > 3
    dataset = record["dataset_id"]
    assert len(line.listed(keys.accepted(PROJECT, dataset))) == record["notes"]["parts"]
    refused = line.read(keys.quarantined_rows(PROJECT, dataset)).splitlines()
    assert len(refused) == record["quarantined_rows"] > 0
    lines = facts["body"].splitlines()
    entry = json.loads(refused[-1])
    # numbers count from the beginning of the file, not of a part
    assert entry["row"] > 4_000
    assert lines[entry["row"] - 1].decode().startswith(str(next(iter(entry["values"].values()))))
    assert "parts" in line.alert(PROJECT, "Dataset Accepted").message


def test_its_rows_are_learned_from(line: Line, facts: dict[str, Any]) -> None:
    run = line.run(PROJECT, 1)
    assert run["datasets"] == [facts["day.csv"]["dataset_id"]]
    manifest = line.read_json(keys.run(PROJECT, run["run_id"], "prepared", "manifest.json"))
    assert manifest["rows_read"] == facts["day.csv"]["rows"]


def test_a_part_that_cannot_be_read_fails_the_file_once(line: Line, facts: dict[str, Any]) -> None:
    record = facts["broken.csv"]
    assert (record["status"], record["error"]) == ("failed", "UnreadableFileError")
    assert f"position {len(facts['body'])} " in record["message"]
    assert len(line.alerts(PROJECT, "Dataset Failed")) == 1


def test_there_is_one_execution_for_each_file(line: Line, facts: dict[str, Any]) -> None:
    wait_for(lambda: {each["status"] for each in executions(line)} == {"SUCCEEDED"}, "the executions to end")
    assert len(executions(line)) == 2
