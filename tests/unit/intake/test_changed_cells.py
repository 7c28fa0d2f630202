"""A value that comes in is the value that is accepted, or its change is counted, whatever the reader."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.contract.file import FileLayout
from sluice.intake.changed_cells import exact_text
from sluice.intake.labels import read_label_file
from sluice.intake.scoring import read_scoring_file
from tests.messy.workbooks import number, rows, text, workbook
from tests.unit.intake.test_validation import contract, run

ROWS = 400
Writer = Callable[[list[str]], bytes]


def as_csv(cells: list[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["v", "y"], *([cell, "1"] for cell in cells)])
    return out.getvalue().encode()


def as_exact_csv(cells: list[str]) -> bytes:
    """A stray quote sends the block the exact way."""
    return as_csv(cells) + b',a "stray" quote\n'


def as_json(cells: list[str]) -> bytes:
    return "".join(f'{{"v": {cell or "null"}, "y": 1}}\n' for cell in cells).encode()


def as_array(cells: list[str]) -> bytes:
    return f"[{','.join(as_json([cell]).decode() for cell in cells)}]".encode()


def as_texts(cells: list[str]) -> bytes:
    return "".join(json.dumps({"v": cell, "y": 1}) + "\n" for cell in cells).encode()


def as_parquet(values: pa.Array, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"v": values, "y": pa.array([1] * len(values))}), out, **options)
    return out.getvalue()


def as_decimals(cells: list[str]) -> bytes:
    return as_parquet(pa.array([Decimal(cell) for cell in cells], pa.decimal256(76, 30)))


def as_workbook(cells: list[str]) -> bytes:
    return workbook(rows([text("v"), text("y")], *([number(cell), number(1)] for cell in cells)))


def numbers(rng: random.Random) -> Iterable[str]:
    for _ in range(ROWS):
        digits = str(rng.randrange(10 ** rng.randint(1, 24)))
        yield rng.choice(
            [
                digits,
                f"-{digits}.{rng.randrange(10 ** rng.randint(1, 12))}",
                f"0.{rng.randrange(10 ** rng.randint(1, 22)):010}",
                repr(rng.random()),
                str(2**53 + rng.randint(-2, 2)),
                str(rng.randint(0, 1000)),
            ]
        )


def is_changed(digits: str, is_decimal: bool) -> bool:
    """Whether digits that count are lost: of an integer, of a number above 2^53, or of a decimal of Parquet."""
    exact, kept = Decimal(digits), Decimal(repr(float(digits)))
    long = is_decimal and len(exact.normalize().as_tuple()[1]) > 17
    return exact != kept and (exact == int(exact) or abs(exact) > 2**53 or long)


@pytest.mark.parametrize(
    "write", [as_csv, as_exact_csv, as_json, as_array, as_texts, as_decimals, as_workbook], ids=lambda one: one.__name__
)
def test_a_number_is_kept_or_its_rounding_is_counted(write: Writer, tmp_path: Path) -> None:
    rules = contract({"v": {"type": "number"}, "y": {"type": "text"}})
    for seed in range(3):
        cells = list(numbers(random.Random(seed)))
        outcome, accepted, refused = run(write(cells), tmp_path, rules)
        assert not refused
        found = [row["v"] for row in accepted[:ROWS]]
        assert found == [float(cell) for cell in cells]
        assert outcome.notes.told()["rounded"] == {"v": sum(is_changed(cell, write is as_decimals) for cell in cells)}


@pytest.mark.parametrize("write", [as_csv, as_json, as_decimals, as_workbook], ids=lambda one: one.__name__)
def test_a_file_without_such_numbers_counts_none(write: Writer, tmp_path: Path) -> None:
    rng = random.Random(4)
    cells = [
        rng.choice([repr(rng.random()), f"{rng.uniform(-9e9, 9e9):.4f}", "0.000012345678901234567"])
        for _ in range(ROWS)
    ]
    outcome, _, _ = run(write(cells), tmp_path, contract({"v": {"type": "number"}, "y": {"type": "text"}}))
    assert "rounded" not in outcome.notes.told()


@pytest.mark.parametrize("kind", ["text", "category"])
def test_a_number_keeps_all_its_digits_as_a_text(kind: str, tmp_path: Path) -> None:
    digits = "12345678901234567890.123456789"
    for write in (as_csv, as_json, as_array, as_decimals, as_workbook):
        _, accepted, _ = run(write([digits]), tmp_path, contract({"v": {"type": kind}, "y": {"type": "text"}}))
        assert accepted[0]["v"] == digits, write.__name__


@pytest.mark.parametrize("unit", [pa.int64(), pa.uint64()])
@pytest.mark.parametrize("flatten", [False, True])
def test_integers_that_no_double_holds_are_counted(unit: pa.DataType, flatten: bool, tmp_path: Path) -> None:
    values = pa.array([2**53 - 1, 2**53, 2**53 + 1, None, 2**60 + 1, 3], unit)
    rules = contract({"v": {"type": "number"}, "y": {"type": "integer"}})
    data = rules.data.model_copy(update={"file": FileLayout(flatten=flatten)})
    rules = rules.model_copy(update={"data": data})
    outcome, accepted, _ = run(as_parquet(values), tmp_path, rules)
    assert outcome.notes.told()["rounded"] == {"v": 2}
    assert [row["v"] for row in accepted] == [2.0**53 - 1, 2.0**53, 2.0**53, None, 2.0**60, 3.0]


def test_numbers_in_the_format_of_the_contract_are_counted(tmp_path: Path) -> None:
    column = {"type": "number", "decimal": ",", "thousands": ".", "currency": ["€"]}
    rules = contract({"v": column, "y": {"type": "text"}})
    outcome, accepted, _ = run(as_csv(["9.007.199.254.740.993,00 €", "1.234,5", "x"]), tmp_path, rules)
    assert [row["v"] for row in accepted] == [2.0**53, 1234.5]
    assert outcome.notes.told()["rounded"] == {"v": 1}


def test_a_float_of_16_bits_is_its_shortest_decimal(tmp_path: Path) -> None:
    values = np.arange(2**16, dtype=np.uint16).view(np.float16)
    rules = contract({"v": {"type": "number"}, "y": {"type": "integer"}})
    outcome, accepted, refused = run(as_parquet(pa.array(values)), tmp_path, rules)
    finite = [float(str(value)) for value in values if np.isfinite(value)]
    assert [row["v"] for row in accepted if row["v"] is not None] == finite
    assert 0.1 in finite
    assert (outcome.notes.nan, len(refused)) == ({"v": 2046}, 2)


@pytest.mark.parametrize("kind", ["timestamp", "text"])
@pytest.mark.parametrize("form", ["csv", "json", "nanoseconds", "96 bits"])
def test_a_time_is_kept_or_its_cut_is_counted(kind: str, form: str, tmp_path: Path) -> None:
    rng = random.Random(form)
    ticks = [rng.randint(-(2**62), 2**62) // 10 ** (step := rng.randint(0, 6)) * 10**step for _ in range(ROWS)]
    at = [datetime(1970, 1, 1) + timedelta(microseconds=tick // 1000) for tick in ticks]
    values = pa.array(ticks, pa.timestamp("ns"))
    texts = [
        f"{time.isoformat(timespec='microseconds')}{tick % 1000:03}Z" for time, tick in zip(at, ticks, strict=True)
    ]
    body = {
        "csv": lambda: as_csv(texts),
        "json": lambda: as_texts(texts),
        "nanoseconds": lambda: as_parquet(values),
        "96 bits": lambda: as_parquet(values, use_deprecated_int96_timestamps=True),
    }[form]()
    outcome, accepted, _ = run(body, tmp_path, contract({"v": {"type": kind}, "y": {"type": "integer"}}))
    if kind == "timestamp":
        assert [row["v"] for row in accepted] == at
    if kind == "timestamp" or form in ("nanoseconds", "96 bits"):
        assert outcome.notes.told()["cut_times"] == {"v": sum(tick % 1000 != 0 for tick in ticks)}
    else:
        assert [row["v"] for row in accepted] == texts


def test_times_of_96_bits_beyond_nanoseconds_are_cut_and_counted(tmp_path: Path) -> None:
    times = pa.array([946_598_400 * 10**9 + 1_001, None, 946_598_400 * 10**9 + 2_000], pa.timestamp("ns"))
    old = {"use_deprecated_int96_timestamps": True, "compression": "none", "use_dictionary": False}
    body = as_parquet(times, **old)
    julian = (2451544).to_bytes(4, "little")
    assert body.count(julian) == 2
    for day, date in ((5373484, datetime(9999, 12, 31)), (2268924, datetime(1500, 1, 1))):
        changed = body.replace(julian, day.to_bytes(4, "little"))
        outcome, accepted, _ = run(changed, tmp_path, contract({"v": {"type": "timestamp"}, "y": {"type": "integer"}}))
        assert [row["v"] for row in accepted] == [date.replace(microsecond=1), None, date.replace(microsecond=2)]
        assert outcome.notes.told()["cut_times"] == {"v": 1}


def test_half_a_character_of_json_quarantines_its_row(tmp_path: Path) -> None:
    rules = contract({"v": {"type": "text"}, "y": {"type": "text"}})
    body = (
        rb'{"v": "a\ud800", "y": "1"}'
        + b"\n"
        + rb'{"v": "\ud83d\ude00", "y": "2"}'
        + b"\n"
        + rb'{"v": "x", "y": "3", "\udfff": 1}'
    )
    outcome, accepted, refused = run(body, tmp_path, rules)
    assert [row["v"] for row in accepted] == ["\U0001f600"]
    assert [(row["row"], row["reasons"][0]["column"]) for row in refused] == [(1, "v"), (3, None)]
    assert "half of a character" in refused[0]["reasons"][0]["message"]
    assert outcome.notes.columns == ["v", "y"]


def test_labels_and_files_to_score_count_them_too(tmp_path: Path) -> None:
    rules = contract({"v": {"type": "number"}, "w": {"type": "number"}, "y": {"type": "category"}}, key=["v"])
    source = tmp_path / "arrival"
    source.write_text("v,w,y\n9007199254740993,1,a\n2,9007199254740993,b\n")
    assert read_label_file(source, rules, tmp_path).notes.told()["rounded"] == {"v": 1}
    assert read_scoring_file(source, rules, tmp_path).notes.told()["rounded"] == {"w": 1}


@pytest.mark.parametrize("digits", ["1e-400", "-0.0", "1e308", "0.1", "5e-324", "1e23", "0e99999999999999999999"])
def test_a_double_is_written_as_before(digits: str) -> None:
    assert Decimal(exact_text(digits)) == Decimal(repr(float(digits)))
