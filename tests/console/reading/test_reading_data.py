"""The read model of data: files, refused rows with their reasons, and lineage."""

from __future__ import annotations

import pytest

from cli import lineage as cli_lineage
from console.reading import data, lineage
from console.source import Source
from sluice import keys
from sluice.errors import InputError
from tests.console import recorded
from tests.console.trees import texts

PROMOTED = recorded.run_with("promoted")
FIRST = recorded.run_ids()[-1]


def test_data_has_files_and_why_rows_were_refused(source: Source):
    found = data.read(source, "shop")
    assert found["refused"][0]["key"].endswith("damaged.csv")
    assert found["refused_rows"] == 400
    assert found["refused"][0]["told"][0] == (
        "quarantined as a whole: no row accepted, 203 of 400 refused, 197 good and held back"
    )
    assert not {"max_invalid_rows", "min_rows"} & {each["rule"] for each in found["refused"][0]["reasons"]}
    assert found["unread"] == []
    one = data.dataset(source, "shop", found["refused"][0]["dataset_id"])
    assert one["refused"]
    assert all(row["reasons"] and row["values"] for row in one["refused"])
    assert one["accepted"] is None
    assert any("sluice redrive shop FILE --dataset" in each for each in one["next"])
    whole = data.dataset(source, "shop", found["datasets"][-1]["dataset_id"])
    assert "channel" in texts(whole["profile"])
    assert whole["key"] == found["datasets"][-1]["key"]
    assert whole["accepted"]["rows"] == 1_500
    assert whole["accepted"]["runs"] == recorded.run_ids()
    assert whole["accepted"]["serving"] == PROMOTED


def test_a_file_that_could_not_be_read_is_listed_with_why_and_what_to_do():
    world = (stack := recorded.stack()).world
    world.objects.write("raw/shop/bad.csv", b"a,b\n1,2\n")
    record = {"status": "failed", "error": "HeaderMismatchError", "message": "'purchase' is missing", "rows": 0}
    version = str(world.objects.version("raw/shop/bad.csv"))
    world.ledger.record_arrival(world.objects.bucket, "raw/shop/bad.csv", version, record | {"project": "shop"})
    [found] = data.read(Source(stack), "shop")["unread"]
    assert found["key"] == "raw/shop/bad.csv"
    assert found["told"][1] == "'purchase' is missing"
    assert "correct their names in the file" in found["told"][2]


def test_a_damaged_summary_of_refused_rows_is_listed_without_words():
    stack = recorded.stack()
    stack.world.objects.write(keys.quarantine_summary("shop", "odd"), b'{"reasons": ["x"]}')
    assert {each["dataset_id"]: each["told"] for each in data.read(Source(stack), "shop")["refused"]}["odd"] == []


def test_damaged_rows_in_quarantine_are_left_out():
    stack = recorded.stack()
    dataset = data.read(Source(stack), "shop")["refused"][0]["dataset_id"]
    stack.world.objects.write(
        keys.quarantined_rows("shop", dataset),
        b'{"row": 1}\nnot json\n{"row":2,"values":{"a":1},"reasons":[{"rule":"x"}]}',
    )
    found = data.dataset(Source(stack), "shop", dataset)["refused"]
    assert found == [
        {"row": 2, "reasons": [{"rule": "x", "column": None, "rows": None, "message": None}], "values": [["a", "1"]]}
    ]


def test_lineage_is_what_the_command_finds(source: Source):
    dataset = data.read(source, "shop")["datasets"][-1]["dataset_id"]
    asked = [lineage.read(source, "shop", what, "") for what in (PROMOTED, dataset, "no such thing", "")]
    made, went, unknown, nothing = asked
    assert made["found"] == cli_lineage.traced(source.world, "shop", PROMOTED, 30)
    assert made["found"]["run"]["files"]
    assert {each["run"] for each in went["found"]["files"][0]["runs"]} >= {FIRST}
    assert (unknown["found"], "is neither a file" in unknown["problem"]) == (None, True)
    assert (nothing["found"], nothing["problem"], nothing["runs"][-1]) == (None, None, FIRST)
    for days in ("0", "-1", "x", "9999999"):
        with pytest.raises(InputError):
            lineage.read(source, "shop", "x", days)
