"""How a drafted contract reads what spreadsheets and other programs write, and what it asks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from cli import formats
from cli.draft import draft
from cli.formats import Formats
from cli.guessing import Seen, scan_file
from sluice.contract.loading import load_contract
from sluice.contract.models import Column
from sluice.intake import rules
from sluice.intake.validation import validate_file


def drafted(folder: Path, cells: list[str]) -> tuple[Column, list[str], int]:
    """The column `x` of a draft from a file with these cells, what is asked, and how many rows it refuses."""
    path = folder / "file.csv"
    lines = [f"{cell}\t{i % 7}\t{i % 2}" for i, cell in enumerate(cells * 20)]
    path.write_text("x\tz\ty\n" + "\n".join(lines) + "\n", encoding="utf-8")
    made = draft(scan_file(path), path.name, "drafted", "y")
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
        (["12,500.00", "3,000.00"], "number", 'thousands: ","'),
        (["$ 12.00", "$ 3.00"], "number", 'currency: ["$"]'),
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


def columns(folder: Path, rows: list[list[str]], delimiter: str) -> tuple[dict[str, Column], list[str]]:
    """The columns a, b, … of a draft from these rows, again and again with another target, and what is asked."""
    path, names = folder / "file.csv", "abcdef"[: len(rows[0])]
    lines = [delimiter.join([*row, str(i % 2)]) for i, row in enumerate(rows * 20)]
    path.write_text(delimiter.join([*names, "y"]) + "\n" + "\n".join(lines) + "\n", encoding="utf-8")
    made = draft(scan_file(path), path.name, "drafted", "y")
    return dict(load_contract(made.text).data.columns), made.decisions


@pytest.mark.parametrize(
    ("rows", "delimiter", "meant"),
    [
        # another column says what a comma is
        ([["1,932", "2,327,218"], ["2,750", "410,000"]], "\t", {"thousands": ","}),
        ([["1,932", "0.57"], ["2,750", "1.5"]], ";", {"thousands": ","}),
        ([["1,932", "12,5"], ["2,750", "7,25"]], "\t", {"decimal": ","}),
        ([["1,932", "1.234,5"], ["2,750", "7,25"]], "\t", {"decimal": ","}),
        # the column itself says it, or the field's delimiter
        ([["$1,932", "a"], ["$2,750", "b"]], ";", {"thousands": ","}),
        ([["1,932", "a"], ["750", "b"]], ";", {"thousands": ","}),
        ([["1,932", "a"], ["2,750", "b"]], ";", {"decimal": ","}),
        ([["1,932", "a"], ["2,750", "b"]], "\t", {"thousands": ","}),
        # what JSON would read as 1.932 is 1932 where others have a decimal comma
        ([["1.932", "12,5"], ["2.750", "7,25"]], ";", {"decimal": ",", "thousands": "."}),
        ([["1.932", "0.5"], ["2.750", "7.25"]], ";", {}),
        # contradictions say nothing
        ([["1,932", "12,5", "0.57"], ["2,750", "7,25", "1.5"]], "\t", {"thousands": ","}),
    ],
)
def test_a_file_writes_its_numbers_in_one_way(
    rows: list[list[str]], delimiter: str, meant: dict[str, str], tmp_path: Path
) -> None:
    found = columns(tmp_path, rows, delimiter)[0]["a"].model_dump(exclude_none=True)
    assert {name: found[name] for name in ("decimal", "thousands") if name in found} == meant


@pytest.mark.parametrize(
    ("cells", "delimiter", "asked"),
    [
        (["1.932", "12.750", "7"], ";", True),
        (["1.932", "12.750", "7"], ",", False),  # where a comma parts fields, it is no decimal sign
        (["1.932", "0.750"], ";", False),  # no thousands begin with a 0
        (["1.932", "2.75"], ";", False),
        (["1", "2"], ";", False),
    ],
)
def test_a_point_that_may_part_thousands_is_asked_about(
    cells: list[str], delimiter: str, asked: bool, tmp_path: Path
) -> None:
    found, decisions = columns(tmp_path, [[cell] for cell in cells], delimiter)
    assert found["a"].decimal is None
    assert any("parts thousands" in decision for decision in decisions) is asked, decisions


@pytest.mark.parametrize(("settled", "meant"), [("31/12/2025", "%d/%m/%Y"), ("12/31/2025", "%m/%d/%Y")])
def test_a_file_writes_its_dates_in_one_way(settled: str, meant: str, tmp_path: Path) -> None:
    found, decisions = columns(tmp_path, [["04/05/2026", settled], ["01/02/2026", settled]], ",")
    assert found["a"].dates == [meant]
    assert not any("the values fit each" in decision for decision in decisions), decisions


def test_a_marker_among_categories_is_asked_and_kept(tmp_path: Path) -> None:
    column, decisions, refused = drafted(tmp_path, ["ads", "email", "unknown"])
    assert (column.type, column.missing, refused) == ("category", None, 0)
    assert any("'unknown' in 33.3% of the rows is read as a value" in decision for decision in decisions)


def test_columns_with_the_same_marker_are_one_question(tmp_path: Path) -> None:
    _, decisions = columns(tmp_path, [["ads", "red"], ["email", "unknown"], ["unknown", "unknown"]], ",")
    assert "data.columns: 'unknown' in a (33.3%), b (66.7%) is read as a value" in "\n".join(decisions), decisions
    assert sum("unknown" in decision for decision in decisions) == 1


def test_plain_columns_are_not_asked_about(tmp_path: Path) -> None:
    column, decisions, _ = drafted(tmp_path, ["1", "2", ""])
    assert (column.type, decisions) == ("integer", [])


def spread(*extra: str) -> list[str]:
    """Thirty different amounts, and `extra` once for each."""
    return [str(20 + i) for i in range(30)] + list(extra)


@pytest.mark.parametrize("word", ["k.A.", "inf", "sin dato", "keine"])
def test_a_word_among_many_numbers_is_a_marker(word: str, tmp_path: Path) -> None:
    column, decisions, refused = drafted(tmp_path, spread(word, word))
    assert (column.type, column.missing, refused) == ("integer", [word], 0)
    assert any(f"{word!r} in 6.2% of the rows is read as missing" in decision for decision in decisions), decisions


def test_a_word_among_a_few_numbers_may_be_a_class(tmp_path: Path) -> None:
    column, decisions, refused = drafted(tmp_path, ["1", "2", "3", "4", "many"])
    assert (column.type, column.missing, refused) == ("category", None, 0)
    assert any("80% of the values look like numbers" in decision and "'many'" in decision for decision in decisions)


@pytest.mark.parametrize(
    "cells",
    [
        spread("12 apples", "about 7"),
        ["(1.50)", "2,000.25", "3.75"],
        ["12:30", "07:45", "23:59"],
        [*spread(), "a", "b", "c", "d", "e", "f"],
    ],
)
def test_numbers_never_become_text_without_a_word(cells: list[str], tmp_path: Path) -> None:
    column, decisions, refused = drafted(tmp_path, cells)
    assert (column.type in ("text", "category"), refused) == (True, 0)
    assert any("of the values look like numbers" in decision for decision in decisions), decisions


def test_months_are_no_times_and_that_is_said(tmp_path: Path) -> None:
    column, decisions, refused = drafted(tmp_path, ["1960-01", "1960-02", "1961-12"])
    assert (column.type, refused) == ("category", 0)
    assert decisions == [
        "data.columns.x: months such as '1960-01' are read as category, since a time has a day: write 1960-01-01 for "
        "one that orders the rows"
    ]


@pytest.mark.parametrize("cells", [["40-49", "50-59", "60-69"], [f"{100 + i}-{i:02}-{7000 + i}" for i in range(30)]])
def test_spans_and_codes_are_words_without_a_question(cells: list[str], tmp_path: Path) -> None:
    column, decisions, refused = drafted(tmp_path, cells)
    assert (column.type in ("text", "category"), decisions, refused) == (True, [], 0)


def test_words_with_a_number_now_and_then_are_no_numbers(tmp_path: Path) -> None:
    _, decisions, _ = drafted(tmp_path, ["red", "green", "blue", "7"])
    assert decisions == []


def test_amounts_in_cents_are_numbers_even_where_all_are_whole(tmp_path: Path) -> None:
    assert drafted(tmp_path, ["12.00", "3.00"])[0].type == "number"


def test_whole_numbers_that_pandas_wrote_beside_missing_ones_are_integers(tmp_path: Path) -> None:
    assert drafted(tmp_path, ["12.0", "", "3.0"])[0].type == "integer"


def test_leading_zeros_are_kept(tmp_path: Path) -> None:
    column, decisions, refused = drafted(tmp_path, ["01067", "10115", "80331"])
    assert (column.type, refused) == ("category", 0)
    assert any("'01067' have leading zeros" in decision for decision in decisions), decisions


@pytest.mark.parametrize(
    ("cells", "missing", "asked"),
    [
        (spread("-999"), ["-999"], "'-999' in 3.2% of the rows is read as missing"),
        (spread("-99.0"), ["-99.0"], "is read as missing"),
        (spread("9999"), None, "'9999' in 3.2% of the rows is read as a value"),
        (spread("-1"), None, "'-1' in 3.2% of the rows is read as a value"),
        (["1", "2", "3", "-99"], None, "'-99' in 25.0% of the rows is read as a value"),
        (spread("NA", "-999"), ["NA", "-999"], "'NA', '-999' in 6.2%"),
    ],
)
def test_numbers_that_stand_in_for_nothing_are_asked_about(
    cells: list[str], missing: list[str] | None, asked: str, tmp_path: Path
) -> None:
    column, decisions, refused = drafted(tmp_path, cells)
    assert (column.missing, refused) == (missing, 0)
    assert any(asked in decision for decision in decisions), decisions


@pytest.mark.parametrize("cells", [[str(3 * i) for i in range(34)], spread("-5"), ["1", "-1"], spread("-99", "-50")])
def test_numbers_among_their_like_are_values(cells: list[str], tmp_path: Path) -> None:
    column, decisions, _ = drafted(tmp_path, cells)
    assert (column.missing, [text for text in decisions if "missing" in text]) == (None, [])


def test_a_word_for_yes_is_the_positive_class(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("x,won\n" + "".join(f"{i},{'Nein' if i % 3 == 0 else 'Ja'}\n" for i in range(60)), encoding="utf-8")
    made = draft(scan_file(path), path.name, "drafted", "won")
    assert load_contract(made.text).problem.positive == "Ja"


@pytest.mark.parametrize(
    "texts",
    [
        ["12.5", "3", "-7.25", "007"],
        ["1,234", "12", "3.5"],
        ["1.234", "12", "999"],
        ["1.234,50", "7"],
        ["12", "1 234", "+5"],
        ["20260131", "20261231"],
        ["12 %", "3 %"],
        ["€ 12", "3.5"],
        ["9007199254740993", "1"],
        ["1e5", "2", "3.0"],
        ["04/05/2026", "31/05/2026"],
    ],
)
def test_the_ways_that_fit_are_those_that_read_every_value(texts: list[str]) -> None:
    """Values without any sign are not read one by one: the result is as if they were."""
    values = pa.array(texts * 60)
    found = Formats("x")
    found.add(values)
    assert found.ways == [way for way in formats._candidates(values) if way._reads("x", values)]


def test_plain_numbers_are_not_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 13,611 rows and 17 columns, that took 14 seconds."""
    read: list[str] = []
    slow = rules._read
    monkeypatch.setattr(rules, "_read", lambda text, *rest: read.append(text) or slow(text, *rest))
    Seen("x").add(pa.array([f"{number}.5" for number in range(5_000)]))
    assert len(read) < 5_000
