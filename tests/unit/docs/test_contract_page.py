from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from scripts import write_contract_reference
from sluice.contract import Contract, load_contract

PAGE = write_contract_reference.PAGE.read_text(encoding="utf-8")
MODELS = dict(write_contract_reference.parts(Contract))


def test_the_page_is_what_the_models_say() -> None:
    assert write_contract_reference.rewritten(PAGE) == PAGE, "run `make contract-reference`"


@pytest.mark.parametrize("path", MODELS)
def test_every_key_of_every_part_is_explained(path: str) -> None:
    model: type[BaseModel] = MODELS[path]
    section = PAGE.split(f"## {f'`{path}`' if path else 'The whole file'}\n")[1].split("\n## ")[0]
    for name, field in model.model_fields.items():
        assert f"\n| `{name}` |" in section
        assert field.description


def test_the_smallest_contract_that_the_page_names_is_one() -> None:
    smallest = {
        "project": "shop",
        "problem": {"type": "binary", "target": "bought", "positive": True},
        "data": {"columns": {"pages": {"type": "integer"}, "bought": {"type": "boolean"}}},
    }
    assert load_contract(yaml.safe_dump(smallest).encode(), project="shop").gates == []


def test_the_example_is_a_contract() -> None:
    example = Path(write_contract_reference.PAGE).parents[1] / "examples" / "shop" / "project.yaml"
    assert load_contract(example.read_bytes(), project="shop").project == "shop"
