"""--json of every command: one document, with the members that the command declares; words go to stderr."""

from __future__ import annotations

import ast
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import progress
from cli.app import COMMANDS
from cli.commandline import parameters
from cli.commands import rollback
from cli.output import Output, Shape
from sluice import keys
from sluice.ports import Answer
from tests.cli.stack import OTHER, RUN, serve, start, write

ROOT = Path(__file__).resolve().parents[2]
NAMES = {module.NAME: module for module in COMMANDS}
ELSEWHERE = {
    "watch": "tests/cli/watching",
    "follow": "tests/cli/watching",
    "cloud": "tests/cli/test_cloud.py",
    "drill": "tests/cli/test_drill.py",
    "env": "tests/cli/test_operating.py",
    "remove-project": "tests/cli/test_cleaning.py",
    "compare": "tests/cli/test_compare.py",
    "lineage": "tests/cli/test_lineage.py",
    "annotate": "tests/console/test_annotation.py",
    "track": "tests/cli/test_track.py",
    "export": "tests/cli/test_export.py",
    "doctor": "tests/cli/test_doctor.py",
    "up": "tests/cli/test_cloud.py",
    "console": "tests/console/test_command.py",
    "down": "tests/cli/test_cloud.py",
}


@pytest.mark.parametrize("module", COMMANDS, ids=lambda module: module.NAME)
def test_every_command_has_the_option_and_a_shape(module):
    assert "as_json" in {each.name for each in parameters(module)}
    assert isinstance(module.JSON, Shape)
    assert all(module.JSON.members.values())


@pytest.fixture
def ready(world, tmp_path, monkeypatch) -> Callable[[str], list[str]]:
    """The arguments of each command in a world in which it succeeds."""
    csv, contract = tmp_path / "a.csv", tmp_path / "project.yaml"
    csv.write_text("id,pages,bought\n" + "".join(f"{n},{n % 7},{'yes' if n % 3 else 'no'}\n" for n in range(60)))
    contract.write_bytes((ROOT / "examples" / "shop" / "project.yaml").read_bytes())
    arn = world.registry.register("sluice-shop", "s3://data/m", "image", {"run_id": OTHER}, approved=False)
    start(world)
    start(world, OTHER, approval={"token": "t", "package_arn": arn})
    serve(world)
    champion = world.ledger.champion("shop")
    world.ledger.set_champion("shop", champion.__class__(**{**vars(champion), "previous": {"run_id": OTHER}}), RUN)
    world.ledger.add_dataset("shop", "d1", world.clock.now(), {"rows": 9, "key": "raw/shop/a.csv"})
    write(world, keys.quarantine_summary("shop", "d1"), {"key": "raw/shop/a.csv", "dataset_id": "d1"})
    world.objects.write(keys.quarantined_rows("shop", "d1"), b'{"row": 1, "reasons": [], "values": {}}\n')
    world.objects.write(keys.evaluation_report("shop", RUN), b"<html>")
    asked = {"answer": "ask", "reason": "unexplained", "columns": ["pages"], "sentence": "it moved"}
    at = world.clock.now().isoformat()
    write(world, keys.monitor("shop", "latest.json"), {"at": at, "run_id": RUN, "triage": asked})
    record = {"status": "accepted", "rows": 9, "quarantined_rows": 0, "reasons": [], "labels": 9, "output_uri": ""}
    monkeypatch.setattr(world.ledger, "arrival", lambda *_: record)
    monkeypatch.setattr(world.models, "invoke", lambda *_, **__: Answer(200, b'{"predictions": []}', "v1"))
    upload = world.objects.upload

    def registers(path: Path, key: str, content_type: str = "") -> None:
        upload(path, key, content_type)
        if key.endswith("project.yaml"):
            world.ledger.save_contract("shop", world.ledger.contract("shop")[0], world.objects.version(key))

    monkeypatch.setattr(world.objects, "upload", registers)
    monkeypatch.setattr(rollback, "execution_state", lambda *_: {"status": "SUCCEEDED", "error": None, "cause": None})
    of = {
        "init": [str(csv), "--output", str(tmp_path / "made.yaml")],
        "check": [str(contract)],
        "cost": [str(contract), "--region", "eu-west-1"],
        "register": [str(contract)],
        "drop": ["shop", str(csv)],
        "redrive": ["shop", str(csv), "--dataset", "d1"],
        "label": ["shop", str(csv)],
        "batch": ["shop", str(csv)],
        "ask": ["shop", '{"pages": 3}'],
        "why": [RUN],
        "report": [RUN, "--output", str(tmp_path)],
        "approve": [OTHER],
        "reject": [OTHER, "--reason", "x"],
        "rollback": ["shop", "--reason", "x", "--wait", "0"],
        "retrain": ["shop", "--reason", "x"],
        "withdraw": ["shop", "d1", "--reason", "x"],
        "accept-drift": ["shop"],
        "end-fault": ["shop"],
        "responses": ["shop"],
        "remove-endpoint": ["shop", "--yes"],
        "quarantine": ["shop"],
        "runs": ["shop"],
        "status": [],
        "schema": [],
        "wake": ["shop"],
    }
    monkeypatch.setattr("cli.commands.wake.wake_endpoint", _awake)
    return lambda name: of[name]


