"""What README.md and the other pages name exists: files, make targets, subcommands, links."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from cli.app import COMMANDS

ROOT = Path(__file__).resolve().parents[3]
WRITTEN = sorted(path for path in (ROOT / "docs").rglob("*.md") if path.parent.name != "decisions")
PAGES = [ROOT / "README.md", ROOT / "localcloud" / "README.md", *WRITTEN]
README = PAGES[0].read_text(encoding="utf-8")
EXTENDING = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_files_that_the_table_of_places_names_exist() -> None:
    named = re.findall(
        r"`((?:layers|jobs|functions|statemachines|localcloud|cli|examples|tests|requirements|scripts|docs)/[^`<*]*)`",
        README + EXTENDING,
    )
    assert len(named) >= 15
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_make_targets_that_the_pages_name_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        assert set(re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8"))) <= targets, page.name


def test_subcommands_that_the_pages_name_exist() -> None:
    known, every = {command.NAME for command in COMMANDS}, set()
    for page in PAGES:
        named = set(
            re.findall(r"(?:`|^)sluice ([a-z][a-z-]*)(?=[ `\n])", page.read_text(encoding="utf-8"), re.MULTILINE)
        )
        assert named <= known, page.name
        every |= named
    assert len(every) >= 15


def test_the_readme_fits_two_screens() -> None:
    assert len(README.splitlines()) <= 80


def test_a_clone_stays_clean_when_the_readme_is_followed() -> None:
    made = ["data.csv", "project.yaml", "loans.csv", "loans.yaml", "rows.jsonl", "rows.parquet"]
    asked = [*made, "template.yaml", "examples/shop/project.yaml", "README.md"]
    found = subprocess.run(
        ["git", "check-ignore", "--no-index", *asked], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == made


def test_the_readme_says_what_a_laptop_lacks() -> None:
    for told in ("deletes its data", "without live requests", "`no_traffic`"):
        assert told in README
