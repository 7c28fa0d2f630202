"""Runs the commands of a page on a local cloud of its own, and stores what they print, when, as an asciicast.

    python -m scripts.record_terminal README.md docs/images/quick-start.cast

Each command of the page's `sh` blocks is announced as a shell would show it, and then run. Output and times are real;
nothing is edited but the places of this machine, which stand as `~`. `scripts.terminal_svg` draws the result. A command
that fails ends the recording, and nothing is stored.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from testing.line import deployed
from tests.docs_run.pages import ROOT, blocks, prepared, with_state

SPEED = 10.0
"""As `make cloud` starts it."""


def recorded(page: str, folder: Path, environment: dict[str, str], state: Path) -> Iterator[tuple[float, str]]:
    """Seconds after the beginning, and what was printed then. Raises RuntimeError when a command fails."""
    commands = [line for block in blocks(page) for line in block.text.splitlines() if line.strip()]
    text = "".join(f"printf '%s\\n' {_quoted('$ ' + shown(line))}\n{with_state(line, state)}\n" for line in commands)
    running = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    began = time.monotonic()
    assert running.stdout is not None  # noqa: S101 - it was asked for
    while piece := os.read(running.stdout.fileno(), 65_536):
        yield time.monotonic() - began, piece.decode("utf-8", "replace")
    if running.wait():
        raise RuntimeError(f"a command ended with {running.returncode}")


def shown(line: str) -> str:
    """The command without the comment and the blanks behind it."""
    return line.partition("  #")[0].rstrip()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def main(arguments: list[str]) -> int:
    page, target = Path(arguments[0]), Path(arguments[1])
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLUICE_"))}
    environment = own | {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core'}", "COLUMNS": "100", "PYTHONUNBUFFERED": "1"}
    lines = [json.dumps({"version": 2, "width": 100, "height": 22, "title": f"the commands of {page.name}"})]
    with tempfile.TemporaryDirectory() as scratch:
        folder, state = Path(scratch) / "sluice", Path(scratch) / "cloud"
        with deployed(state, SPEED):
            prepared(folder)
            for at, text in recorded(page.read_text(encoding="utf-8"), folder, environment, state):
                clean = text.replace(str(folder), "~/sluice").replace(str(ROOT), "~/sluice").replace(scratch, "~")
                lines.append(json.dumps([round(at, 3), "o", clean], ensure_ascii=False))
                sys.stdout.write(clean)
                sys.stdout.flush()
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
