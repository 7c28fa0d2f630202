"""An older dataset under a newer contract: what a value means is what intake says, and nothing goes silently."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.model import values
from tests.jobs.spark_cases import GLUE_PYTHON, case, run

pytestmark = pytest.mark.skipif(not GLUE_PYTHON.exists(), reason="needs the glue environment (make setup)")

N = 200
ARROW = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
UTC = dt.UTC
SAMPLES: dict[str, list[Any]] = {
    "text": [
        "12", "+12", " 12.0 ", "1.2e1", "3.7", "-0.0", "1e400", "123456789012345678", "1234567890123456789", ".5", "5.",
        "true", "T", "yes", "N", "1.0", "0", "2", "TRUE", "False", "3.0", "-0.0", "007", "1.10", "1e3", "a b", "lvl3",
        "2026-01-31", "2026-01-31T12:30:00", "2026-01-31 12:30:00.5", "2026-01-31T12:30:00+02:00", "31.01.2026",
        "2026-02-30", "20260131", "2026-01-31T12", "2026-01-31T1230Z", "2026-W05-1", "2026-W05", "2026-W05-12:30",
        "2026-W05-7T12:30:00+02:00", "2026-W05T12", "2026-W53-1", "2020-W53-7", "2026-W00-1", "2026-W05-8", "2026W051",
        "0001-W01-1", "9999-W52-5", "2025-W01-1 00:30", "0000-W05-1", "\u00a07\u00a0", "", "   ", "\n", "NaN", "inf",
        "a\\", "b\\,c", 'a"b', "two\nlines", "#x", "'", ",", "\u2003tab\t",
    ],
    "integer": [0, 1, 2, -5, 10**17, 2**53 + 1, 999_999_999_999_999_999, 2**63 - 1],
    "number": [0.0, -0.0, 1.0, 2.0, 3.7, 1e7, 4.0000000002e10, 1.5e-7, 12345678.25, 1e17, 1e18, 1e300, 0.1, -2.5, -1e-5,
               0.3, 0.1 + 0.2, 1e-05, 2.0**-44, 8.41e21, 2e-3, 5e-324, 2.2e-322, 2.2250738585072014e-308, float("nan")],
    "boolean": [True, False],
    "timestamp": [dt.datetime(2026, 1, 31, 12, 30, tzinfo=UTC), dt.datetime(2026, 1, 31, 0, 0, 0, 5000, tzinfo=UTC)],
}  # fmt: skip
KINDS = ("integer", "number", "boolean", "category", "text", "timestamp")


def dataset(folder: Path, name: str, columns: dict[str, tuple[str, list[Any]]]) -> None:
    target = folder / "accepted" / name
    target.mkdir(parents=True)
    count = len(next(iter(columns.values()))[1])
    table = pa.table(
        {
            **{column: pa.array(cells, ARROW[kind]) for column, (kind, cells) in columns.items()},
            "_arrived_at": pa.array([dt.datetime(2026, 1, 1)] * count, pa.timestamp("us")),
            "_row": pa.array(range(count), pa.int64()),
        }
    )
    pq.write_table(table, target / "part-00000.parquet")


def spec(columns: dict[str, str], problem: str = "binary", **data: Any) -> dict[str, Any]:
    declared = {name: {"type": kind} for name, kind in columns.items()}
    return {
        "problem": {"type": problem, "target": "y", "positive": True if problem == "binary" else None},
        "data": {"key": [], "time": None, "columns": declared, **data},
    }


def rows(make: Callable[[int], Any]) -> list[Any]:
    return [make(i) for i in range(N)]


EVEN = ("boolean", rows(lambda i: i % 2 == 0))
TIME = {"time": "d", "split": {"test": 0.2, "validation": 0.2, "by": "time"}}
QUOTED = ['a"b\nc', "a\\", "b\\,c", '\\"', "'", "#d", '""', ",", "x\r\ny"]
START = dt.datetime(2026, 1, 1, tzinfo=UTC)
LENIENT = {"expectations": {"max_lost_rows": 1.0}}
Case = tuple[dict[str, tuple[str, list[Any]]], dict[str, Any]]
CASES: dict[str, Case] = {
    "number to integer": (
        {"a": ("number", rows(lambda i: i + 0.7)), "y": EVEN},
        spec({"a": "integer", "y": "boolean"}),
    ),
    "category to number": (
        {"a": ("text", rows(lambda i: f"lvl{i}")), "y": EVEN},
        spec({"a": "number", "y": "boolean"}),
    ),
    "target category to boolean": (
        {"a": ("number", rows(float)), "y": ("text", rows(lambda i: ["churned", "stayed", "yes", "no"][i % 4]))},
        spec({"a": "number", "y": "boolean"}),
    ),
    "whole target category to boolean": (
        {"a": ("number", rows(float)), "y": ("text", rows(lambda i: ["churned", "stayed"][i % 2]))},
        spec({"a": "number", "y": "boolean"}),
    ),
    "text to timestamp": (
        {"a": ("text", rows(lambda i: f"{i % 28 + 1:02d}/03/2026")), "y": EVEN},
        spec({"a": "timestamp", "y": "boolean"}),
    ),
    "integer to boolean": (
        {"a": ("integer", rows(lambda i: i % 5)), "y": EVEN},
        spec({"a": "boolean", "y": "boolean"}),
    ),
    "few of an integer": (
        {"a": ("number", rows(lambda i: i + 0.5 * (i < 4))), "y": EVEN},
        spec({"a": "integer", "y": "boolean"}),
    ),
    "number to category": (
        {"a": ("number", rows(lambda i: i * 1e7)), "y": EVEN},
        spec({"a": "category", "y": "boolean"}),
    ),
    "integer target to category": (
        {"a": ("number", rows(float)), "y": ("integer", rows(lambda i: i % 3))},
        spec({"a": "number", "y": "category"}, "multiclass"),
    ),
    "time is text": (
        {"d": ("text", rows(lambda i: f"{i % 28 + 1:02d}.01.2026")), "a": ("number", rows(float)), "y": EVEN},
        spec({"d": "text", "a": "number", "y": "boolean"}, **TIME),
    ),
    "time is a boolean": (
        {"d": EVEN, "a": ("number", rows(float)), "y": EVEN},
        spec({"d": "boolean", "a": "number", "y": "boolean"}, **TIME),
    ),
    "time is a number": (
        {"d": ("number", rows(lambda i: 1767261600000.0 + i)), "a": ("number", rows(float)), "y": EVEN},
        spec({"d": "number", "a": "number", "y": "boolean"}, **TIME),
    ),
    "time was text of mixed spelling": (
        {
            "d": ("text", rows(lambda i: f"2026-01-{i % 28 + 1:02d}" if i % 2 else f"{i % 28 + 1:02d}.01.2026")),
            "a": ("number", rows(float)),
            "y": ("boolean", rows(lambda i: i % 3 == 0)),
        },
        spec({"d": "timestamp", "a": "number", "y": "boolean"}, **TIME),
    ),
    "one time": (
        {"d": ("timestamp", [START] * N), "a": ("number", rows(float)), "y": EVEN},
        spec({"d": "timestamp", "a": "number", "y": "boolean"}, **TIME),
    ),
    "a tie at the end": (
        {
            "d": ("timestamp", rows(lambda i: START + dt.timedelta(hours=min(i, 100)))),
            "a": ("number", rows(float)),
            "y": EVEN,
        },
        spec({"d": "timestamp", "a": "number", "y": "boolean"}, **TIME),
    ),
    "one class in test": (
        {
            "d": ("timestamp", rows(lambda i: START + dt.timedelta(hours=i))),
            "a": ("number", rows(float)),
            "y": ("boolean", rows(lambda i: i % 2 == 0 or i >= 150)),
        },
        spec({"d": "timestamp", "a": "number", "y": "boolean"}, **TIME),
    ),
    "no label in places": (
        {"a": ("number", rows(float)), "y": ("boolean", rows(lambda i: None if i < 30 else i % 2 == 0))},
        spec({"a": "number", "y": "boolean"}),
    ),
    "no label in places but allowed": (
        {"a": ("number", rows(float)), "y": ("boolean", rows(lambda i: None if i < 30 else i % 2 == 0))},
        spec({"a": "number", "y": "boolean"}, **LENIENT),
    ),
    "markers that came later": (
        {
            "a": ("text", rows(lambda i: "n/a" if i % 2 else str(i))),
            "b": ("integer", rows(lambda i: -999 if i % 3 else i)),
            "y": ("boolean", rows(lambda i: i % 4 < 2)),
        },
        {
            "problem": {"type": "binary", "target": "y", "positive": True},
            "data": {
                "columns": {
                    "a": {"type": "number", "missing": ["n/a"]},
                    "b": {"type": "integer", "missing": None},
                    "y": {"type": "boolean"},
                },
                "format": {"missing": ["-999"]},
            },
        },
    ),
    "other columns": (
        {"score": ("number", rows(float)), "a": ("number", rows(float)), "y": EVEN},
        spec({"points": "number", "a": "number", "y": "boolean"}),
    ),
    "large integers to number": (
        {"a": ("integer", rows(lambda i: 2**53 + 1 if i < 3 else i)), "y": EVEN},
        spec({"a": "number", "y": "boolean"}),
    ),
    "text that needs quotes": (
        {"k": ("text", rows(lambda i: QUOTED[i % len(QUOTED)])), "y": EVEN},
        spec({"k": "text", "y": "boolean"}),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("changes")
    cases = []
    for name, (columns, contract) in CASES.items():
        dataset(folder, name.replace(" ", "_"), columns)
        cases.append(case(folder, name.replace(" ", "_"), contract, [name.replace(" ", "_")]))
    for source, cells in SAMPLES.items():
        times = -(-N // len(cells))
        many = cells * times
        target = [i // len(cells) % 2 == 0 for i in range(len(many))]
        number = ("integer", [i % len(cells) for i in range(len(many))])
        as_kinds = {f"as_{kind}": (source, many) for kind in KINDS}
        # no two rows are equal: such rows lie in one part
        serial = ("integer", list(range(len(many))))
        dataset(folder, f"from_{source}", {"n": number, **as_kinds, "y": ("boolean", target), "serial": serial})
        columns = {"n": "integer", **{f"as_{kind}": kind for kind in KINDS}, "y": "boolean"}
        cases.append(case(folder, f"each_{source}", spec(columns, **LENIENT), [f"from_{source}"]))
    return run(folder, cases)


def manifest(results: dict[str, Any], name: str) -> dict[str, Any]:
    found = results[name.replace(" ", "_")]
    assert "manifest" in found, found
    return found["manifest"]


def error(results: dict[str, Any], name: str) -> str:
    found = results[name.replace(" ", "_")]
    assert "error" in found, found["manifest"]["losses"]
    assert found["error"].startswith("CleaningError: ")
    return str(found["error"])


def texts(results: dict[str, Any], name: str) -> list[str]:
    return [loss["text"] for loss in manifest(results, name)["losses"]]


def cells(results: dict[str, Any], name: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for part in ("train", "validation", "test"):
        path = results["folder"] / name.replace(" ", "_") / part / "data.csv"
        with path.open(newline="", encoding="utf-8") as file:
            found += list(csv.DictReader(file))
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", SAMPLES)
def test_a_value_means_what_intake_says(results: dict[str, Any], source: str, kind: str) -> None:
    """Every cell of an older type, read as the contract's type: the job and `sluice.model.values` agree."""
    wrong, lost, column = [], 0, f"as_{kind}"
    for row in cells(results, f"each_{source}"):
        cell = SAMPLES[source][int(row["n"])]
        expected, unreadable = meaning(cell, kind)
        lost += unreadable
        seen = values.parse_text(row[column], kind) if row[column] else None
        if seen != expected or (kind in ("category", "text") and (row[column] or None) != expected):
            wrong.append((cell, row[column], expected))
    assert not wrong[:5]
    losses = manifest(results, f"each_{source}")["losses"]
    told = [loss for loss in losses if (loss["reason"], loss["column"]) == ("not_converted", column)]
    assert sum(loss["rows"] for loss in told) == lost


