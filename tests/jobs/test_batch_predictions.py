"""A file to score and its other spelling get the same predictions (case F06), not only the same requests."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sluice.contract import Contract
from sluice.datasets.batch_answers import join_answers
from sluice.intake.scoring import read_scoring_file
from tests.jobs.learning_data import make_data
from tests.jobs.test_inference import CODE, CSV, LINES

HEADER = "id,pages,seconds,channel,member,words,at\n"
PLAIN = HEADER + "a,4,12.5,ads,true,red shoe,2026-01-02T03:04:05Z\nb,2,,email,false,,2026-01-02T03:04:05Z\n"
BLANKS = HEADER + "a, 4, 12.5, ads, true,red shoe, 2026-01-02T03:04:05Z\nb, 2, , email, false, , 2026-01-02T03:04:05Z\n"


def contract(data: Path) -> Contract:
    written = json.loads((data / "contract" / "contract.json").read_text())
    return Contract.model_validate(
        {
            "project": "shop",
            "problem": {"type": "binary", "target": "y", "positive": True},
            "data": {"key": ["id"], "columns": written["data"]["columns"]},
            "features": {"log": ["seconds"]},
        }
    )


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_blanks_change_no_prediction(workspace: Any, tmp_path: Path, form: str) -> None:
    data = make_data(tmp_path / "data", "binary")
    done, model = workspace.train(data, "logistic_regression", name=f"blanks-{form}")
    assert done.returncode == 0, done.stderr

    def predicted(name: str, text: str) -> list[dict[str, Any]]:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "arrival").write_text(text)
        found = read_scoring_file(folder / "arrival", contract(data), folder)
        assert (found.scored, found.quarantined) == (2, 0)
        asked = [[found.path.read_text(), LINES, CSV if form == "csv" else LINES]]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        done = subprocess.run(
            [sys.executable, "-c", CODE, str(model)],
            input=json.dumps(asked),
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        ((status, answers, _),) = json.loads(done.stdout)["answers"]
        assert status == 200
        (folder / "raw").write_text(answers)
        assert join_answers(found.index_path, folder / "raw", folder / "out", form, found.key_columns) == 2
        if form == "csv":
            return list(csv.DictReader((folder / "out").open()))
        told = [json.loads(line) for line in (folder / "out").open()]
        return [{name: row[name] for name in ("_row", "id", "prediction", "probability")} for row in told]

    plain, blanks = predicted("plain", PLAIN), predicted("blanks", BLANKS)
    assert plain == blanks
    assert [str(row["_row"]) for row in plain] == ["2", "3"]
    assert [row["id"] for row in plain] == ["a", "b"]
    assert len({row["probability"] for row in plain}) == 2
    # what the first file got before: ' ads' was an unknown category
    other = predicted("unknown", PLAIN.replace(",ads,", ",another,"))
    assert other[0]["probability"] != plain[0]["probability"]
    assert other[1] == plain[1]
