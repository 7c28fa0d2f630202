"""The commands of a page: its `sh` blocks in order. A block without a language is shown to people and not run."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "docs" / "quick-start.md", *sorted((ROOT / "docs" / "tutorials").glob("*.md"))]
_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SECONDS = 1_200.0
"""Real seconds that a page may take: a run takes half a minute of CPU, and shares the cores."""


@dataclass(frozen=True)
class Block:
    """`line`: that of its first command in the page."""

    line: int
    text: str


def blocks(page: str) -> Iterator[Block]:
    """Those of the language `sh`."""
    for found in _FENCE.finditer(page):
        if found[2] == "sh":
            indent = len(found[1])
            lines = [line[indent:] for line in found[3].splitlines()]
            yield Block(page.count("\n", 0, found.start(3)) + 1, "\n".join(lines) + "\n")


def script(page: str) -> str:
    """One script of all blocks, so that a variable of one is known in the next; each is announced by its line."""
    return "".join(f"echo '### line {block.line}'\n{block.text}" for block in blocks(page))


def commands(page: str) -> Iterator[list[str]]:
    """The words of each `sluice` command, those after a pipe, a bracket or a separator included."""
    for block in blocks(page):
        for line in block.text.splitlines():
            for found in re.finditer(
                r"(?:^|[|;&(]\s*)(?:\.venv/bin/)?sluice ((?:'[^']*'|\"[^\"]*\"|[^|;&)#>'\"])*)", line
            ):
                yield shlex.split(found[1])


def prepared(folder: Path) -> None:
    """Makes a folder that stands for the clone: it has its examples and environments."""
    folder.mkdir(exist_ok=True)
    for name in ("examples", ".venv"):
        (folder / name).symlink_to(ROOT / name)


def with_state(text: str, state: Path) -> str:
    """The commands for a local cloud whose folder is `state`, not the clone's own. Nothing else is changed in them."""
    return text.replace("sluice env)", f"sluice env --state {shlex.quote(str(state))})")


def run(page: Path, folder: Path, environment: Mapping[str, str], state: Path) -> subprocess.CompletedProcess[str]:
    """Runs the page's blocks in `folder`, on the local cloud whose folder is `state`."""
    prepared(folder)
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", with_state(script(page.read_text(encoding="utf-8")), state)],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
        check=False,
    )