def meaning(cell: Any, kind: str) -> tuple[Any, bool]:
    """The typed value, and whether the value that was there cannot be kept."""
    if isinstance(cell, dt.datetime):
        if kind == "timestamp":
            return cell, False
        return (values.canonical_text(cell), False) if kind in ("category", "text") else (None, True)
    try:
        value = values.parse_json(cell, kind)
    except ValueError:
        return None, True
    return value, isinstance(cell, int) and kind == "number" and int(float(cell)) != cell


def test_values_that_cannot_be_kept_stop_the_run_in_words(results: dict[str, Any]) -> None:
    told = error(results, "number to integer")
    assert "all 200 values of 'a' in number_to_integer cannot be kept" in told
    assert "number there, the contract says integer" in told
    assert "max_lost_rows" in told
    for name in ("category to number", "text to timestamp", "integer to boolean"):
        assert "values of 'a'" in error(results, name)


def test_a_target_that_the_contract_cannot_read_stops_the_run_in_words(results: dict[str, Any]) -> None:
    """F09."""
    told = error(results, "whole target category to boolean")
    assert (
        "all 200 rows of whole_target_category_to_boolean have no label because target 'y' is text there and the "
        "contract says boolean"
    ) in told
    assert "100 of 200 rows" in error(results, "target category to boolean")


