"""Writes the reference of docs/commands.md from the commands themselves; `make command-reference` runs it.

Text before the marker is written by people and kept. A test compares the file with what this script would write.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import typer
from typer.core import TyperGroup

from cli.app import COMMANDS
from cli.commandline import application
from cli.connection import Connection
from cli.options import CODES
from cli.output import Shape

PAGE = Path(__file__).resolve().parent.parent / "docs" / "commands.md"
MARKER = "<!-- what follows is written by `make command-reference` from cli/commands -->\n"
_EVERYWHERE = {"--stack", "--yes", "--json", "--help"}


def command_line() -> TyperGroup:
    """The parser of `sluice`, as people use it."""
    return cast(TyperGroup, typer.main.get_command(application(COMMANDS, Connection, "sluice")))


def rewritten(page: str) -> str:
    """The page with the reference of today."""
    return page[: page.index(MARKER)] + MARKER + "\n".join(reference()) + "\n"


def reference() -> Iterator[str]:
    """Exit codes, the table of the commands, and a section for each of them."""
    yield "\n## Exit codes\n\n| code | meaning |\n|---|---|"
    for code, meaning in CODES.items():
        yield f"| {code} | {meaning} |"
    yield "\n## The commands\n\n| command | what it does | writes |\n|---|---|---|"
    shown = [module for module in COMMANDS if not getattr(module, "HIDDEN", False)]
    for module in shown:
        writes = "yes" if getattr(module, "WRITES", False) else ""
        yield f"| [`{module.NAME}`](#sluice-{module.NAME}) | {_cell(module.HELP)} | {writes} |"
    parser = command_line()
    for module in shown:
        yield from _section(module, parser.commands[module.NAME])


def _section(module: ModuleType, command: Any) -> Iterator[str]:
    arguments = [_metavar(each) for each in command.params if each.param_type_name == "argument"]
    yield f"\n### sluice {module.NAME}"
    text = inspect.cleandoc(module.__doc__ or module.HELP)
    yield "\n" + "\n\n".join(" ".join(each.split()) for each in text.split("\n\n"))
    yield f"\n`sluice {' '.join([module.NAME, *arguments])}`, for example:\n\n```\n{module.EXAMPLE}\n```"
    rows = [row for each in command.params if (row := _row(each))]
    if rows:
        yield "\n| argument or option | default | what |\n|---|---|---|"
        yield from rows
    yield from _shape(module.JSON)


def _shape(shape: Shape) -> Iterator[str]:
    kind = {"object": "an object", "list": "a list of objects", "lines": "an object on each line"}[shape.kind]
    more = ", and the record's or project's own members" if shape.open else ""
    yield f"\n`--json` prints {kind} with these members{more}:\n"
    for name, meaning in shape.members.items():
        yield f"- `{name}`: {meaning}"


def _row(parameter: Any) -> str:
    names = [each for each in parameter.opts if each not in _EVERYWHERE]
    if parameter.param_type_name == "argument":
        names = [_metavar(parameter)]
    if not names:
        return ""
    shown = ", ".join(f"`{each}`" for each in names)
    return f"| {shown} | {_default(parameter.default)} | {_cell(parameter.help or '')} |"


def _metavar(parameter: Any) -> str:
    name = str(parameter.metavar or parameter.name.upper())
    return name if parameter.required or name.startswith("[") else f"[{name}]"


def _default(value: Any) -> str:
    if value is None or value is False or value is ... or callable(value):
        return ""
    return f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> int:
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
