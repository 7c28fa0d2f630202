"""What the pages have in common: a heading, a notice that the page is generated, tables in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "reference"
NOTICE = "<!-- written by `make reference` from the code; change the code, not this page -->"


def page(title: str, introduction: str, body: str) -> str:
    return f"# {title}\n\n{NOTICE}\n\n{introduction}\n\n{body.strip()}\n"


def section(title: str, *parts: str) -> str:
    return "\n\n".join((f"## {title}", *parts)) + "\n\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(each) for each in line)} |".replace("|---|", "|---|") for line in lines)


def _cell(text: str) -> str:
    """On one line, with the bars that would end the cell escaped."""
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))


def code(text: str) -> str:
    return f"`{text}`"


def codes(texts: Iterable[str]) -> str:
    return ", ".join(code(each) for each in texts)
