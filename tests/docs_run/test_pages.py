"""What the quick start and the tutorials tell people to paste is run, in order, on a local cloud of its own.

.venv/bin/python -m pytest -m long tests/docs_run -k regression
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.command_lines import refused
from testing.line import Line, deployed
from tests.docs_run.pages import PAGES, ROOT, blocks, commands, run, script

SPEED = 20.0
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    with deployed(tmp_path_factory.mktemp("docs") / "cloud", SPEED) as line:
        yield line


@pytest.mark.long
@pytest.mark.cloud
@pytest.mark.parametrize(
    "page", [page for page in PAGES if script(page.read_text("utf-8"))], ids=lambda page: page.stem
)
def test_every_block_of_the_page_runs(line: Line, page: Path, tmp_path: Path) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLUICE_"))}
    # this clone's code, whichever one the environment was made for
    environment = own | {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core'}"}
    done = run(page, tmp_path, environment, line.stack.state)
    assert done.returncode == 0, f"{page.name} ended with {done.returncode}:\n{done.stdout[-6000:]}"
    asked = {words[0] for name, *words in commands(page.read_text(encoding="utf-8")) if name == "ask"}
    assert asked
    assert [p for p in sorted(asked) if "promoted" not in [run.get("outcome") for run in line.ledger.runs(p)]] == []


@pages
def test_the_blocks_are_shell(page: Path) -> None:
    text = script(page.read_text(encoding="utf-8"))
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pages
def test_the_commands_can_be_pasted(page: Path) -> None:
    found = list(commands(page.read_text(encoding="utf-8")))
    assert found or page.stem == "quick-start"
    assert {shlex.join(words): told for words in found if (told := refused(words))} == {}


def test_a_page_s_blocks_are_those_of_the_shell_with_their_lines() -> None:
    page = "# A\n\n```\nnot run\n```\n\n1. A step:\n\n   ```sh\n   echo a\n   ```\n\n```sh\necho b\necho c\n```\n"
    assert [(block.line, block.text) for block in blocks(page)] == [(10, "echo a\n"), (14, "echo b\necho c\n")]


def test_commands_are_found_behind_pipes_and_in_brackets() -> None:
    page = "```sh\nRUN=$(sluice runs shop --json | cut -c1-3)\nsluice ask shop '{\"a\": 1}' && sluice why $RUN\n```\n"
    assert list(commands(page)) == [["runs", "shop", "--json"], ["ask", "shop", '{"a": 1}'], ["why", "$RUN"]]


def test_a_command_that_fails_fails_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\nX=1\n```\n\n```sh\necho $X\nfalse | cat\necho unreachable\n```\n")
    (tmp_path / "folder").mkdir()
    done = run(page, tmp_path / "folder", {"PATH": os.environ["PATH"]}, tmp_path)
    assert (done.returncode, done.stdout) == (1, "### line 2\n### line 6\n1\n")
