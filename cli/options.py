"""Options and arguments that several commands share, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.text import say

FINE, REFUSED, USAGE = 0, 1, 2
"""Exit codes: what was asked for happened; it was refused or failed; the command line was wrong."""

Project = Annotated[str, typer.Argument(metavar="PROJECT", help="The project's name.", show_default=False)]
OptionalProject = Annotated[
    str | None, typer.Option("--project", help="Look only among the runs of this project.", show_default=False)
]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or the beginning of it.", show_default=False)]
Contract = Annotated[Path, typer.Argument(metavar="[FILE]", help="The contract.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stays in the records.", show_default=False)]
Stack = Annotated[
    str | None,
    typer.Option("--stack", help="The CloudFormation stack; default: SLUICE_STACK, else sluice.", show_default=False),
]


def print_json(value: Any) -> None:
    """One document; times and other objects as text. JSON escapes what a terminal would act on."""
    say(json.dumps(value, indent=1, default=str))


def print_json_line(value: Any) -> None:
    """One event of a stream, on a line of its own."""
    say(json.dumps(value, default=str))


def joined(words: Sequence[str]) -> str:
    return ", ".join(words) or "none"
