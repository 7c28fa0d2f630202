"""`sluice quarantine`: refused rows for a spreadsheet; and what the terminal is shown of hostile names."""

from __future__ import annotations

import ast
import csv
import io
import json
from pathlib import Path

import pytest

from cli.text import say, table
from sluice.bootstrap import World
from tests.cli.conftest import Sluice

COMMANDS = Path(__file__).resolve().parents[2] / "cli"
ROWS = [
    {
        "row": 3,
        "reasons": [{"column": "pages", "rule": "type", "message": "is not an integer"}],
        "values": {"pages": "=1+1", "bought": None},
    },
    {
        "row": 5,
        "reasons": [{"column": None, "rule": "fields", "message": "has 3 fields"}],
        "values": ["7", "yes", "@SUM(A1)"],
    },
    {
        "row": 9,
        "reasons": [{"column": "pages", "rule": "min", "message": "is less than 0"}],
        "values": {"pages": "-3.5", "bought": "yes\ud800"},
    },
]


def quarantined(world: World, dataset: str = "d1", key: str = "raw/shop/day 1.csv") -> None:
    reasons = [{"rule": "type", "column": "pa\x1b[31mges", "rows": 2}, {"rule": "fields", "column": None, "rows": 1}]
    summary = {"key": key, "dataset_id": dataset, "status": "accepted", "rows": 7, "quarantined_rows": 3}
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    world.objects.write(f"quarantine/shop/{dataset}/rows.jsonl", lines.encode())
    world.objects.write(f"quarantine/shop/{dataset}/summary.json", json.dumps({**summary, "reasons": reasons}).encode())


def test_files_with_refused_rows_are_listed(sluice: Sluice, world: World) -> None:
    assert "no row of shop is in quarantine" in sluice("quarantine", "shop")[1]
    quarantined(world)
    code, printed, _ = sluice("quarantine", "shop")
    assert code == 0
    for told in ("day 1.csv", "d1", "3", "7 rows accepted", "2 × type in pa\\x1b[31mges", "1 × fields"):
        assert told in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize("wanted", ["day 1.csv", "raw/shop/day 1.csv", "d1"])
def test_a_spreadsheet_gets_rows_and_reasons_and_no_formula(
    sluice: Sluice, world: World, tmp_path: Path, wanted: str
) -> None:
    quarantined(world)
    path = tmp_path / "refused.csv"
    code, printed, _ = sluice("quarantine", "shop", wanted, "--output", str(path))
    assert (code, "3 refused rows of raw/shop/day 1.csv" in printed) == (0, True)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    header, *rows = csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline=""))
    assert header == ["_row", "_reasons", "_dataset", "pages", "bought", "_line"]
    assert rows == [
        ["3", "pages is not an integer", "d1", "'=1+1", "", ""],
        ["5", "has 3 fields", "d1", "", "", "7,yes,@SUM(A1)"],
        ["9", "pages is less than 0", "d1", "-3.5", "yes\\ud800", ""],
    ]


def test_raw_cells_are_unaltered(sluice: Sluice, world: World) -> None:
    quarantined(world)
    _, printed, _ = sluice("quarantine", "shop", "d1", "--raw")
    _, first, *_ = csv.reader(io.StringIO(printed, newline=""))
    assert first[3] == "=1+1"


def test_a_file_without_refused_rows_is_told(sluice: Sluice, world: World) -> None:
    quarantined(world)
    code, _, error = sluice("quarantine", "shop", "day 2.csv")
    assert code == 1
    assert "'day 2.csv'" in error
    assert "did you mean 'day 1.csv'" in error


def test_the_terminal_shows_escapes_and_runs_none(capsys: pytest.CaptureFixture[str]) -> None:
    say("\x1b[2Jcleared \u202etxt.exe\x07\x9b31m\nnext line")
    assert capsys.readouterr().out == "\\x1b[2Jcleared \\u202etxt.exe\\x07\\x9b31m\nnext line\n"
    assert len(table(("a", "b"), [("x\ny", "\x1b[A")]).splitlines()) == 3


def test_commands_print_by_say_alone() -> None:
    bare = []
    for path in COMMANDS.rglob("*.py"):
        # what prints: `say` of commands and of the demonstration; the self-test of an export, which stands alone
        if path.relative_to(COMMANDS).as_posix() in ("text.py", "demo/console.py", "exporting/files/self_test.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "sys.stdout.write"):
                bare.append(f"{path.name}:{node.lineno}")
    assert bare == []
