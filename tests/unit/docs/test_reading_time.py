"""What a newcomer reads until the first model: the README, what `init` prints and the contract that it drafts."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path
from typing import Any

import pytest

from cli.app import main
from cli.commands import cloud
from cli.stack import LocalStack
from examples.generate_sessions import Knobs, as_csv
from testing.watched_run import FIRST_RUN

ROOT = Path(__file__).resolve().parents[3]
README = re.sub(r"\]\([^)]*\)", "]", (ROOT / "README.md").read_text(encoding="utf-8"))
WORDS_A_MINUTE = 230
ROWS = 300


def words(text: str) -> int:
    return sum(1 for word in text.split() if re.search(r"\w", word))


def cycle(*values: object) -> list[object]:
    return [values[row % len(values)] for row in range(ROWS)]


def mixed(*values: object) -> list[object]:
    """In an order by chance: in the same order, columns would stand for each other."""
    return random.Random(str(values)).sample(cycle(*values), ROWS)


def numbers(step: float, seed: str) -> list[Any]:
    chance = random.Random(seed)
    return [round(chance.randrange(ROWS // 2) * step, 3) for _ in range(ROWS)]


def churn() -> dict[str, list[object]]:
    """A wide table of categories, as one of telephone customers: each value stands in the contract."""
    service = {f"Service{number}": cycle("No", "Yes", "No internet service") for number in range(7)}
    return {
        "customerID": [f"{row:04}-QPYBK" for row in range(ROWS)],
        "gender": cycle("Male", "Female"),
        "SeniorCitizen": cycle(0, 0, 1),
        **{name: cycle("Yes", "No", "No") for name in ("Partner", "Dependents", "PhoneService", "PaperlessBilling")},
        "tenure": numbers(1, "tenure"),
        "Contract": cycle("Month-to-month", "Two year", "One year"),
        "InternetService": cycle("Fiber optic", "DSL", "No"),
        **service,
        "Payment": cycle("Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)"),
        "MonthlyCharges": numbers(0.37, "month"),
        "TotalCharges": numbers(1.91, "total"),
        "target": mixed("Yes", "No", "No"),
    }


def bikes() -> dict[str, list[object]]:
    """Counts by hour: no key, a time, columns of 0 and 1, and two that add up to the target, hence many comments."""
    parts = {name: numbers(1, name) for name in ("casual", "registered")}
    return {
        "instant": list(range(ROWS)),
        "day": [f"2026-{1 + row // 28:02}-{1 + row % 28:02}" for row in range(ROWS)],
        **{name: cycle(1, 0, 0) for name in ("year", "holiday", "workingday")},
        **{name: cycle(*range(12)) for name in ("season", "month", "hour", "weekday", "weather")},
        **{name: numbers(0.013, name) for name in ("temp", "felt", "humidity", "wind")},
        **parts,
        "target": [sum(both) for both in zip(*parts.values(), strict=True)],
    }


def beans() -> dict[str, list[object]]:
    """Measurements and seven classes."""
    return {
        "Bean ID": list(range(ROWS)),
        **{f"ShapeFactor{number}": [row * 0.37 + number for row in range(ROWS)] for number in range(16)},
        "target": cycle("DERMASON", "SIRA", "SEKER", "HOROZ", "CALI", "BARBUNYA", "BOMBAY"),
    }


@pytest.mark.parametrize("table", [churn, bikes, beans])
def test_own_files_take_three_minutes_of_reading(table, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (tmp_path / "own.csv").open("w", newline="", encoding="utf-8") as written:
        columns = table()
        csv.writer(written).writerows([list(columns), *zip(*columns.values(), strict=True)])
    assert words(README) + read_of(tmp_path / "own.csv", "target", capsys) <= 3 * WORDS_A_MINUTE


def test_the_readmes_own_file_does_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data.csv").write_bytes(as_csv(Knobs(rows=ROWS)))
    assert words(README) + read_of(tmp_path / "data.csv", "purchase", capsys) <= 3 * WORDS_A_MINUTE


def test_what_is_printed_while_one_waits_is_read_in_a_minute() -> None:
    """The lines to paste at the end of `make cloud`, and `sluice watch` of a first run."""
    pasted = cloud.welcome(LocalStack(state=ROOT / ".localcloud"), background=False)
    assert words(pasted) <= 80
    assert words(FIRST_RUN) <= 120
    assert words(pasted) + words(FIRST_RUN) <= WORDS_A_MINUTE


def read_of(source: Path, target: str, capsys: pytest.CaptureFixture[str]) -> int:
    """Words that `init` prints and of the contract."""
    contract = source.with_name("project.yaml")
    assert main(["init", str(source), "--target", target, "-o", str(contract)]) == 0
    return words(capsys.readouterr().out.replace(str(contract), contract.name)) + words(contract.read_text("utf-8"))
