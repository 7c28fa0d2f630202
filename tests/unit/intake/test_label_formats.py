"""A text in a file of labels means what the same text means in the file to learn from, and in a request."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sluice.contract.models import Contract
from sluice.intake.labels import LabelFile, read_label_file
from tests.unit.intake.test_validation import run

COLUMNS = {"id": {"type": "integer"}, "on": {"type": "timestamp"}, "x": {"type": "number"}, "y": {"type": "number"}}
PEOPLES = {"decimal": ",", "thousands": ".", "currency": ["€"], "dates": ["%d.%m.%Y"], "missing": ["-1", "k.A."]}
CONTRACT = Contract.model_validate(
    {
        "project": "shop",
        "problem": {"type": "regression", "target": "y"},
        "data": {"key": ["id", "on"], "columns": COLUMNS, "format": PEOPLES, "expectations": {"max_invalid_rows": 1}},
    }
)


def read(body: str, folder: Path) -> LabelFile:
    arrival = folder / "labels"
    arrival.write_text(body, encoding="utf-8")
    return read_label_file(arrival, CONTRACT, folder)


@pytest.mark.parametrize(
    ("cells", "identity", "label"),
    [
        (("1.000", "03.04.2025", "1.234"), ("1000", "2025-04-03T00:00:00Z"), "1234"),
        (("7", "03.04.2025", "1,5 €"), ("7", "2025-04-03T00:00:00Z"), "1.5"),
        (("7", "03.04.2025", "1.5"), None, ""),
        (("7", "2025-04-03", "1"), None, ""),
        (("-1", "03.04.2025", "1"), None, ""),
    ],
)
def test_a_text_means_what_it_means_in_raw(
    cells: tuple[str, ...], identity: tuple[str, ...] | None, label: str, tmp_path: Path
) -> None:
    found = read("id;on;y\n" + ";".join(cells) + "\n", tmp_path)
    assert found.labels == ({} if identity is None else {identity: label})
    assert found.quarantined == (identity is None)
    _, accepted, refused = run(f"id;on;x;y\n{cells[0]};{cells[1]};1;{cells[2]}\n".encode(), tmp_path, CONTRACT)
    assert (len(accepted), len(refused)) == (len(found.labels), found.quarantined)


def test_a_marker_of_the_contract_is_a_label_that_is_not_known_yet(tmp_path: Path) -> None:
    found = read("id;on;y\n7;03.04.2025;k.A.\n8;03.04.2025;-1\n", tmp_path)
    assert (found.without_label, found.labels) == (2, {})


def test_a_number_in_json_is_in_no_format(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1000, "on": "03.04.2025", "y": 1.234},
        {"id": "1.001", "on": "03.04.2025", "y": "1.234"},
    ]
    found = read("\n".join(map(json.dumps, rows)), tmp_path)
    assert [(identity[0], label) for identity, label in found.labels.items()] == [("1000", "1.234"), ("1001", "1234")]
