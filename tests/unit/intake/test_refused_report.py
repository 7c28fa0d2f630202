"""The page beside refused rows: what it shows, that it escapes, and that it needs nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

from sluice.escaping import html
from sluice.intake.refused_report import CELLS, REASONS, ROWS, render
from sluice.page import POLICY

SUMMARY: dict[str, Any] = {
    "project": "shop",
    "dataset_id": "d1",
    "key": "raw/shop/day 1.csv",
    "status": "accepted",
    "rows": 97,
    "quarantined_rows": 3,
    "reasons": [{"rule": "type", "column": "pages", "rows": 2}, {"rule": "fields", "column": None, "rows": 1}],
}


def line(row: int, values: Any, column: str | None = "pages", message: str = "is not an integer") -> str:
    return json.dumps(
        {"row": row, "reasons": [{"column": column, "rule": "type", "message": message}], "values": values}
    )


def text(page: str) -> str:
    """What a reader sees."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition("</head>")[2]))


def test_rules_columns_counts_and_first_rows_are_shown() -> None:
    seen = text(
        render(
            SUMMARY,
            [line(3, {"id": "a", "pages": "many"}), line(9, ["a", "b"], None, "has 2 fields")],
            ["sluice quarantine shop d1"],
        )
    )
    for told in (
        "Refused rows of day 1.csv",
        "Project shop, dataset d1",
        "3 3.00% of the file",
        "97",
        "type not a value of the column’s type pages 2",
        "fields another number of fields than the header whole row 1",
        "3 pages is not an integer pages many id a",
        "9 has 2 fields a, b",
        "What to do sluice quarantine shop d1",
    ):
        assert told in seen, told


def test_a_file_refused_whole_says_why() -> None:
    summary = {
        **SUMMARY,
        "status": "quarantined",
        "rows": 0,
        "refusals": [{"message": "30.00% of 10 rows are invalid"}],
    }
    seen = text(render(summary, [line(3, {"pages": "x"})]))
    assert "whole file 30.00% of 10 rows are invalid" in seen
    assert "Rows refused 3 the whole file Rows accepted 0" in seen


def test_nothing_of_a_row_acts_on_the_page() -> None:
    evil = "<script>alert(1)</script>\u202e"
    summary = {**SUMMARY, "key": f"raw/shop/{evil}", "reasons": [{"rule": "type", "column": evil, "rows": 1}]}
    page = render(summary, [line(1, {evil: evil}, evil, evil), line(2, evil, None)])
    assert "<script" not in page
    assert "\u202e" not in page
    assert page.count("&lt;script&gt;") >= 6
    assert not re.search(r"(src|href)=", page)
    assert html(POLICY) in page


def test_what_is_left_out_is_counted() -> None:
    reasons = [{"rule": "type", "column": f"c{at}", "rows": 1} for at in range(REASONS + 7)]
    values = {f"c{at}": "x" * 500 for at in range(CELLS + 5)}
    read = iter([line(row, values, f"c{CELLS + 4}") for row in range(1, 100)])
    seen = text(render({**SUMMARY, "reasons": reasons}, read))
    assert "and 7 more in summary.json" in seen
    assert "5 more columns" in seen
    assert f"The first {ROWS} refused rows" in seen
    assert f"c{CELLS + 4} xxx" in seen, "the refused cell comes first"
    assert "x" * 100 not in seen
    assert len(list(read)) == 99 - ROWS, "no more is read than is shown"


def test_what_to_do_stands_above_the_rows_and_a_rule_of_the_file_is_not_a_row_s() -> None:
    reasons = [{"rule": "max_invalid_rows", "column": None, "rows": 3}, *SUMMARY["reasons"]]
    refusals = [{"rule": "max_invalid_rows", "message": "30.00% of 10 rows are invalid"}]
    summary = {**SUMMARY, "status": "quarantined", "rows": 0, "reasons": reasons, "refusals": refusals}
    seen = text(render(summary, [line(3, {"pages": "x"})], ["Correct it."]))
    assert "max_invalid_rows whole file 3" in seen
    assert "header whole row 1" in seen
    assert seen.index("What to do") < seen.index("Reasons") < seen.index("First rows")


def test_nearly_all_of_a_file_is_not_all_of_it() -> None:
    assert "&gt;99.99% of the file" in text(render({**SUMMARY, "rows": 1, "quarantined_rows": 1_000_000}, []))
