"""How a drafted contract reads what spreadsheets and other programs write, and what it asks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.draft import draft
from cli.guessing import look_at
from sluice.contract.loading import load_contract
from sluice.contract.models import Column
from sluice.intake.validation import validate_file


def drafted(folder: Path, cells: list[str]) -> tuple[Column, list[str], int]:
    """The column `x` of a draft from a file with these cells, what is asked, and how many rows it refuses."""
    path = folder / "file.csv"
    lines = [f"{cell}\t{i % 7}\t{i % 2}" for i, cell in enumerate(cells * 20)]
    path.write_text("x\tz\ty\n" + "\n".join(lines) + "\n", encoding="utf-8")
    made = draft(look_at(path), path.name, "drafted", "y")
    contract = load_contract(made.text)
    outcome = validate_file(path, contract, datetime(2026, 1, 1, tzinfo=UTC), folder)
    return contract.data.columns["x"], [text for text in made.decisions if ".x:" in text], outcome.quarantined


@pytest.mark.parametrize(
    ("cells", "kind", "asked"),
    [
        (["1", "NA", "3"], "integer", "'NA' in 33.3% of the rows is read as missing"),
        (["1.5", "?", "3"], "number", "'?' in 33.3%"),
        (["1.5", "-", "n/a", "3"], "number", "'-', 'n/a' in 50.0%"),
        (["1", "null", "NULL", "3"], "integer", "'null', 'NULL'"),
        (["true", "false", "#N/A"], "boolean", "'#N/A' in 33.3%"),
        (["2026-01-31", "2026-02-01", "None"], "timestamp", "'None' in 33.3%"),
        (["1,5", "2,75", "30"], "number", 'decimal: ","'),
        (["1.234,50", "2,75", "12.345.678,9"], "number", 'decimal: ",", thousands: "."'),
        (["1,234,567", "2,750", "3"], "integer", 'thousands: ","'),
        (["1,234.5", "2,750.25", "3"], "number", 'thousands: ","'),
        (["1 234,5", "2,75"], "number", 'decimal: ",", thousands: " "'),
        (["12 %", "7.5 %", "100%"], "number", "percent: true"),
        (["12,5 %", "7 %"], "number", 'decimal: ",", percent: true'),
        (["€ 12.50", "€ 3"], "number", 'currency: ["€"]'),
        (["12,50 EUR", "3 EUR", "NA"], "number", 'currency: ["EUR"]'),
        (["31.01.2026", "01.02.2026"], "timestamp", 'dates: ["%d.%m.%Y"]'),
        (["31/01/2026 13:45", "01/02/2026 00:00"], "timestamp", 'dates: ["%d/%m/%Y %H:%M"]'),
        (["01/31/2026", "02/01/2026"], "timestamp", 'dates: ["%m/%d/%Y"]'),
        (["5 Jan 2026", "12 Feb 2026"], "timestamp", 'dates: ["%d %b %Y"]'),
    ],
)
def test_numbers_and_dates_stay_what_they_are(cells: list[str], kind: str, asked: str, tmp_path: Path) -> None:
    column, decisions, refused = drafted(tmp_path, cells)
    assert (column.type, refused) == (kind, 0)
    assert any(asked in decision for decision in decisions), decisions


@pytest.mark.parametrize(
    ("cells", "both"),
    [
        (["1,234", "2,750"], ('decimal: ","', 'thousands: ","')),
        (["01/02/2026", "03/04/2026"], ("%d/%m/%Y", "%m/%d/%Y")),
    ],
)
def test_what_can_be_read_in_two_ways_is_asked(cells: list[str], both: tuple[str, str], tmp_path: Path) -> None:
    _, decisions, _ = drafted(tmp_path, cells)
    assert any(all(way in decision for way in both) for decision in decisions), decisions


def test_a_marker_among_categories_is_asked_and_kept(tmp_path: Path) -> None:
    column, decisions, refused = drafted(tmp_path, ["ads", "email", "unknown"])
    assert (column.type, column.missing, refused) == ("category", None, 0)
    assert any("'unknown' in 33.3% of the rows is read as a value" in decision for decision in decisions)


def test_plain_columns_are_not_asked_about(tmp_path: Path) -> None:
    column, decisions, _ = drafted(tmp_path, ["1", "2", ""])
    assert (column.type, decisions) == ("integer", [])
