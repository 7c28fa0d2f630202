"""Options and arguments that several commands share, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.text import say
from cli.version import version

FINE, REFUSED, USAGE, REJECTED, ROLLED_BACK, NOT_APPROVED, AWAITS_APPROVAL, INTERRUPTED = 0, 1, 2, 3, 4, 5, 6, 130
CODES = {
    FINE: "the command did what it says; `watch`: the model was promoted",
    REFUSED: "it was refused or failed; stderr says why and what to do. `watch`: the run failed. `doctor`: "
    "a check failed",
    USAGE: "the command line is wrong: an unknown command or option, or a value that cannot be",
    REJECTED: "`watch`: the gates rejected the model",
    ROLLED_BACK: "`watch`: the release was rolled back",
    NOT_APPROVED: "`watch`: a person rejected the model, or nobody decided in time",
    AWAITS_APPROVAL: "`watch`: the run waits for a person, who approves or rejects its model; without `--json`",
    INTERRUPTED: "Ctrl-C (128 and the number of SIGINT, as a shell counts); what runs in the cloud goes on",
}
"""Exit code → what it means; docs/commands.md has this table."""


def _not_blank(reason: str) -> str:
    if not reason.strip():
        raise typer.BadParameter("it is blank; say why in a few words")
    return reason


Project = Annotated[str, typer.Argument(metavar="PROJECT", help="The project's name.", show_default=False)]
OptionalProject = Annotated[
    str | None, typer.Option("--project", help="Look only among the runs of this project.", show_default=False)
]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or the beginning of it.", show_default=False)]
RunOrProject = Annotated[
    str,
    typer.Argument(
        metavar="RUN|PROJECT",
        help="A run's id, or the beginning of it; or a project, for its newest run.",
        show_default=False,
    ),
]
Contract = Annotated[Path, typer.Argument(metavar="[FILE]", help="The contract.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
OptionalReason = Annotated[str, typer.Option("--reason", help="Why; it stays in the records.", show_default=False)]
Reason = Annotated[
    str,
    typer.Option("--reason", help="Why; it stays in the records.", show_default=False, callback=_not_blank),
]
HeldChanges = Annotated[
    list[str] | None,
    typer.Option(
        "--change",
        metavar="ID",
        help="Only this held change, not all of them; `sluice responses` shows its id. Repeatable.",
        show_default=False,
    ),
]
Stack = Annotated[
    str | None,
    typer.Option("--stack", help="The CloudFormation stack; default: SLUICE_STACK, else sluice.", show_default=False),
]


def _print_version(asked: bool) -> None:
    if asked:
        say(f"sluice {version()}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version),
]


def print_json(value: Any) -> None:
    """One document; times and other objects as text. JSON escapes what a terminal would act on."""
    say(json.dumps(value, indent=1, default=str))


def print_json_line(value: Any) -> None:
    """One event of a stream, on a line of its own."""
    say(json.dumps(value, default=str))


def joined(words: Sequence[str]) -> str:
    return ", ".join(words) or "none"
