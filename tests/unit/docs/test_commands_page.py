"""docs/commands.md is what the commands say, and each `sluice …` line of README and docs is one that they take."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts import write_command_reference

ROOT = Path(__file__).resolve().parents[3]
_RECORDS = ROOT / "docs" / "decisions"  # they say what was true on their day
PAGES = [ROOT / "README.md", *sorted(page for page in (ROOT / "docs").rglob("*.md") if _RECORDS not in page.parents)]
PARSER = write_command_reference.command_line()
_CALL = re.compile(r"(?:^|[\s`(/\"])sluice ((?:--?[a-z]|[a-z])[^`\n]*)")
_ENDS = re.compile(r"\s&&\s|\s\|\s|\s>\s|;\s|\)\"|\s#\s|\s\(--")


def test_the_reference_is_what_the_commands_say() -> None:
    page = write_command_reference.PAGE.read_text(encoding="utf-8")
    assert write_command_reference.rewritten(page) == page, "run `make command-reference`"


def calls(page: str) -> Iterator[tuple[str, bool]]:
    """(arguments, whether it is in a code block) of every `sluice …` of a page."""
    fenced = False
    for line in page.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
            continue
        parts = [line] if fenced else re.findall(r"`[^`]+`", line)
        for part in parts:
            for piece in re.split(r"&&", part):
                for found in _CALL.findall(piece):
                    yield _ENDS.split(found)[0].strip(), fenced


def mistakes(arguments: str, *, whole: bool) -> str:
    """Why the commands would not take it. A mention in the text may leave arguments out, but nothing may be unknown."""
    words = shlex.split(arguments)
    while words[:1] == ["--stack"]:
        words = words[2:]
    if words and words[0] in ("--install-completion", "--show-completion", "--help"):
        return ""
    command: Any = PARSER.commands.get(words[0])
    if command is None:
        return f"there is no command {words[0]}"
    try:
        command.make_context(words[0], list(words[1:]))
    except Exception as error:
        if type(error).__name__ == "Exit":
            return ""  # --help
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        unknown = [
            word for word in words[1:] if word.startswith("-") and word != "-" and word not in known | {"--help"}
        ]
        missing = "issing" in type(error).__name__ or "requires an argument" in str(error)
        missing |= any(f"'{word}'" in str(error) for word in words[1:] if word.isupper())  # the name of an argument
        if unknown or whole or not missing:
            return f"{type(error).__name__}: {error} {unknown}"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_the_pages_exist_with_their_options(page: Path) -> None:
    found = list(calls(page.read_text(encoding="utf-8")))
    wrong = {call: why for call, whole in found if (why := mistakes(call, whole=whole))}
    assert wrong == {}
    if page.name in ("README.md", "commands.md"):
        assert len(found) >= 8


@pytest.mark.parametrize(
    ("call", "whole", "why"),
    [
        ("nothing", False, "there is no command"),
        ("status --rnus 3", False, "--rnus"),
        ("runs shop --limit many", True, "BadParameter"),
        ("drop", True, "Missing"),
        ("drop", False, ""),
        ("retrain shop --reason", False, ""),
        ("drop shop a b c d", False, "unexpected"),
    ],
)
def test_a_wrong_line_is_found(call: str, whole: bool, why: str) -> None:
    found = mistakes(call, whole=whole)
    assert (why in found) if why else (found == "")


def test_calls_are_found_in_blocks_and_in_the_text() -> None:
    block = 'eval "$(.venv/bin/sluice env)"   # this\nsluice check a && sluice register b  # x'
    page = f"Use `sluice why RUN`.\n```\n{block}\n```\nsluice is"
    assert list(calls(page)) == [("why RUN", False), ("env", True), ("check a", True), ("register b", True)]
