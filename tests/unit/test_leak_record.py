"""`make prove` believes the record of leaks only when it is there and of these sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from proofs import leaks


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "proof" / "leaks.json"
    monkeypatch.setattr(leaks, "RESULT", path)
    return path


def told(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict]:
    code = leaks.main()
    return code, json.loads(capsys.readouterr().out)


def test_no_record_is_refused(result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, line = told(capsys)
    assert (code, line["ok"], line["value"]) == (1, False, None)
    assert "test_leaks.py" in line["why"]


def test_a_record_of_other_sources_is_refused(
    result: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    leaks.record(leaks.sources(), 18, {"log events": 5}, [], 12)
    monkeypatch.setattr(leaks, "sources", lambda: "changed")
    code, line = told(capsys)
    assert (code, line["ok"]) == (1, False)
    assert "other sources" in line["why"]


@pytest.mark.parametrize("found", [[], [("qx", "log events", "group stream")]])
def test_a_record_is_told(result: Path, capsys: pytest.CaptureFixture[str], found: list) -> None:
    leaks.record(leaks.sources(), 18, {"log events": 5, "SNS messages": 2}, found, 12)
    code, line = told(capsys)
    assert (code, line["value"], line["ok"]) == (len(found), len(found), not found)
    assert (line["of"], line["pieces"], line["places"], line["planted"]) == (18, 7, 2, 12)
