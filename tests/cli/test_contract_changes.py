"""What a changed contract does to the rows accepted before: check, register, status and why say it."""

from __future__ import annotations

import json

import yaml
from botocore.exceptions import EndpointConnectionError

from cli.app import main
from sluice.bootstrap import World
from sluice.steps.register_project import register_project
from tests.cli.conftest import FakeConnection
from tests.cli.stack import RUN
from tests.unit.changes.changed_projects import F09, changed
from tests.unit.changes.changed_projects import accepted as accepted_evo
from tests.unit.changes.changed_projects import register as register_evo


def evolved() -> World:
    at = accepted_evo()
    register_evo(at, F09)
    return at


def test_status_and_why_say_what_the_contract_changed(capsys):
    at = evolved()
    version = at.ledger.contract("evo")[1]
    facts = {"trigger": "data", "datasets": ["d1"], "contract_version": version, "status": "running"}
    at.ledger.start_run("evo", RUN, at.clock.now(), facts)
    for command in (("status", "evo"), ("why", RUN)):
        assert main(command, lambda stack: FakeConnection(at)) == 0
        printed = capsys.readouterr().out
        assert "have no label because target 'state' is text there and the contract says boolean" in printed
        assert "a run with these datasets stops" in printed
    assert main(("status", "evo", "--json"), lambda stack: FakeConnection(at)) == 0
    (found,) = json.loads(capsys.readouterr().out)["projects"]
    assert found["contract_change"]["usable_rows"] == {"at_least": 0, "at_most": 0}


def test_register_says_what_a_new_contract_comes_to_and_check_and_status_what_changed(tmp_path, capsys, monkeypatch):
    """`check && register` said it all twice."""
    at = evolved()
    path = tmp_path / "project.yaml"
    path.write_text(yaml.safe_dump(F09), encoding="utf-8")
    key = "projects/evo/project.yaml"
    monkeypatch.setattr(at.objects, "upload", lambda *_: None)
    assert at.objects.version(key) == at.ledger.contract("evo")[1]
    assert main(("register", str(path)), lambda stack: FakeConnection(at)) == 0
    printed = capsys.readouterr().out
    assert printed.count("0 of 1,000 accepted rows can be learned from under the new contract") == 1
    assert "a run with these datasets stops" in printed
    assert "evo is registered." in printed
    assert "sluice retrain" not in printed
    assert "changed: " not in printed
    assert "`sluice status evo` has what changed" in printed
    assert main(("register", str(path), "--json"), lambda stack: FakeConnection(at)) == 0
    assert any(each.startswith("changed: ") for each in json.loads(capsys.readouterr().out)["changes"])


def test_check_says_it_before_anything_is_uploaded(tmp_path, capsys):
    at = accepted_evo()
    before = len(at.objects.versions["projects/evo/project.yaml"])
    path = tmp_path / "project.yaml"
    path.write_text(yaml.safe_dump(F09), encoding="utf-8")
    assert main(("check", str(path)), lambda stack: FakeConnection(at)) == 0
    printed = capsys.readouterr().out
    assert "is a valid contract" in printed
    assert "all 1,000 rows of" in printed
    assert "0 of 1,000 accepted rows can be learned from under the new contract" in printed
    assert len(at.objects.versions["projects/evo/project.yaml"]) == before
    assert main(("check", str(path)), lambda stack: FakeConnection(at, known=False)) == 0
    assert "not compared with accepted rows, because no AWS region is set" in capsys.readouterr().out


def test_check_goes_on_where_no_stack_can_be_asked(tmp_path, capsys):
    class Unreachable(FakeConnection):
        @property
        def world(self):
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

        @world.setter
        def world(self, value):
            pass

    path = tmp_path / "project.yaml"
    path.write_text(yaml.safe_dump(F09), encoding="utf-8")
    assert main(("check", str(path)), lambda stack: Unreachable(None)) == 0
    assert "not compared with accepted rows: Could not connect" in capsys.readouterr().out


def test_register_prints_the_comparison(tmp_path, capsys, monkeypatch):
    at = accepted_evo()
    upload = at.objects.upload

    def uploaded(path, key, content_type="application/octet-stream"):
        upload(path, key, content_type)
        at.call(register_project, key, at.objects.version(key))

    monkeypatch.setattr(at.objects, "upload", uploaded)
    path = tmp_path / "project.yaml"
    path.write_text(yaml.safe_dump(F09), encoding="utf-8")
    assert main(("register", str(path)), lambda stack: FakeConnection(at)) == 0
    printed = capsys.readouterr().out
    assert "a run with these datasets stops" in printed
    # such a run is not proposed
    assert "Now:" not in printed
    path.write_text(yaml.safe_dump(changed(columns={"score": None})), encoding="utf-8")
    assert main(("register", str(path)), lambda stack: FakeConnection(at)) == 0
    # rows are there already, so no file is asked for
    assert 'Now: sluice retrain evo --reason "..."' in capsys.readouterr().out
