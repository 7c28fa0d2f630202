"""One meaning for every value: what intake makes of a cell is what training, serving, captures and labels see.

The words of `sluice.model.values` are the truth. Each test writes the same cells in every form in which they may come
(CSV, JSON lines and Parquet into raw/; CSV, JSON and JSON lines to the endpoint), and asks each reader for its value.
10,400 texts and 5,200 numbers of JSON and Parquet are drawn, besides a table of nasty ones.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.contract import Contract
from sluice.intake.validation import validate_file
from sluice.model import schema as model_schema
from sluice.model import values
from sluice.model.columns import ColumnReader
from sluice.model.encoder import Encoder
from sluice.model.errors import InputError
from sluice.model.schema import Schema
from sluice.profile import drift
from sluice.profile.binned import BinnedCategory
from sluice.records.baseline import CategoryColumn
from sluice.watch.captures import rows_of

KINDS = list(values.WHAT)
ARRIVED = datetime(2026, 11, 22, 12, tzinfo=UTC)
REFUSED = "refused"
NASTY = (
    "",
    *(
        " ",
        "\t",
        "\xa0",
        "\u3000",
        "\u200b",
        "0",
        "-0",
        "-0.0",
        "+0",
        "1",
        "1.0",
        "1.00",
        "01",
        "+1",
        "1.",
        ".5",
        "-.5",
    ),
    *(
        "1e3",
        "1E+3",
        "1e400",
        "-1e400",
        "1e-400",
        "1e99999",
        "1e999999",
        "1e-999999",
        "0e999999",
        "0x10",
        "1_000",
        "1,5",
        "1.5",
        "12.0",
        "12.50",
    ),
    *(
        "9007199254740993",
        "999999999999999999",
        "1000000000000000000",
        "12345678901234567.0",
        "3.0",
        "3",
        " 3.0 ",
        "007",
    ),
    *(
        "true",
        "TRUE",
        "True",
        " true",
        "t",
        "T",
        "yes",
        "Y",
        "false",
        "F",
        "no",
        "n",
        "ja",
        "on",
        "2",
        "-1",
        "nan",
        "NaN",
    ),
    *(
        "NA",
        "N/A",
        "null",
        "None",
        "?",
        "-",
        "inf",
        "Infinity",
        "-inf",
        "1١",
        "½",
        "²",
        "１",
        "ads",
        " ads",
        "ads ",
        "ADS",
    ),
    *("2026-01-31", "2026-1-31", "2026-02-30", "20260131", "31.01.2026", "2026-01-31T12:30", "2026-01-31 12:30:00Z"),
    *("2026-01-31T12:30:00.123456789", "2026-01-31T12:30:00+05:30", "2026-01-31T24:00:00", "2026-01-31T23:59:60"),
    *(
        "0000-01-01",
        "0001-01-01T00:00:00+12:00",
        "9999-12-31T23:59:59.999999",
        "9999-12-31T23:59:59-12:00",
        "10000-01-01",
    ),
    *(
        "2026-W05",
        "2026-W05-6",
        "2026-031",
        "2026-01",
        "1767225600",
        "-2026-01-01",
        "2026-01-31T12",
        "2026-01-31t12:30:00z",
    ),
    *("12 %", "12%", "€5", "5 €", "1.234,5", "1.234.567", "1,234.5", "1 234", "-999", "-999,0", "-999.0", "(5)", "5-"),
)
FORM: dict[str, dict[str, Any]] = {
    "integer": {"missing": ["NA", "?", "-999"], "thousands": ".", "decimal": ","},
    "number": {"missing": ["NA", "?", "-999"], "thousands": ".", "decimal": ",", "currency": ["€", "EUR"]},
    "boolean": {"missing": ["NA", "?", "-"]},
    "timestamp": {"missing": ["NA", "31.01.2026"], "dates": ["%d.%m.%Y", "%Y-%m-%d %H:%M"]},
    "category": {"missing": ["NA", "?", "3"]},
    "text": {"missing": ["NA", "?"]},
}
PERCENT = {"percent": True, "missing": ["NA"]}
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8)
CELLS = (
    st.sampled_from(NASTY)
    | st.sampled_from(NASTY).map(lambda text: f" {text}\t")
    | st.from_regex(r"[+-]?[0-9]{0,19}[.,]?[0-9]{0,4}([eE][+-]?[0-9]{1,3})?[ %€]{0,2}", fullmatch=True)
    | st.from_regex(r"[0-9]{1,3}([., ][0-9]{3}){0,3}([.,][0-9]{1,2})?", fullmatch=True)
    | st.datetimes().map(str)
    | st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat())
    | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}(:[0-9]{2}){0,2}(\.[0-9]{9})?)?Z?", fullmatch=True)
    | st.sampled_from([*values.TRUE, *values.FALSE]).flatmap(lambda w: st.sampled_from([w, w.upper(), f"{w} "]))
    | TEXTS
)
NUMBERS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.floats()
    | st.floats(allow_nan=False).map(lambda value: round(value) if abs(value) < 1e18 else value)
    | st.sampled_from(
        [-999, -999.0, 3.0, 1e18, 999999999999999999, 2.0**53, 1e17, 1e23, 10**400, 4.0000000002e10, 1e-7]
    )
)
MARKERS = [("timestamp", {"missing": ["2026-01-31"]}), ("boolean", {"missing": ["1", "false"]})]
FORMS = [(kind, form) for kind in KINDS for form in (None, FORM[kind])] + [("number", PERCENT), *MARKERS]
PER_EXAMPLE, EXAMPLES = 40, 20


def rules(kind: str, form: dict[str, Any] | None) -> Contract:
    columns = {"i": {"type": "text"}, "v": {"type": kind, **(form or {})}, "y": {"type": "boolean"}}
    expectations = {"max_invalid_rows": 1.0}
    return Contract.model_validate(
        {
            "project": "shop",
            "problem": {"type": "binary", "target": "y", "positive": True},
            "data": {"key": ["i"], "columns": columns, "expectations": expectations},
        }
    )


def truth(cells: list[Any], kind: str, reading: values.Reading) -> list[Any]:
    found = []
    for cell in cells:
        try:
            found.append(values.parse_json(cell, kind, reading))
        except ValueError:
            found.append(REFUSED)
    return found


def of_model(found: list[Any]) -> list[Any]:
    return [value if value is REFUSED else model_schema._model_value(value) for value in found]


def typed(cell: Any) -> Any:
    """With its type, and NaN equal to nothing else: 1, 1.0 and true are three values."""
    return type(cell).__name__, cell


def taken_in(body: bytes, contract: Contract, count: int) -> list[Any]:
    """What raw/ makes of a file whose column `i` numbers the rows."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "arrival").write_bytes(body)
        outcome = validate_file(Path(folder) / "arrival", contract, ARRIVED, Path(folder))
        rows = pq.read_table(outcome.accepted_path).to_pylist()
    assert outcome.rows + outcome.quarantined == count
    found: list[Any] = [REFUSED] * count
    for row in rows:
        value = row["v"]
        found[int(row["i"])] = value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
    return found


