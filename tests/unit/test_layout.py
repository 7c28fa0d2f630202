"""The folders of the tests: one run of pytest can collect all of them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_test_files_outside_packages_have_names_of_their_own() -> None:
    # pytest imports such files by their name alone, and stops at the second one: `make test-long` did
    found: dict[str, list[str]] = defaultdict(list)
    for folder in ("tests", "localcloud/tests"):
        for path in sorted((ROOT / folder).rglob("test_*.py")):
            if not (path.parent / "__init__.py").exists():
                found[path.name].append(str(path.relative_to(ROOT)))
    assert len(found) > 100
    assert {name: paths for name, paths in found.items() if len(paths) > 1} == {}
