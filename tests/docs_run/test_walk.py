"""Every command that the pages show is run by walk.sh or with its page (`test_pages.py`), or not_run.yaml says why not.

.venv/bin/python -m pytest -m long tests/docs_run/test_walk.py
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.artefacts import HERE
from cli.stack import free_port
from tests.docs_run import shown
from tests.docs_run.pages import ROOT, prepared

WALK = (Path(__file__).with_name("walk.sh")).read_text(encoding="utf-8")
NOT_RUN = yaml.safe_load((Path(__file__).with_name("not_run.yaml")).read_text(encoding="utf-8"))
SECONDS = 3_600.0
DEFAULT_SIGNALS = ("env", "--default-signal=INT")
"""A test run in the background ignores Ctrl-C, and so would what it starts."""
_SHOWN = re.compile(r"^(?:\+|~ (?P<until>[^:]+):) (?P<shown>.+?)(?: => (?P<instead>.+))?$")
EXAMPLES = {"<name>": "extra_trees", "<project>": "shop"}
"""For placeholders in commands that are not run."""


def steps() -> Iterator[tuple[str, re.Match[str] | None]]:
    """Each line of walk.sh, with its parts if it is a command that the pages show."""
    for line in WALK.splitlines():
        yield line, _SHOWN.match(line)


def script() -> str:
    lines = []
    for line, found in steps():
        if found is None:
            lines.append(line)
            continue
        command = found["instead"] or re.sub(r"<([\w-]+)>", lambda name: f'"${name[1]}"', found["shown"])
        command = command.replace("TEXT", "'a reason'") if not found["instead"] else command
        lines.append(f"echo {shlex.quote('### ' + line)}")
        lines.append(f"until_shown {shlex.quote(found['until'])} {shlex.quote(command)}" if found["until"] else command)
    return "\n".join(lines)


def walked() -> list[str]:
    return [found["shown"] for _, found in steps() if found]


def excused() -> dict[str, str]:
    """Command → what is checked in place of running it."""
    return {shown.form(command): group["check"] for group in NOT_RUN for command in group["commands"]}


def test_every_shown_command_is_run_or_says_why_not():
    pages, run, not_run = shown.every(), set(walked()), excused()
    assert {command: pages[command] for command in pages.keys() - run - not_run.keys()} == {}
    assert all(group["reason"] for group in NOT_RUN)
    assert set(not_run.values()) == {"make", "collect", "options", "module", "none"}


def test_nothing_is_run_or_excused_that_no_page_shows():
    pages, run, not_run = shown.every(), walked(), excused()
    assert sorted(set(run) - pages.keys()) == []
    assert sorted(not_run.keys() - pages.keys()) == []
    assert sorted(set(run) & not_run.keys()) == []
    assert len(run) == len(set(run))


def test_the_walk_is_shell():
    done = subprocess.run(["bash", "-n"], input=script(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.long
@pytest.mark.parametrize("command", [each for each, check in excused().items() if check == "make"])
def test_make_knows_the_target_and_reads_its_variables(command: str):
    words = shlex.split(command.partition("&& ")[2] or command)[1:]
    done = subprocess.run(["make", "--dry-run", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    read = set(re.findall(r"\$\((\w+)\)", makefile)) | set(re.findall(r"(?:\$\((?:if|or) \$\(|origin )(\w+)", makefile))
    # make hands its variables to what it runs
    read |= set(re.findall(r'environ(?:\.get\(|\[)"(\w+)"', (ROOT / "cli" / "demo" / "__main__.py").read_text()))
    assert {word.partition("=")[0] for word in words if "=" in word} <= read


@pytest.mark.long
@pytest.mark.parametrize("command", [each for each, check in excused().items() if check == "collect"])
def test_pytest_finds_tests_with_these_arguments(command: str):
    for name, value in EXAMPLES.items():
        command = command.replace(name, value)
    done = subprocess.run(
        [*shlex.split(command), "--collect-only", "-q"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert re.search(r"\d+(/\d+)? tests collected", done.stdout)


@pytest.mark.parametrize("command", [each for each, check in excused().items() if check == "module"])
def test_the_module_is_there(command: str):
    assert find_spec(shlex.split(command)[2])


@pytest.mark.long
@pytest.mark.parametrize("command", [each for each, check in excused().items() if check == "options"])
def test_the_program_has_the_options(command: str):
    words = shlex.split(command)
    variables = dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))
    program = [word for word in words if not re.match(r"[A-Z_]+=", word)]
    module = program.index("-m") + 2 if "-m" in program else 2
    done = subprocess.run(
        [*program[:module], "--help"],
        cwd=ROOT,
        env=environment(Path.home()) | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for option in [word for word in program if word.startswith("--")]:
        assert option in done.stdout


def environment(home: Path) -> dict[str, str]:
    """Without an account, and with this clone's commands and code, whichever one the environment was made for."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SLUICE_"))}
    own["PATH"] = f"{ROOT / '.venv' / 'bin'}:{own['PATH']}"
    return own | {"PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'core'}", "HOME": str(home), "COLUMNS": "120"}


@pytest.mark.long
@pytest.mark.cloud
def test_every_command_of_the_walk_succeeds(tmp_path: Path):
    folder, home = tmp_path / "folder", tmp_path / "home"
    home.mkdir()
    prepared(folder)
    values: dict[str, Any] = {"root": ROOT, "python": sys.executable, "version": HERE}
    values |= {name: free_port() for name in ("port", "other_port", "chat_port")}
    told = (tmp_path / "told.txt").open("w+", encoding="utf-8")
    try:
        done = subprocess.run(
            [*DEFAULT_SIGNALS, "bash", "-euo", "pipefail", "-c", script()],
            cwd=folder,
            env=environment(home) | {name: str(value) for name, value in values.items()},
            stdin=subprocess.DEVNULL,
            stdout=told,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            check=False,
        )
    finally:
        subprocess.run([ROOT / ".venv" / "bin" / "sluice", "down"], env=environment(home), check=False)
        told.seek(0)
        text = told.read()
    assert done.returncode == 0, f"the walk ended with {done.returncode}:\n{text[-8000:]}"
