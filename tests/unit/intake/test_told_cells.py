"""What a file has beside its values: offsets that only some times have, cells without a column's name, look-alikes."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from sluice.datasets.file_facts import reading_told
from sluice.errors import HeaderMismatchError
from sluice.intake.blocks import Blocks
from sluice.intake.csv_rows import read_csv
from sluice.intake.number_formats import cell_format
from sluice.model.errors import InputError
from sluice.model.request_fields import RequestFields
from sluice.model.schema import Schema
from tests.unit.intake.test_dialects import read, rules
from tests.unit.intake.test_validation import run

TIME = {"at": {"type": "timestamp"}, "n": {"type": "integer"}}
ZONED, PLAIN = "2026-01-31T12:00:00+02:00", "2026-01-31 12:00:00"


def told(body: str, folder: Path, columns: dict[str, Any]) -> dict[str, Any]:
    _, notes, _ = read(body.encode(), folder, rules(columns))
    return notes.told()


@pytest.mark.parametrize(
    ("times", "without"),
    [
        ([ZONED, PLAIN, "2026-01-31", ""], 2),
        (["2026-01-31T12+02", "2026-01-31T1230Z", "2026-01-31 12", "2026-W05-6"], 2),
        ([PLAIN] * 3, None),
        ([ZONED, "2026-01-31T12:00:00Z"], None),
        ([ZONED, "2026-02-30T12:00:00"], None),
    ],
)
def test_times_without_an_offset_beside_others_with_one_are_counted(
    times: list[str], without: int | None, tmp_path: Path
) -> None:
    """In CSV and in JSON alike; a column that is all one way says nothing."""
    table = "at,n\n" + "".join(f"{time},{place}\n" for place, time in enumerate(times))
    lines = "".join(json.dumps({"at": time, "n": place}) + "\n" for place, time in enumerate(times))
    expected = None if without is None else {"at": without}
    for body in (table, lines):
        assert told(body, tmp_path, TIME).get("without_offset") == expected


def test_blocks_that_are_each_one_way_make_a_column_that_is_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arrow reads each of them as times at once."""
    monkeypatch.setattr(Blocks, "block_size", 1000)
    body = "at,n\n" + "".join(f"{ZONED if n < 500 else PLAIN},{n}\n" for n in range(700))
    found = told(body, tmp_path, TIME)
    assert found["without_offset"] == {"at": 200}
    assert "Times without an offset, in a column where others have one, were read as UTC: 200 in 'at'" in reading_told(
        found
    )


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("header", ["id,,n,", ",id,n,"])
def test_cells_in_columns_without_a_name_are_counted(
    header: str, exact: bool, tmp_path: Path, monkeypatch: Any
) -> None:
    at = header.split(",").index("")
    rows = [["1", "2", "3", ""], ["1", "", "3", " "], ["1", "2", "3", "x"]]
    if at == 0:
        rows = [[row[1], row[0], *row[2:]] for row in rows]
    body = header + "\n" + "".join(",".join(row) + "\n" for row in rows)
    monkeypatch.setattr("sluice.intake.source.read_csv", lambda *given, **named: read_csv(*given, **named, exact=exact))
    found = told(body, tmp_path, {"id": {"type": "integer"}, "n": {"type": "integer"}})
    assert found["unnamed_columns"] == {f"field {at + 1}": 2, "field 4": 1}
    assert "Cells in columns without a name, which were left out" in reading_told(found)


COMPOSED, DECOMPOSED = unicodedata.normalize("NFC", "caf\u00e9"), unicodedata.normalize("NFD", "caf\u00e9")


@pytest.mark.parametrize("other", [DECOMPOSED, "caf\u00e9\u200b"])
def test_a_name_that_looks_the_same_is_said_to_be_another_text(other: str, tmp_path: Path) -> None:
    with pytest.raises(HeaderMismatchError, match="in another Unicode form"):
        told(f"{other},n\n1,2\n", tmp_path, {COMPOSED: {"type": "integer"}, "n": {"type": "integer"}})
    columns = {"c": {"type": "category", "values": [COMPOSED, "tea"]}, "n": {"type": "integer"}}
    _, _, refused = run(f"c,n\n{other},1\ntea,2\n".encode(), tmp_path, rules(columns))
    assert [(row["row"], reason["rule"]) for row in refused for reason in row["reasons"]] == [(2, "values")]
    assert "in another Unicode form" in refused[0]["reasons"][0]["message"]
    schema = Schema({COMPOSED: "integer", "n": "integer"}, (COMPOSED, "n"))
    with pytest.raises(InputError, match="in another Unicode form"):
        RequestFields(schema).unknown({other: 1})


@pytest.mark.parametrize(
    ("code", "zeros"),
    [("000", 3), ('"Kd-"000', 0), ("\\K000", 0), ("000\\-00", 5), ("[Red]000", 3), ('000" "', 3), ('000;"x"000', 3)],
)
def test_zeros_of_a_format_with_words_are_not_read(code: str, zeros: int) -> None:
    assert cell_format(code).zeros == zeros
