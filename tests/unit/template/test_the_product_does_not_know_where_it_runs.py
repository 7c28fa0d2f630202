from __future__ import annotations

import re
from pathlib import Path

import pytest
from template_files import ROOT

PLACES = ("functions", "layers", "jobs", "statemachines", "template.yaml")
FORBIDDEN = re.compile(r"localhost|127.0.0.1|is_local")


def sources(place: str) -> list[Path]:
    path = ROOT / place
    return [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file() and each.suffix != ".pyc"]


@pytest.mark.parametrize("place", PLACES)
def test_no_product_file_names_this_machine(place: str) -> None:
    files = sources(place)
    assert files
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if FORBIDDEN.search(line)
    ]
    assert not found
