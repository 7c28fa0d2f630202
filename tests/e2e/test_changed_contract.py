"""Refused rows are corrected and come back; then the contract changes under all of them."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from examples.generate_sessions import Knobs, as_csv
from sluice import keys
from sluice.datasets.compare_contract import contract_change
from testing.line import Line, contract, wait_for

PROJECT = "evolve"
BAD = (7, 90, 300)
"""Lines of the file whose channel is misspelled."""


def corrected(line: Line) -> dict[str, Any]:
    """A file with three bad rows; two of them are corrected, and then the third."""
    lines = [text for text in as_csv(Knobs(rows=500, seed=41)).splitlines() if not text.endswith(b"true")]
    at = lines[0].split(b",").index(b"channel")
    for row in BAD:
        cells = lines[row - 1].split(b",")
        lines[row - 1] = b",".join([*cells[:at], b"emial", *cells[at + 1 :]])
    version = line.drop(PROJECT, "day.csv", b"\n".join([*lines, b""]))
    found = [line.record(PROJECT, "day.csv", version)]
    for rows in (BAD[:2], BAD[2:]):
        with tempfile.TemporaryDirectory() as folder:
            sheet = Path(folder) / "refused.csv"
            assert line.command("quarantine", PROJECT, found[-1]["dataset_id"], "--output", str(sheet)) == 0
            table = list(csv.DictReader(sheet.open(encoding="utf-8-sig", newline="")))
            for each in table:
                each["channel"] = "email" if int(each["_row"]) in rows else each["channel"]
            with sheet.open("w", encoding="utf-8", newline="") as out:
                writer = csv.DictWriter(out, list(table[0]))
                writer.writeheader()
                writer.writerows(table)
            assert line.command("redrive", PROJECT, str(sheet)) == 0
        dataset = line.ledger.datasets(PROJECT)[-1]
        found.append(line.ledger.judged(PROJECT, dataset["dataset_id"]) or {})
    return {"records": found}


def change(line: Line) -> dict[str, Any]:
    """Files whose run fails early (one class), then a contract under which their target cannot be read."""
    line.put_contract(PROJECT, contract(PROJECT))
    # one run for all three files: without it, the first starts one
    line.ledger.acquire_lock(PROJECT, "nobody", datetime.now(UTC))
    story = corrected(line)
    wait_for(lambda: len((line.ledger.lock(PROJECT) or {}).get("pending", [])) == 3, "all files to ask for a run")
    line.ledger.release_lock(PROJECT, "nobody")
    assert line.command("retrain", PROJECT, "--reason", "all rows are there") == 0
    line.run(PROJECT, 1, outcome="failed")
    columns = {"purchase": {"type": "timestamp"}, "channel": {"type": "text", "values": None}}
    columns |= {"browsing_minutes": {"type": "integer"}, "coupon": {"type": "text"}, "bought": {"type": "boolean"}}
    text = contract(PROJECT, data={"columns": columns}, problem={"target": "bought"})
    new = line.put_contract(PROJECT, text)
    return {**story, "record": story["records"][0], "version": new, "alert": line.alert(PROJECT, "Contract Changed")}


@pytest.mark.story.with_args(change)
def test_a_changed_contract_says_what_becomes_of_the_accepted_rows(line: Line, story: dict[str, Any]) -> None:
    said = story["alert"].message
    every = sum(record["rows"] for record in story["records"])
    assert f"({every:,} rows) lack the target 'bought', which every dataset must have" in said
    assert story["record"]["dataset_id"] in said
    assert "values of 'browsing_minutes' in " in said
    assert "'coupon' is missing in all rows" in said
    assert f"0 of {every:,} accepted rows can be learned from" in said
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
    assert "lack the target 'bought'" in capsys.readouterr().out


@pytest.mark.story.with_args(change)
def test_corrected_rows_come_back_with_their_numbers(line: Line, story: dict[str, Any]) -> None:
    first, second, third = story["records"]
    assert [(each["rows"], each["quarantined_rows"]) for each in story["records"]] == [
        (first["rows"], 3),
        (2, 1),
        (1, 0),
    ]
    assert second["corrects"]["dataset_id"] == first["dataset_id"]
    assert third["corrects"]["dataset_id"] == second["dataset_id"]
    found = [
        pq.read_table(io.BytesIO(line.read(keys.accepted_part(PROJECT, each["dataset_id"])))).to_pylist()
        for each in story["records"]
    ]
    assert [[row["_row"] for row in rows] for rows in found[1:]] == [[*BAD[:2]], [*BAD[2:]]]
    assert {row["channel"] for rows in found[1:] for row in rows} == {"email"}
    # each row of the file is accepted once
    numbers = [row["_row"] for rows in found for row in rows]
    assert sorted(numbers) == list(range(2, 2 + len(numbers)))


@pytest.mark.story.with_args(change)
def test_lineage_shows_which_rows_a_dataset_corrects(
    line: Line, story: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, _ = (each["dataset_id"] for each in story["records"])
    capsys.readouterr()
    assert line.command("lineage", PROJECT, second, "--json") == 0
    found = json.loads(capsys.readouterr().out)["files"][0]
    assert found["corrects"] == {"dataset": first, "file": f"raw/{PROJECT}/day.csv"}
    assert len(found["corrected_by"]) == 1
    assert line.command("lineage", PROJECT, first) == 0
    printed = capsys.readouterr().out
    assert "corrected by" in printed
    assert second in printed
