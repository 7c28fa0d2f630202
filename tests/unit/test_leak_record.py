"""`make prove` uses a record of leaks only when it belongs to these sources, and runs the story for one otherwise."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from proofs import leaks


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "proof" / "leaks.json"
    monkeypatch.setattr(leaks, "RESULT", path)
    return path


def reported(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict]:
    code = leaks.main()
    return code, json.loads(capsys.readouterr().out)


def story(monkeypatch: pytest.MonkeyPatch, leaves: Callable[[], None]) -> None:
    def run(*_: object, **__: object) -> subprocess.CompletedProcess[str]:
        leaves()
        return subprocess.CompletedProcess([], 1)

    monkeypatch.setattr(subprocess, "run", run)


def test_a_story_that_leaves_no_record_is_no_proof(
    result: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    story(monkeypatch, lambda: None)
    code, line = reported(capsys)
    assert (code, line["ok"], line["value"]) == (1, False, None)
    assert "test_leaks.py left no record" in line["why"]


def test_a_record_of_other_sources_is_not_used(
    result: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    leaks.record("other sources", 18, {"log events": 5}, [("qx", "log events", "group stream")], 12)
    story(monkeypatch, lambda: leaks.record(leaks.sources(), 18, {"log events": 5}, [], 12))
    code, line = reported(capsys)
    assert (code, line["ok"], line["value"]) == (0, True, 0)


@pytest.mark.parametrize("found", [[], [("qx", "log events", "group stream")]])
def test_a_record_is_reported(result: Path, capsys: pytest.CaptureFixture[str], found: list) -> None:
    leaks.record(leaks.sources(), 18, {"log events": 5, "SNS messages": 2}, found, 12)
    code, line = reported(capsys)
    assert (code, line["value"], line["ok"]) == (len(found), len(found), not found)
    assert (line["of"], line["pieces"], line["places"], line["planted"]) == (18, 7, 2, 12)
