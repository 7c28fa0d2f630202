"""`sluice cloud`: each stage is announced and timed, what to paste comes last, and Ctrl-C ends it cleanly."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest

from cli import artefacts
from cli.app import main
from cli.commands import cloud, down
from cli.errors import CliError, CommandError
from tests.docs_run.pages import ROOT, blocks


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the command did, in order, without a cloud."""
    did: list[str] = []
    monkeypatch.setattr(artefacts.Artefacts, "build", lambda _: did.append("build"))
    for name in ("start", "deploy", "stop"):
        monkeypatch.setattr(cloud.local.LocalStack, name, lambda _, name=name: did.append(name))
    monkeypatch.setattr(cloud, "_refuse_a_second", lambda _: None)
    return did


def test_each_stage_is_announced_and_timed(done: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cloud", "--background"]) == 0
    assert done == ["build", "start", "deploy"]
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines[::2]] == ["Building", "Starting", "Deploying"]
    assert all(re.search(r"^  .*, \d+ s$", line) for line in lines[1::2])
    assert len(lines) == 6


@pytest.mark.parametrize("background", [False, True])
def test_what_to_paste_points_a_shell_at_the_cloud_as_the_readme_does(background: bool) -> None:
    told = cloud.welcome(cloud.local.LocalStack(state=ROOT / ".localcloud"), background=background)
    (block,) = blocks((ROOT / "README.md").read_text(encoding="utf-8"))
    wanted = [line.partition("  #")[0].rstrip() for line in block.text.splitlines()]
    found = [line.strip() for line in told.splitlines() if line.startswith("    ")]
    assert found[:-1] == ([] if background else [f"cd {ROOT}"])
    assert found[-1].startswith('eval "$(')
    assert wanted[0].startswith('eval "$(')
    assert "continue in README.md below `eval`" in told
    assert any(line.startswith("sluice init ") for line in wanted)


def test_the_last_lines_are_the_ones_to_paste(done: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(["cloud", "--background", "--stack", "mine"])
    said = capsys.readouterr().out
    (pasted,) = said.rstrip().split("\n\n")[-1].splitlines()
    assert pasted.startswith('    eval "$(')
    assert "--stack mine" in pasted
    assert "sluice down" in said


def test_another_python_than_aws_s_is_said_where_the_functions_are_built(
    done: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for here, shown in (
        ("3.11", f"for Python 3.11 (AWS has {artefacts.runtime()}; both work), "),
        ("3.13", "for Python 3.13, "),
    ):
        monkeypatch.setattr(artefacts, "HERE", here)
        main(["cloud", "--background"])
        assert f"built {shown}" in capsys.readouterr().err


def test_ctrl_c_stops_the_cloud_and_the_command_succeeds(done: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    def press() -> None:
        while "deploy" not in done:
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    threading.Timer(0.3, press).start()
    assert main(["cloud"]) == 0
    assert done == ["build", "start", "deploy", "stop"]
    assert capsys.readouterr().err.endswith("the local cloud is stopped\n")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_ctrl_c_while_it_deploys_stops_the_cloud_too(
    done: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cloud.local.LocalStack, "deploy", interrupted)
    assert main(["cloud"]) == cloud.INTERRUPTED
    assert done == ["build", "start", "stop"]
    assert capsys.readouterr().err.endswith("the local cloud is stopped\n")


def test_a_deployment_that_fails_leaves_no_cloud(
    done: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failed(_: object) -> None:
        raise CommandError("`sam deploy` ended with 1")

    monkeypatch.setattr(cloud.local.LocalStack, "deploy", failed)
    assert main(["cloud"]) == 1
    assert done == ["build", "start", "stop"]
    assert "`sam deploy` ended with 1" in capsys.readouterr().err


def test_what_the_cloud_says_is_shown_while_it_runs(
    done: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    notices = tmp_path / "notices.log"
    monkeypatch.setattr(cloud.local.LocalStack, "notices", notices)

    def say_and_press() -> None:
        for line in ("Making the environment", "The environment is made"):
            with notices.open("a") as file:
                file.write(f"{line}\n")
            time.sleep(1.2)
        os.kill(os.getpid(), signal.SIGINT)

    presser = threading.Timer(0.2, say_and_press)
    presser.start()
    try:
        assert main(["cloud"]) == 0
    finally:
        presser.join()
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if "nvironment" in line] == ["Making the environment", "The environment is made"]


def test_a_cloud_that_is_stopped_from_elsewhere_ends_the_command(
    done: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pid = tmp_path / "localcloud.pid"
    pid.write_text("1")
    (tmp_path / "README.md").write_text("# a clone\n")
    monkeypatch.setattr(cloud, "clone", lambda: tmp_path)
    monkeypatch.setattr(cloud, "FOLDER", "")
    stopper = threading.Timer(1.5, pid.unlink)
    stopper.start()
    try:
        assert main(["cloud"]) == 0
    finally:
        stopper.join()
    assert done == ["build", "start", "deploy"]
    assert "stopped from elsewhere" in capsys.readouterr().err


def test_up_starts_in_the_background_and_is_content_with_one_that_runs(
    done: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: object) -> None:
        raise CliError("none runs: `make cloud`")

    monkeypatch.setattr(cloud, "running", none)
    assert main(["up", "--port", "4599", "--json"]) == 0
    assert done == ["build", "start", "deploy"]
    document = json.loads(capsys.readouterr().out)
    assert (document["endpoint"], document["port"]) == ("http://127.0.0.1:4599", 4599)
    assert cloud.JSON.mistakes(document) == []
    monkeypatch.setattr(cloud, "running", lambda _: ("http://127.0.0.1:4566", "eu-west-1"))
    assert main(["up"]) == 0
    assert done == ["build", "start", "deploy"]
    assert "runs already at http://127.0.0.1:4566" in capsys.readouterr().out


def test_down_stops_what_runs(
    done: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(down, "running", lambda _: ("http://127.0.0.1:4566", "eu-west-1"))
    assert main(["down", "--json"]) == 0
    assert done == ["stop"]
    document = json.loads(capsys.readouterr().out)
    assert (document["stopped"], down.JSON.mistakes(document)) == (True, [])

    def none(_: object) -> None:
        raise CliError("none runs: `make cloud`")

    monkeypatch.setattr(down, "running", none)
    assert main(["down"]) == 0
    assert done == ["stop"]
    assert "no local cloud runs" in capsys.readouterr().out
