"""A key of the contract that a message or a page names exists: readers paste it into project.yaml."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import get_origin

import pytest

from scripts.write_contract_reference import parts
from sluice.contract import Contract

ROOT = Path(__file__).resolve().parents[3]
PRODUCT = ("cli/", "console/", "functions/", "jobs/", "layers/")
PLACEHOLDER = "<any>"
OTHERS = {"data.csv", "data.in", "training.leakage", "training.py", "alerts.publish"}
"""Names of files and of records, which are no keys though they look like some."""


def keys() -> set[tuple[str, ...]]:
    """Every path of the contract; a name that people choose is PLACEHOLDER."""
    found = set()
    for path, model in parts(Contract):
        for name, field in model.model_fields.items():
            key = f"{path}.{name}".lstrip(".").replace("[]", "").replace("<name>", PLACEHOLDER)
            found.add(tuple(key.split(".")))
            if "dict" in str(field.annotation) or get_origin(field.annotation) is dict:
                found.add((*key.split("."), PLACEHOLDER))
    return found


KEYS = keys()
SECTIONS = "|".join(sorted({key[0] for key in KEYS if len(key) > 1}))
NAMED = rf"(?:{SECTIONS})(?:\.(?:[a-z_]+|<[a-z]+>))+"


def exists(named: str) -> bool:
    segments = named.split(".")
    return any(
        len(key) >= len(segments)
        and all(own in (PLACEHOLDER, each) or each.startswith("<") for own, each in zip(key, segments))
        for key in KEYS
    )


def texts() -> Iterator[tuple[str, str, str]]:
    """(where, text, pattern) of the product's strings and of the pages, in which a key stands in backticks."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in listed:
        path = ROOT / name
        if name.endswith(".md") and not name.startswith("docs/decisions") and "CHANGELOG" not in name:
            yield name, path.read_text(encoding="utf-8"), rf"(?<=`){NAMED}(?=[`:])"
        if name.endswith(".py") and name.startswith(PRODUCT):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    whole = "".join(
                        str(each.value) if isinstance(each, ast.Constant) else "<x>" for each in node.values
                    )
                    yield f"{name}:{node.lineno}", whole, rf"(?<![\w./`$-]){NAMED}"
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield f"{name}:{node.lineno}", node.value, rf"(?<![\w./`$-]){NAMED}"


def test_every_key_that_is_named_exists() -> None:
    named = [(where, found[0]) for where, text, pattern in texts() for found in re.finditer(pattern, text)]
    assert len(named) > 300
    assert [each for each in named if each[1] not in OTHERS and not exists(each[1])] == []


@pytest.mark.parametrize(
    ("named", "known"),
    [
        ("data.columns.<column>.min", True),
        ("data.columns.price.dates", True),
        ("features.bins.price", True),
        ("data.columns.<column>.max_nulls", False),
        ("monitor.labels_inside", False),
    ],
)
def test_a_key_is_known_by_its_whole_path(named: str, known: bool) -> None:
    assert exists(named) is known