def _awake(project: str) -> dict[str, str]:
    return {"decision": "awake", "endpoint": "sluice-shop", "config": "only"}


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ELSEWHERE])
def test_json_is_one_document_of_the_shape_that_the_command_declares(sluice, ready, name):
    code, printed, error = sluice(name, *ready(name), "--json")
    assert code == 0, error
    document = json.loads(printed)
    assert NAMES[name].JSON.mistakes(document) == []
    assert document  # an empty one would have any shape


def test_a_shape_finds_what_is_missing_and_what_nobody_documented():
    shape = Shape({"a": "one", "b": "two"})
    assert shape.mistakes({"a": 1, "b": 2}) == []
    assert shape.mistakes({"a": 1, "c": 2}) == ["b is missing", "c is not documented"]
    assert Shape({"a": "one"}, open=True).mistakes({"c": 2}) == []
    assert Shape({"a": "one"}, kind="list").mistakes([{"a": 1}, {}]) == ["a is missing"]
    assert Shape({"a": "one"}, kind="list").mistakes({"a": 1}) == ["it is not a list but dict"]


def test_with_json_words_go_to_stderr(capsys):
    out = Output(as_json=True)
    out.say("on the way")
    out.result({"a": 1})
    captured = capsys.readouterr()
    assert (json.loads(captured.out), captured.err) == ({"a": 1}, "on the way\n")
    out = Output()
    out.say("the result")
    out.result({"a": 1})
    assert capsys.readouterr().out == "the result\n"


class TestProgress:
    """A second without a word."""

    def test_what_takes_long_says_so_once(self, capsys, monkeypatch):
        monkeypatch.setattr(progress, "PATIENCE", 0.01)
        with progress.working("waiting for \x1b[2J"):
            time.sleep(0.1)
        assert capsys.readouterr().err == "… waiting for \\x1b[2J\n"

    def test_what_is_quick_or_speaks_says_nothing(self, capsys, monkeypatch):
        with progress.working("quick"):
            pass
        monkeypatch.setattr(progress, "PATIENCE", 0.05)
        with progress.working("speaks"):
            Output().say("here")
            time.sleep(0.1)
        assert capsys.readouterr() == ("here\n", "")

    def test_on_a_terminal_the_line_goes_away(self, monkeypatch, capsys):
        from io import StringIO

        from rich.console import Console

        drawn = StringIO()
        monkeypatch.setattr(progress, "PATIENCE", 0.01)
        monkeypatch.setattr(progress, "Console", lambda **_: Console(file=drawn, force_terminal=True))
        with progress.working("uploading"):
            time.sleep(0.2)
        assert "uploading" in drawn.getvalue()
        assert capsys.readouterr() == ("", "")


def test_every_error_says_what_to_do_next():
    """Each message names a command, an option, a variable or a key; one that is made elsewhere has its own."""
    silent = []
    for path in sorted((ROOT / "cli").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
                continue
            if getattr(node.exc.func, "id", "") not in ("CliError", "CommandError"):
                continue
            parts = [
                each for each in ast.walk(node.exc) if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            text = "".join(each.value for each in sorted(parts, key=lambda each: (each.lineno, each.col_offset)))
            if len(text.split()) > 2 and not re.search(r"`|--\w|\b(give|set|drop|write) ", text):
                silent.append(f"{path.relative_to(ROOT)}:{node.lineno}: {text}")
    assert silent == []
