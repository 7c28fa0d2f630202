from __future__ import annotations

import re
from pathlib import Path

import pytest
from template_files import ROOT

PLACES = ("functions", "layers", "jobs", "statemachines", "template.yaml")
FORBIDDEN = re.compile(r"localhost|127.0.0.1|is_local")
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


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


def test_there_is_a_lock_file_for_each_environment() -> None:
    assert {lock.stem for lock in LOCKS} == {"dev", "learn", "glue", "sdk"}
    assert all(lock.with_suffix(".in").exists() for lock in LOCKS)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_lock_files_pin_with_hashes_and_name_no_index(lock: Path) -> None:
    content = lock.read_text(encoding="utf-8")
    assert not re.search(r"https?://|^\s*(--(extra-)?index-url|-i|--find-links|-f)\b", content, re.MULTILINE)
    requirements = re.split(r"\n(?=[A-Za-z0-9])", content.strip())
    for requirement in requirements:
        assert re.match(r"[A-Za-z0-9._-]+(\[[\w,-]+\])?==\S+", requirement), requirement.splitlines()[0]
        assert "--hash=sha256:" in requirement, requirement.splitlines()[0]


def test_the_sources_that_are_compiled_name_no_index() -> None:
    for path in (ROOT / "requirements").glob("*.in"):
        assert "://" not in path.read_text(encoding="utf-8")
