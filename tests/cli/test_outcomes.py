"""What `sluice drop`, `label` and `batch` print at the end: rows read, scored and refused, why, and where they are."""

from __future__ import annotations

from typing import Any

from cli.outcomes import described

FILE: dict[str, Any] = {
    "rows": 5,
    "scored_rows": 2,
    "quarantined_rows": 3,
    "reasons": [{"rule": "type", "column": "pages", "rows": 1}, {"rule": "min", "column": "pages", "rows": 2}],
    "refused_uri": "s3://data/quarantine/shop/d1/rows.jsonl",
}
RECORD: dict[str, Any] = {
    "status": "accepted",
    "kind": "batch",
    "project": "shop",
    "dataset_id": "d1",
    "reasons": [],
    "output_uri": "s3://data/predictions/shop/a.csv.answers.csv",
    "file": FILE,
}


def test_a_scored_file_ends_with_its_counts_reasons_and_places() -> None:
    lines = described(RECORD)
    assert lines[0] == "scored: 5 rows read, 2 scored, 3 refused"
    assert lines[1:3] == ["  column pages: type (1 row)", "  column pages: min (2 rows)"]
    assert "  answers: s3://data/predictions/shop/a.csv.answers.csv" in lines
    assert "  refused rows, whole: s3://data/quarantine/shop/d1/rows.jsonl" in lines
    assert any("sluice quarantine shop d1" in line for line in lines)
    assert any("data.columns.<column>.min is the limit" in line for line in lines)


def test_a_file_that_failed_has_scored_nothing_and_says_why() -> None:
    lines = described(RECORD | {"status": "failed", "output_uri": None, "reasons": ["Score File: no machine"]})
    assert lines[0] == "not scored: 5 rows read, 0 scored, 3 refused"
    assert "  Score File: no machine" in lines
    assert not any(line.startswith("  answers") for line in lines)


def test_a_file_that_was_not_read_has_no_counts() -> None:
    record = {"status": "failed", "kind": "batch", "reasons": ["project 'shop' has no model that serves yet"]}
    assert described(record) == ["not scored", "  project 'shop' has no model that serves yet"]


def test_labels_end_with_their_counts_and_the_refused_rows() -> None:
    counts = {"rows": 4, "labels": 1, "without_label": 1, "quarantined_rows": 1, "duplicates": 1, "conflicts": 0}
    reasons = [{"rule": "label", "column": "bought", "rows": 1}]
    record = {"status": "accepted", "kind": "labels", "project": "shop", "dataset_id": "d2", "reasons": reasons}
    lines = described(record | counts)
    expected = "accepted: 1 label from 4 rows, 1 row without a label, 1 refused, 1 repeated, 0 contradicting"
    assert lines[:2] == [expected, "  column bought: label (1 row)"]
    assert lines[-1].endswith("sluice quarantine shop d2")


def test_reasons_that_are_not_printed_are_counted() -> None:
    reasons = [{"rule": f"rule{i}", "column": "pages", "rows": 1} for i in range(47)]
    lines = described({**RECORD, "file": {**FILE, "reasons": reasons}})
    assert "  and 37 more in `sluice quarantine`" in lines
