"""How a file writes yes and no is noted, whatever its format and however it is read."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.contract import Contract
from sluice.intake.batches import Notes
from sluice.intake.part_outcomes import joined, to_json
from sluice.intake.validation import Outcome, validate_file
from tests.unit.intake.test_parts import arrival, chunks_of

CONTRACT = Contract.model_validate(
    {
        "project": "shop",
        "problem": {"type": "regression", "target": "n"},
        "data": {"columns": {"n": {"type": "integer"}, "new": {"type": "boolean"}, "open": {"type": "boolean"}}},
    }
)


def parquet(new: list[Any], opened: list[Any]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"n": list(range(len(new))), "new": new, "open": opened}), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("body", "new", "opened"),
    [
        (b"n,new,open\n1,,\n2,0, Yes\n3,1,no\n4,true,Y\n", ("1", "0"), ("Yes", "no")),
        (b'n,new,open\n1,"F","TRUE"\n2,"T","FALSE"\n', ("T", "F"), ("TRUE", "FALSE")),
        (b"n,new,open\n1,0,no\n2,0,no\n", (None, "0"), (None, "no")),
        (b'{"n": 1, "new": 1, "open": true}\n{"n": 2, "new": 0, "open": "n"}\n', ("1", "0"), ("true", "n")),
        (b'[{"n": 1, "new": 1, "open": true}, {"n": 2, "new": 0}]', ("1", "0"), ("true", None)),
        (parquet([1, 0], [True, False]), ("1", "0"), ("true", "false")),
    ],
)
def test_the_first_of_each_is_noted(body: bytes, new: Any, opened: Any, tmp_path: Path) -> None:
    outcome = judged(body, tmp_path)
    for name, (yes, no) in {"new": new, "open": opened}.items():
        wanted = {truth: text for truth, text in (("true", yes), ("false", no)) if text}
        assert outcome.notes.spellings[name] == wanted
    assert outcome.notes.of_profile()["spellings"] == outcome.notes.spellings


def test_what_a_later_batch_or_part_has_first_is_noted_too(tmp_path: Path) -> None:
    rows = b"1,0,no\n" * 60_000 + b"2,1,yes\n" + b"3,true,n\n"
    both = {"new": {"false": "0", "true": "1"}, "open": {"false": "no", "true": "yes"}}
    assert judged(b"n,new,open\n" + rows, tmp_path).notes.spellings == both
    parts = [b"n,new,open\n1,0,no\n", b"n,new,open\n2,1,yes\n3,false,N\n"]
    results = [json.loads(json.dumps(to_json(judged(part, tmp_path)))) for part in parts]
    assert joined(results, CONTRACT, chunks_of(parts[0])).notes.spellings == both


def test_a_file_without_booleans_has_none() -> None:
    assert "spellings" not in Notes("csv", read_as="comma").of_profile()


def judged(body: bytes, scratch: Path) -> Outcome:
    return validate_file(arrival(body), CONTRACT, datetime(2026, 11, 30, tzinfo=UTC), scratch)