def as_csv(rows: list[list[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return out.getvalue()


def one_by_one(read: Any, cells: list[Any]) -> list[Any]:
    found = []
    for cell in cells:
        try:
            found.append(read(cell))
        except InputError:
            found.append(REFUSED)
    return found


def trained(accepted: list[Any], schema: Schema) -> list[Any]:
    """What training reads of the CSV that the Glue job writes: typed values in their standard text, null as nothing."""

    def cell(value: Any) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        return value.replace(tzinfo=None).isoformat() if isinstance(value, datetime) else str(value)

    kept = [value for value in accepted if value is not REFUSED]
    rows = iter(schema.of_clean_text.typed_text(["v"], [[cell(value)] for value in kept]))
    return [REFUSED if value is REFUSED else next(rows)["v"] for value in accepted]


def served(cell: Any, encoder: Encoder) -> Any:
    """The matrix of the careful path, or REFUSED."""
    try:
        return encoder.encode([encoder.schema.typed_json({"v": cell})])[0]
    except InputError:
        return REFUSED


def check_fast_path(cells: list[Any], encoder: Encoder) -> None:
    reader = ColumnReader(encoder)
    for cell in cells:
        matrix = reader.matrix([{"v": cell}] * 8)
        if matrix is not None:
            expected = served(cell, encoder)
            assert expected is not REFUSED, "what the careful path refuses is not to be answered here"
            assert np.array_equal(matrix[0], expected, equal_nan=True)


def check_monitoring(cells: list[Any], kind: str, contract: Contract, expected: list[Any]) -> None:
    """Captured rows have the typed values, and under the same name the window and drift find a category."""
    text = json.dumps({"instances": [{"v": cell} for cell in cells]})
    captured = [row["v"] for row in rows_of(text, "application/json", contract)]
    for cell, seen, value in zip(cells, captured, expected, strict=True):
        if value is REFUSED or isinstance(value, datetime):
            assert typed(seen) == typed(cell) or cell != cell
        else:
            assert typed(seen) == typed(value)
    if kind in ("category", "boolean"):
        for seen, value in zip(captured, expected, strict=True):
            if value is None or value is REFUSED:
                continue
            name = values.category_text(value)
            shares = {"true": 0.5, "false": 0.5} if kind == "boolean" else {name: 1.0}
            column = CategoryColumn(type="category", shares=shares, missing=0.0)
            counted = BinnedCategory(column, kind, contract.reading("v"))
            counted.add([seen])
            assert (counted.unseen, counted.missing) == (0, 0)
            assert drift._category_name(seen, kind == "boolean") == name


def encoder_of(schema: Schema, found: list[Any]) -> Encoder:
    rows = [{"v": value} for value in of_model(found) if value is not REFUSED]
    return Encoder.fit(schema, {}, rows * 5)


def check_texts(cells: list[str], kind: str, form: dict[str, Any] | None) -> None:
    contract = rules(kind, form)
    expected = truth(cells, kind, contract.reading("v"))
    numbered = [{"i": str(i), "v": cell, "y": True} for i, cell in enumerate(cells)]
    table = as_csv([["i", "v", "y"], *([str(i), cell, "true"] for i, cell in enumerate(cells))])
    lines = "\n".join(map(json.dumps, numbered))
    parquet = io.BytesIO()
    columns = {"i": [row["i"] for row in numbered], "v": pa.array(cells, pa.string()), "y": [True] * len(cells)}
    pq.write_table(pa.table(columns), parquet)
    for form_of_file, body in (("csv", table.encode()), ("jsonl", lines.encode()), ("parquet", parquet.getvalue())):
        accepted = taken_in(body, contract, len(cells))
        assert list(map(typed, accepted)) == list(map(typed, expected)), form_of_file
    schema = Schema.from_contract(contract.model_dump(mode="json"))
    wanted = of_model(expected)
    assert trained(expected, schema) == wanted
    assert one_by_one(lambda cell: schema.typed_json({"v": cell})["v"], cells) == wanted
    assert one_by_one(lambda cell: schema.typed_text(["v"], [[cell]])[0]["v"], cells) == wanted
    encoder = encoder_of(schema, expected)
    check_fast_path(cells, encoder)
    check_monitoring(cells, kind, contract, expected)
    labels = [values.parse_label(cell, kind, contract.reading("v")) for cell in cells]
    assert list(map(typed, labels)) == [typed(None if value is REFUSED else value) for value in expected]


def check_natives(cells: list[Any], kind: str, form: dict[str, Any] | None) -> None:
    contract = rules(kind, form)
    expected = truth(cells, kind, contract.reading("v"))
    lines = "\n".join(json.dumps({"i": str(i), "v": cell, "y": True}) for i, cell in enumerate(cells))
    assert list(map(typed, taken_in(lines.encode(), contract, len(cells)))) == list(map(typed, expected))
    schema = Schema.from_contract(contract.model_dump(mode="json"))
    wanted = of_model(expected)
    assert one_by_one(lambda cell: schema.typed_json({"v": cell})["v"], cells) == wanted
    check_fast_path(cells, encoder_of(schema, expected))
    check_monitoring(cells, kind, contract, expected)
    floats = [cell for cell in cells if isinstance(cell, float)]
    if floats:
        parquet = io.BytesIO()
        numbered = {"i": [str(i) for i in range(len(floats))], "v": pa.array(floats), "y": [True] * len(floats)}
        pq.write_table(pa.table(numbered), parquet)
        found = taken_in(parquet.getvalue(), contract, len(floats))
        assert list(map(typed, found)) == list(map(typed, truth(floats, kind, contract.reading("v"))))


@pytest.mark.parametrize(("kind", "form"), FORMS)
def test_nasty_texts_mean_the_same_to_every_reader(kind: str, form: dict[str, Any] | None) -> None:
    check_texts(list(NASTY), kind, form)


@pytest.mark.parametrize(("kind", "form"), FORMS)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(cells=st.lists(CELLS, min_size=PER_EXAMPLE, max_size=PER_EXAMPLE))
def test_a_text_means_the_same_to_every_reader(kind: str, form: dict[str, Any] | None, cells: list[str]) -> None:
    check_texts(cells, kind, form)


@pytest.mark.parametrize(("kind", "form"), FORMS)
@settings(max_examples=EXAMPLES // 2, deadline=None, suppress_health_check=list(HealthCheck))
@given(cells=st.lists(NUMBERS, min_size=PER_EXAMPLE, max_size=PER_EXAMPLE))
def test_a_number_means_the_same_to_every_reader(kind: str, form: dict[str, Any] | None, cells: list[Any]) -> None:
    check_natives(cells, kind, form)


@pytest.mark.parametrize(
    "form",
    [
        {"missing": ["1900-01-01"]},
        {"missing": ["1900-01-01T00:00Z"]},
        {"missing": ["01.01.1900"], "dates": ["%d.%m.%Y"]},
    ],
)
@pytest.mark.parametrize("kind", [pa.timestamp("ns"), pa.timestamp("ms", "UTC"), pa.date32(), pa.timestamp("s")])
def test_a_marker_names_a_time_of_parquet_too(kind: pa.DataType, form: dict[str, Any]) -> None:
    moments = [datetime(1900, 1, 1), None, datetime(1900, 1, 2), datetime(2026, 1, 31)]
    parquet = io.BytesIO()
    pq.write_table(pa.table({"i": ["0", "1", "2", "3"], "v": pa.array(moments, kind), "y": [True] * 4}), parquet)
    found = taken_in(parquet.getvalue(), rules("timestamp", form), 4)
    assert found == [None, None, *(moment.replace(tzinfo=UTC) for moment in moments[2:] if moment)]


def test_so_many_cells_are_drawn() -> None:
    assert len(FORMS) * EXAMPLES * PER_EXAMPLE >= 10_000
