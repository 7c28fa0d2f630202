"""`sluice init` drafts a contract for each readable messy file, and the intake accepts the file under it."""

from __future__ import annotations

import json

import pytest

from cli.draft import Shown, draft
from cli.guessing import scan_file
from cli.judging import judged
from sluice.contract import load_contract
from sluice.contract.file import FileLayout
from sluice.errors import SluiceError
from tests.messy import files

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        files.DATA is None, reason="NOT RUN: ../shared/data/messy_csv and messy_parquet are not on this machine"
    ),
]
LEAST = 217
"""Of 231. Others have a damaged header, one line without a header, a time alone, or more bad rows than good ones."""


def _drafted(kind: str, name: str) -> str:
    """The status of the file under the contract that is drafted from it. Raises SluiceError."""
    assert files.DATA is not None
    path = files.DATA / "messy_csv" / name if kind == "csv" else files.DATA / name
    case = files.judged()[kind][name] or {}
    known = {"encoding": case["encoding"]} if "encoding" in case.get("settings", []) else {}
    scan = scan_file(path, FileLayout(**known))
    found = judged(path, load_contract(draft(scan, name, "messy", kind="clustering").text))
    if refused := found["quarantined_rows"] / max(1, found["rows"] + found["quarantined_rows"]):
        found = judged(path, load_contract(draft(scan, name, "messy", kind="clustering", shown=Shown(refused)).text))
    return str(found["status"])


def test_a_draft_accepts_its_own_file(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes: dict[str, str] = {}
    for kind, cases in files.expected().items():
        for name, facts in cases.items():
            if facts["readable"]:
                try:
                    outcomes[name] = _drafted(kind, name)
                except SluiceError as error:
                    outcomes[name] = type(error).__name__
    accepted = sum(outcome == "accepted" for outcome in outcomes.values())
    line = {"name": "readable messy files that are accepted under their draft", "value": accepted, "of": len(outcomes)}
    with capsys.disabled():
        print(f"\n{json.dumps(line | {'ok': accepted >= LEAST})}")
    assert accepted >= LEAST
