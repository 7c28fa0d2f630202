"""The Typer layer: help with examples, exit codes, JSON, and where a command goes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli import target
from cli.app import COMMANDS, main
from cli.connection import Connection, region
from cli.target import Target
from sluice.aws.clients import Clients
from tests.cli.conftest import FakeConnection

ROOT = Path(__file__).resolve().parents[2]
REAL = Target("https://sts.eu-west-1.amazonaws.com", "eu-west-1", "123456789012")


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize("module", COMMANDS, ids=lambda module: module.NAME)
def test_each_help_has_an_example(sluice, module):
    code, printed, _ = sluice(module.NAME, "--help")
    assert code == 0
    assert "Example:" in plain(printed)
    assert f"sluice {module.NAME}" in plain(printed).split("Example:")[1]
    assert module.EXAMPLE.split()[0] in ("sluice", "eval")
    assert "--stack" in plain(printed)


def test_a_wrong_command_line_is_2(sluice):
    for wrong in (("nothing",), ("status", "--wrong"), ("reject", "r1"), ("runs", "shop", "--limit", "x")):
        assert sluice(*wrong)[0] == 2


def test_the_stack_is_named_before_or_behind_the_command(world, monkeypatch):
    named = []

    def connect(stack: str) -> FakeConnection:
        named.append(stack)
        return FakeConnection(world, stack)

    main(["--stack", "one", "status"], connect)
    main(["status", "--stack", "two"], connect)
    monkeypatch.setenv("SLUICE_STACK", "three")
    main(["status"], connect)
    assert named == ["one", "two", "three"]


@pytest.mark.parametrize(
    "command", [("status",), ("runs", "shop"), ("quarantine", "shop"), ("schema",)], ids=lambda command: command[0]
)
def test_what_reads_prints_json(sluice, world, command):
    world.ledger.start_run("shop", "r0123456789ab", world.clock.now(), {"trigger": "data", "status": "running"})
    arguments = command if command == ("schema",) else (*command, "--json")
    code, printed, _ = sluice(*arguments)
    assert code == 0
    found = json.loads(printed)
    if command[0] == "status":
        assert found["projects"][0]["project"] == "shop"
    if command[0] == "runs":
        assert found[0]["run_id"] == "r0123456789ab"


def test_why_prints_json(sluice, world):
    world.ledger.start_run("shop", "r0123456789ab", world.clock.now(), {"trigger": "data", "status": "running"})
    assert json.loads(sluice("why", "r0123", "--json")[1])["run"]["run_id"] == "r0123456789ab"


def test_shell_completion_is_offered():
    environment = {**os.environ, "_SLUICE_COMPLETE": "complete_bash", "COMP_WORDS": "sluice ro", "COMP_CWORD": "1"}
    environment["PYTHONPATH"] = os.pathsep.join((str(ROOT / "layers" / "core"), str(ROOT)))
    done = subprocess.run(
        [sys.executable, "-m", "cli"], env=environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.stdout.split() == ["rollback"]


class TestTarget:
    """Nothing goes to a real account by accident."""

    @pytest.fixture(autouse=True)
    def home(self, monkeypatch, tmp_path):
        monkeypatch.setattr(target, "remembered", lambda: tmp_path / "sluice" / "accounts.json")

    @pytest.fixture
    def connection(self, world):
        world.ledger.add_dataset("shop", "d1", world.clock.now(), {"rows": 9})
        return FakeConnection(world, target=REAL)

    def test_the_first_write_to_an_account_is_refused_where_nobody_can_be_asked(self, sluice, world):
        code, _, error = sluice("retrain", "shop", "--reason", "x")
        assert code == 1
        assert "AWS account 123456789012, region eu-west-1" in error
        assert "--yes" in error
        assert world.events.put_events == []
        assert sluice("retrain", "shop", "--reason", "x", "--yes")[0] == 0
        assert len(world.events.put_events) == 1
        # a script's yes is for that once
        assert sluice("retrain", "shop", "--reason", "x")[0] == 1

    def test_a_yes_is_remembered_for_the_account_and_the_region(self, sluice, monkeypatch):
        asked = []

        def confirm(question: str, **_: object) -> bool:
            asked.append(question)
            return True

        monkeypatch.setattr(target.sys.stdin, "isatty", lambda: True)
        monkeypatch.setattr(target.typer, "confirm", confirm)
        assert sluice("retrain", "shop", "--reason", "x")[0] == 0
        assert sluice("retrain", "shop", "--reason", "x")[0] == 0
        assert len(asked) == 1
        assert "123456789012" in asked[0]
        assert json.loads(target.remembered().read_text()) == ["123456789012/eu-west-1"]

    def test_a_no_writes_nothing(self, sluice, world, monkeypatch):
        monkeypatch.setattr(target.sys.stdin, "isatty", lambda: True)
        monkeypatch.setattr(target.typer, "confirm", lambda *_, **__: False)
        code, _, error = sluice("retrain", "shop", "--reason", "x")
        assert (code, "nothing was written" in error) == (1, True)
        assert world.events.put_events == []

    def test_what_reads_asks_nothing(self, sluice):
        assert sluice("status")[0] == 0


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_either_variable_names_the_region(monkeypatch, name):
    for each in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(each, raising=False)
    assert region() is None
    monkeypatch.setenv(name, "eu-north-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    assert Clients(region())("s3").meta.region_name == "eu-north-1"


def test_a_loopback_endpoint_is_the_local_cloud(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert str(Connection("sluice").target) == "the local cloud at http://127.0.0.1:4566"


@pytest.mark.parametrize("word", ["score", "predict"])
def test_what_people_call_scoring_leads_to_batch_and_ask(sluice, word: str):
    code, _, error = sluice(word, "shop", "rows.csv")
    said = " ".join(error.replace("│", " ").split())
    assert code == 2
    assert "batch (a file of rows)" in said
    assert "ask (one request)" in said
    assert "compare" not in said
