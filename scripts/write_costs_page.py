"""Writes what `sluice cost` prints into docs/costs.md, below each `$ sluice cost …` there."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "layers" / "core")]

from cli.app import main  # noqa: E402

PAGE = ROOT / "docs" / "costs.md"
BLOCK = re.compile(r"^    \$ sluice (cost .*)\n((?:    .*\n|\n)*?)(?=\S|\Z)", re.MULTILINE)
"""A command and what it printed, indented by four."""


def printed(command: str) -> str:
    """Raises RuntimeError when the command fails."""
    arguments = [str(ROOT / each) if each.startswith("examples/") else each for each in shlex.split(command)]
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        code = main(arguments)
    if code:
        raise RuntimeError(f"`sluice {command}` ended with {code}")
    return told.getvalue().strip()


def written(page: str) -> str:
    def block(match: re.Match[str]) -> str:
        lines = [f"$ sluice {match[1]}", *printed(match[1]).splitlines()]
        return "\n".join(f"    {line}".rstrip() for line in lines) + "\n\n"

    return BLOCK.sub(block, page)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