def test_a_few_lost_values_are_counted(results: dict[str, Any]) -> None:
    assert any(text.startswith("4 of 200 values of 'a'") for text in texts(results, "few of an integer"))
    assert any(text.startswith("3 of 200 values of 'a'") for text in texts(results, "large integers to number"))


def test_categories_have_the_digits_of_their_numbers(results: dict[str, Any]) -> None:
    found = {row["a"] for row in cells(results, "number to category")}
    assert found == {str(i * 10_000_000) for i in range(N)}
    assert set(manifest(results, "integer target to category")["target"]["train"]) == {"0", "1", "2"}


def test_missing_markers_that_are_younger_than_the_rows_count(results: dict[str, Any]) -> None:
    assert not [
        loss for loss in manifest(results, "markers that came later")["losses"] if loss["reason"] != "equal_kept"
    ]
    found = cells(results, "markers that came later")
    assert sum(row["a"] == "" for row in found) == 100
    assert "-999" not in {row["b"] for row in found}


def test_columns_that_came_or_went_are_reported(results: dict[str, Any]) -> None:
    told = texts(results, "other columns")
    assert "'points' is missing in all rows of other_columns, which came without that column" in told
    assert "'score' of other_columns is left out: the contract has no such column" in told


@pytest.mark.parametrize(
    ("name", "kind"), [("time is text", "text"), ("time is a boolean", "boolean"), ("time is a number", "number")]
)
def test_a_split_by_time_needs_a_timestamp(results: dict[str, Any], name: str, kind: str) -> None:
    assert f"'d' is declared as {kind}, whose order is not that of time" in error(results, name)


