"""Each `sluice` command that a page, an alert, an error or a help text shows is one that the parser takes.

A command that lacks a required option, or has a former name, is found here; `test_walk.py` runs those of the pages.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.app import COMMANDS
from testing.command_lines import pasted, refused, words
from tests.docs_run import shown

PRODUCT = ("layers/core/sluice", "cli", "console", "functions", "jobs")


def texts(source: str) -> Iterator[str]:
    """Every text of a module, with VALUE for what is computed."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "VALUE" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def wrong(lines: dict[str, str]) -> list[str]:
    """`where: command: what the parser says` of each line (→ where it stands) that it refuses."""
    found = []
    for line, where in lines.items():
        for command in words(line.replace("<command>", "why")):
            if told := refused(command):
                found.append(f"{where}: {line}: {told}")
    return found


def test_the_commands_of_the_pages_can_be_pasted():
    every = shown.every()
    assert len(every) > 100
    assert wrong({command: ", ".join(pages) for command, pages in every.items()}) == []


def test_the_names_of_commands_are_those_of_today():
    names = {module.NAME for module in COMMANDS if not getattr(module, "HIDDEN", False)}
    for page in shown.PAGES:
        found = set(re.findall(r"`sluice ([a-z][\w-]*)`", page.read_text(encoding="utf-8")))
        assert page.name in shown.RECORDS or found <= names, page


def test_the_commands_in_the_texts_of_the_product_can_be_pasted():
    found: dict[str, str] = {}
    for folder in PRODUCT:
        for path in sorted((shown.ROOT / folder).rglob("*.py")):
            for text in texts(path.read_text(encoding="utf-8")):
                for line in pasted(text):
                    # the verb is chosen from two, which both have this form
                    found.setdefault(line.replace("sluice VALUE", "sluice reject"), str(path.relative_to(shown.ROOT)))
    assert len(found) > 40
    assert wrong(found) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sluice reject r0123", "Missing option '--reason'."),
        ("sluice rerun shop", "No such command 'rerun'."),
        ("sluice why r0123 --colour red", "No such option: --colour"),
        ("sluice check project.yaml && sluice lineage <id>", "Missing argument 'ID|FILE'."),
    ],
)
def test_a_command_that_cannot_be_pasted_is_refused(line: str, told: str):
    assert told in wrong({line: "a page"})[0]


def test_a_page_s_commands_are_its_lines_and_its_spans(tmp_path: Path):
    page = "Run `sluice  why r0123`, not `sluice`.\n\n```\nmake cloud   # waits\n```\n\n"
    page += "```\nA ─→ B\n```\n\n```sh\neval 1\n```\n"
    assert list(shown.commands(page)) == ["make cloud", "sluice why <run>"]
    assert list(shown.commands(page, fenced="sh")) == ["eval 1", "sluice why <run>"]
