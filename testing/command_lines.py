"""Whether the `sluice` commands that texts show can be pasted: read by the command's own parser, and not run."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import NoReturn

from cli.app import main
from cli.errors import CliError
from cli.options import USAGE

_SPAN = re.compile(r"`([^`\n]+)`")
_NAME = re.compile(r"sluice [a-z][a-z-]*")


def refused(words: Sequence[str]) -> str:
    """What the parser says against `sluice` with these words; empty if it takes them.

    >>> refused(["why", "r0123"]), refused(["reject", "r0123"])
    ('', "Missing option '--reason'.")
    """
    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        code = main(words, _not_run)
    return " ".join(re.findall(r"│ *(.*?) *│", told.getvalue()) or [told.getvalue()]) if code == USAGE else ""


def _not_run(stack: str) -> NoReturn:
    raise CliError(f"parsed; nothing is asked of {stack}")


def pasted(text: str) -> Iterator[str]:
    """The commands of `sluice` among the code spans of `text`; a command's name alone names it."""
    for found in _SPAN.finditer(text):
        if found[1].startswith("sluice ") and not _NAME.fullmatch(found[1]):
            yield found[1]


def words(line: str) -> Iterator[list[str]]:
    """The words of each `sluice` command in a line of a shell.

    >>> list(words('sluice check project.yaml && sluice schema > schema.json'))
    [['check', 'project.yaml'], ['schema']]
    """
    for part in re.split(r" && |; |\$\(", line):
        command = part.strip().removeprefix(".venv/bin/")
        if command.startswith("sluice "):
            yield shlex.split(command.partition(" > ")[0].rstrip(')"'))[1:]
