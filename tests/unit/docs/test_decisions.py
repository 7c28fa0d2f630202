"""Every decision has a dated record with a status, and the index lists each record once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[3] / "docs"
RECORDS = sorted((DOCS / "decisions").glob("*.md"))
ROW = re.compile(r"^\| (\d{4}-\d\d-\d\d) \| \[(.+)\]\(decisions/([^)]+)\) \| (.+) \|$", re.MULTILINE)


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_title_status_date_and_its_three_parts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.match(r"# .+\n\n- Status: (proposed|accepted|superseded by \[.+\]\(.+\.md\))\n- Date: ", text)
    assert f"- Date: {path.name[:10]}\n" in text
    parts = re.findall(r"^## (.+)\n\n\S", text, re.MULTILINE)
    assert parts == ["Decision", "Why", "Measured effect"]
    for link in re.findall(r"\]\(([^)#:]+\.\w+)\)", text):
        assert (path.parent / link).exists(), link


def test_the_index_has_each_record_once_with_its_title_and_status() -> None:
    rows = ROW.findall((DOCS / "decisions.md").read_text(encoding="utf-8"))
    assert sorted(name for _, _, name, _ in rows) == [path.name for path in RECORDS]
    for date, title, name, status in rows:
        text = (DOCS / "decisions" / name).read_text(encoding="utf-8")
        assert (name[:10], text.splitlines()[0]) == (date, f"# {title}")
        assert f"- Status: {status.split('](')[0]}" in text
