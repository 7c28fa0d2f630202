"""The files, names and targets that docs/extending.md and the how-to guides send a developer to exist."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = ["docs/extending.md", *sorted(f"docs/how-to/{path.name}" for path in ROOT.glob("docs/how-to/own-*.md"))]
ABSENT = "_".join(("no", "such", "table"))
"""Joined here, so that this file does not contain the name."""
CHOSEN = "<"
"""In a name that the developer chooses, such as `<name>.py`."""


@cache
def tracked() -> frozenset[str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    folders = {str(parent) for name in listed for parent in Path(name).parents}
    return frozenset(listed) | folders


@cache
def code() -> str:
    kinds = (".py", ".yaml", ".toml", ".js", "Makefile")
    return "\n".join((ROOT / name).read_text(encoding="utf-8") for name in sorted(tracked()) if name.endswith(kinds))


def is_tracked(name: str) -> bool:
    """Whether a file or folder has this path, or ends with it."""
    return any(each == name or each.endswith(f"/{name}") for each in tracked())


def missing(text: str) -> list[str]:
    prose = re.sub(r"(?ms)^```.*?^```", "", text)
    found = []
    for named in re.findall(r"`([^`\n]+)`", prose):
        if CHOSEN in named:
            continue
        if target := re.fullmatch(r"make ([a-z-]+)(?: .*)?", named):
            good = re.search(rf"(?m)^(?:[\w .-]* )?{target[1]}(?: [\w .-]*)?:", code()) is not None
        elif re.fullmatch(r"[\w./-]+/|[\w./-]+\.(?:py|yaml|md|toml|yml)", named):
            good = is_tracked(named.rstrip("/"))
        elif re.fullmatch(r"[A-Za-z_][\w.]*", named):
            good = all(re.search(rf"\b{part}\b", code()) or is_tracked(part) for part in named.split("."))
        else:
            continue
        if not good:
            found.append(named)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_names_exists(page: str) -> None:
    assert missing((ROOT / page).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "gone", ["`layers/core/sluice/gone.py`", f"`{ABSENT}`", "`make no-such-target`", "`cli/gone/`"]
)
def test_what_does_not_exist_is_found(gone: str) -> None:
    assert missing(gone) == [gone.strip("`")]
    assert missing("`gates/registry.py`, `RULES`, `make check`, `jobs/learn/`, `<name>.py`") == []
