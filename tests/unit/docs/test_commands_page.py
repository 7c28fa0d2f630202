"""docs/commands.md is what the commands say. tests/docs_run reads each command that the pages show."""

from __future__ import annotations

from scripts import write_command_reference


def test_the_reference_is_what_the_commands_say() -> None:
    page = write_command_reference.PAGE.read_text(encoding="utf-8")
    assert write_command_reference.rewritten(page) == page, "run `make command-reference`"
