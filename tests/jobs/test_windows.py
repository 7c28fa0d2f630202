"""Several windows of `retrain.window`: the newest rows decide, for a window that is surely better than the first."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import windows

from project_data import ProjectData
from sluice.records.window_choice import WindowChoice

OLD, RECENT, NEW = 1_200, 1_000, 500
WINDOWS = ["all", "90d", "since_drift"]


def written(folder: Path, turned: bool, names: list[str], kind: str = "binary", new: int = NEW) -> ProjectData:
    """Rows whose target follows `x`, the old ones inversely if `turned`; 90d holds the others, since_drift none."""
    chance = np.random.default_rng(3)
    age = np.array(["old"] * OLD + ["recent"] * RECENT + ["new"] * new)
    x = chance.normal(size=len(age))
    way = np.where((age == "old") & turned, -1, 1)
    y = way * x + chance.normal(scale=0.5, size=len(age))
    inside = [{"all": "1", "90d": "0" if each == "old" else "1"} for each in age]
    rows = [
        {
            "x": f"{x[i]:.6f}",
            "y": ("true" if y[i] > 0 else "false") if kind == "binary" else f"{y[i]:.6f}",
            "_in_window": "".join(inside[i].get(name, "-") for name in names),
            "_compared": "new" if age[i] == "new" else "".join(inside[i].get(name, "-") for name in names),
        }
        for i in chance.permutation(len(age))
    ]
    target = {"binary": {"type": "boolean"}, "regression": {"type": "number"}}[kind]
    problem: dict[str, Any] = {"type": kind, "target": "y", "metric": "roc_auc" if kind == "binary" else "rmse"}
    if kind == "binary":
        problem["positive"] = True
    contract = {
        "problem": problem,
        "data": {"columns": {"x": {"type": "number"}, "y": target}},
        "retrain": {"window": names},
    }
    (folder / "contract").mkdir(parents=True)
    (folder / "contract" / "contract.json").write_text(json.dumps(contract))
    cut = len(rows) * 3 // 4
    for name, part in (("train", rows[:cut]), ("validation", rows[cut:])):
        (folder / name).mkdir()
        with (folder / name / "data.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(part)
    return windows.read(folder / "contract", folder / "train", folder / "validation")


def choice(data: ProjectData) -> WindowChoice:
    assert data.window is not None
    return WindowChoice.model_validate(json.loads(json.dumps(data.window)))


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_a_window_that_is_surely_better_on_the_newest_rows_is_chosen_and_its_rows_alone_are_kept(
    tmp_path: Path, kind: str
) -> None:
    data = written(tmp_path, True, WINDOWS, kind)
    found = choice(data)
    assert (found.chosen, found.rows, found.learned) == ("90d", NEW, RECENT + NEW)
    assert len(data.rows) + len(data.validation) == RECENT + NEW == len(data.y) + len(data.y_validation)
    every, recent = found.windows
    assert (every.rows, recent.rows, every.gain) == (OLD + RECENT, RECENT, None)
    assert recent.gain.low > 0
    assert (recent.value > every.value) == (kind == "binary")
    assert every.low < every.value < every.high
    assert found.why_not == {"since_drift": "`window` in prepared/manifest.json says why"}
    assert "90d is learned from, 1,500 rows" in found.sentence
    assert "it is surely better than all, by " in found.sentence


def test_without_a_certain_difference_the_first_window_of_the_contract_is_taken(tmp_path: Path) -> None:
    first = choice(written(tmp_path / "a", False, ["all", "90d"]))
    assert (first.chosen, first.learned) == ("all", OLD + RECENT + NEW)
    assert "no other window is surely better than all" in first.sentence
    assert choice(written(tmp_path / "b", False, ["90d", "all"])).chosen == "90d"


def test_too_few_newest_rows_compare_nothing_and_it_says_so(tmp_path: Path) -> None:
    found = choice(written(tmp_path, True, ["all", "90d"], new=99))
    assert (found.chosen, found.windows) == ("all", [])
    assert found.why_not["90d"] == "99 newest rows are too few to compare it by; 100 are needed"
    assert found.sentence.count("was not compared") == 2


def test_rows_that_are_not_marked_are_all_learned_from(tmp_path: Path) -> None:
    data = written(tmp_path, True, ["all", "90d"])
    for name in ("train", "validation"):
        path = tmp_path / name / "data.csv"
        lines = path.read_text().splitlines()
        path.write_text("\n".join(line.rsplit(",", 2)[0] for line in lines) + "\n")
    again = windows.read(tmp_path / "contract", tmp_path / "train", tmp_path / "validation")
    assert again.window is None
    assert len(again.rows) + len(again.validation) == OLD + RECENT + NEW > len(data.rows)
