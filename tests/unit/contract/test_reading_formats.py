"""Reading formats of a contract: per column or for the file, checked when the contract is read."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sluice.contract import Contract
from sluice.contract.loading import load_contract
from sluice.errors import ContractError
from sluice.model.schema import Schema
from sluice.model.values import PLAIN, Reading


def contract(columns: dict[str, Any], form: dict[str, Any] | None = None) -> Contract:
    text = yaml.safe_dump(
        {
            "project": "shop",
            "problem": {"type": "binary", "target": "y", "positive": True},
            "data": {"columns": {**columns, "y": {"type": "boolean"}}, "format": form or {}},
        }
    )
    return load_contract(text)


def test_a_column_has_what_it_says_and_else_what_the_file_has() -> None:
    form = {"missing": ["NA", -999], "decimal": ",", "thousands": ".", "dates": "%d.%m.%Y"}
    found = contract(
        {"n": {"type": "number"}, "m": {"type": "number", "decimal": ".", "thousands": "", "missing": []},
         "t": {"type": "timestamp"}, "c": {"type": "category", "missing": "?"}},
        form,
    )  # fmt: skip
    assert found.reading("n") == Reading(missing=("NA", "-999"), decimal=",", thousands=".")
    assert found.reading("m") == PLAIN
    assert found.reading("t") == Reading(missing=("NA", "-999"), dates=("%d.%m.%Y",))
    assert found.reading("c") == Reading(missing=("?",))
    assert found.reading("y") == Reading(missing=("NA", "-999"))
    schema = Schema.from_contract(found.model_dump(mode="json"))
    assert {name: schema.reading(name) for name in "nmtc"} == {name: found.reading(name) for name in "nmtc"}
    assert Schema.from_json(schema.to_json()) == schema


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ({"type": "category", "decimal": ","}, "`decimal` has no meaning for a column of type category"),
        ({"type": "integer", "percent": True}, "`percent` has no meaning"),
        ({"type": "number", "decimal": ",", "thousands": ","}, "are both ','"),
        ({"type": "number", "thousands": "."}, r"are both '\.'"),
        ({"type": "number", "decimal": ";"}, "decimal"),
        ({"type": "number", "currency": ["5"]}, "not a currency sign"),
        ({"type": "timestamp", "dates": ["%d.%m."]}, "does not say year, month and day"),
        ({"type": "timestamp", "dates": ["%Q"]}, "not a strptime pattern"),
        ({"type": "number", "misssing": ["NA"]}, "did you mean|nearest|missing"),
    ],
)
def test_what_means_nothing_is_refused(column: dict[str, Any], told: str) -> None:
    with pytest.raises(ContractError, match=told):
        contract({"n": column})


def test_a_model_of_before_has_no_readings() -> None:
    assert Schema.from_json({"types": {"n": "number"}, "features": ["n"]}).reading("n") == PLAIN


def test_the_text_that_the_product_writes_is_read_without_formats_but_with_markers() -> None:
    schema = Schema({"n": "number"}, ("n",), {"n": Reading(missing=("NA",), decimal=",", thousands=".")})
    assert schema.typed_text(["n"], [["1.234,5"], ["NA"]]) == [{"n": 1234.5}, {"n": None}]
    assert schema.of_clean_text.typed_text(["n"], [["1234.5"], ["NA"]]) == [{"n": 1234.5}, {"n": None}]
