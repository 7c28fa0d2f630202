"""A contract changes under accepted rows: what becomes of them is said before the next run."""

from __future__ import annotations

from typing import Any

import pytest

from examples.generate_sessions import Knobs, as_csv
from sluice.datasets.compare_contract import contract_change
from testing.line import Line, contract

PROJECT = "evolve"


def change(line: Line) -> dict[str, Any]:
    """A file whose run fails early (one class), then a contract under which its target cannot be read."""
    line.put_contract(PROJECT, contract(PROJECT))
    lines = as_csv(Knobs(rows=500, seed=41)).splitlines(keepends=True)
    version = line.drop(PROJECT, "day.csv", b"".join(text for text in lines if not text.endswith(b"true\n")))
    record = line.record(PROJECT, "day.csv", version)
    line.run(PROJECT, 1, outcome="failed")
    columns = {"purchase": {"type": "timestamp"}, "channel": {"type": "text", "values": None}}
    columns |= {"browsing_minutes": {"type": "integer"}, "coupon": {"type": "text"}, "bought": {"type": "boolean"}}
    text = contract(PROJECT, data={"columns": columns}, problem={"target": "bought"})
    new = line.put_contract(PROJECT, text)
    return {"record": record, "version": new, "alert": line.alert(PROJECT, "Contract Changed")}


@pytest.mark.story.with_args(change)
def test_a_changed_contract_says_what_becomes_of_the_accepted_rows(line: Line, story: dict[str, Any]) -> None:
    dataset, rows, said = story["record"]["dataset_id"], story["record"]["rows"], story["alert"].message
    assert f"{dataset} ({rows:,} rows) lacks the target 'bought', which every dataset must have" in said
    assert "values of 'browsing_minutes' in " in said
    assert "'coupon' is missing in all rows" in said
    assert f"0 of {rows:,} accepted rows can be learned from" in said
    record = line.stack.world.call(contract_change, PROJECT, story["version"])
    assert record is not None
    assert (record["status"], record["run_stops"]) == ("compared", True)
    assert record["unread"] == []


@pytest.mark.story.with_args(change)
def test_status_shows_what_the_contract_changed(
    line: Line, story: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert story["alert"]
    assert line.command("status", PROJECT) == 0
    assert "lacks the target 'bought'" in capsys.readouterr().out
