"""The row that a new endpoint is asked about is one that its model reads."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.contract import Contract
from sluice.model.schema import Schema
from sluice.release.probe import example_row

COLUMNS: dict[str, Any] = {
    "at": {"type": "timestamp"},
    "n": {"type": "integer", "min": 2.5},
    "x": {"type": "number", "max": -3},
    "c": {"type": "category", "values": ["a", "b"]},
    "t": {"type": "text"},
    "b": {"type": "boolean"},
    "y": {"type": "number"},
}


@pytest.mark.parametrize("dates", [[], ["%d.%m.%Y"], ["%Y/%m/%d %H:%M", "%Y/%m/%d"]])
@pytest.mark.parametrize("of_column", [True, False])
def test_every_value_is_one_of_its_column(dates: list[str], of_column: bool) -> None:
    at = {"type": "timestamp", **({"dates": dates} if dates and of_column else {})}
    contract: dict[str, Any] = {
        "project": "shop",
        "problem": {"type": "regression", "target": "y"},
        "data": {"columns": {**COLUMNS, "at": at}, **({"format": {"dates": dates}} if dates and not of_column else {})},
    }
    known = Contract.model_validate(contract)
    typed = Schema.from_contract(known.model_dump(mode="json")).typed_json(example_row(known))
    assert all(value is not None for value in typed.values())
    assert typed.keys() == COLUMNS.keys() - {"y"}