def test_times_in_another_spelling_stop_the_run(results: dict[str, Any]) -> None:
    assert "100 of 200 rows" in error(results, "time was text of mixed spelling")
    assert "have no time because 'd' is text there" in error(results, "time was text of mixed spelling")


def test_ties_in_time_are_reported(results: dict[str, Any]) -> None:
    told = error(results, "one time")
    assert "the split leaves validation and test empty" in told or "the split leaves" in told
    assert "1 different 'd', up to 200 rows share one" in told
    tied = results["a_tie_at_the_end"]
    words = tied.get("error") or "; ".join(texts(results, "a tie at the end"))
    assert "up to 100 rows share one" in words


def test_a_part_of_one_class_is_refused(results: dict[str, Any]) -> None:
    assert "all 40 rows of test have the same y" in error(results, "one class in test")


def test_rows_without_a_label_count_against_the_limit(results: dict[str, Any]) -> None:
    assert "30 of 200 rows of no_label_in_places have no label: target 'y' is missing" in error(
        results, "no label in places"
    )
    allowed = manifest(results, "no label in places but allowed")
    assert allowed["null_target_dropped"] == 30
    assert sum(allowed["rows"].values()) == 170


def test_text_survives_the_csv_for_training(results: dict[str, Any]) -> None:
    found = {row["k"] for row in cells(results, "text that needs quotes")}
    assert found == set(CASES["text that needs quotes"][0]["k"][1])
