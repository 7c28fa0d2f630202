"""Several classes, and a number, through the whole line: from a dropped file to answers, a batch, and monitoring.

A yes or no goes through it in the other stories of this folder, segments and anomalies in test_unlabelled.py.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
import yaml

from sluice import keys
from testing.line import Line
from testing.served import as_csv, served

pytestmark = pytest.mark.long

RELEASE = {"steps": [25, 100], "bake": "30s", "max_bake": "40m", "max_error_rate": 0.05, "max_p99_ms": 5000}
MONITOR = {"every": "1m", "window": "30m", "drift": {"score": "psi", "max": 5, "min_rows": 50}}
TUNING = {"strategy": "random", "max_jobs": 2, "parallel_jobs": 2, "max_minutes": 10}
FEATURES = {"area": {"type": "number"}, "rooms": {"type": "integer"}, "district": {"type": "category"}}


def contract(
    project: str, problem: dict[str, Any], target: dict[str, str], linear: str, gates: list[dict[str, Any]]
) -> str:
    columns = {"id": {"type": "text", "nullable": False}, **FEATURES, problem["target"]: target}
    return yaml.safe_dump(
        {
            "project": project,
            "problem": problem,
            "data": {"key": ["id"], "columns": columns, "expectations": {"max_nulls": 0.5}},
            "training": {"candidates": [linear, "lightgbm"], "tuning": TUNING},
            "gates": gates,
            "release": RELEASE,
            "monitor": MONITOR,
            "retrain": {"on": []},
        },
        sort_keys=False,
    )


def homes(rows: int, seed: int, name: str) -> list[dict[str, Any]]:
    """Homes whose price follows from area and district, and whose kind follows from rooms and area, with exceptions."""
    chance = random.Random(seed)
    found = []
    for number in range(rows):
        rooms, district = chance.randint(1, 9), chance.choice(["north", "harbour", "old town"])
        area = round(rooms * chance.uniform(14, 26), 1)
        price = area * {"north": 2_000, "harbour": 3_500, "old town": 5_000}[district] + chance.gauss(0, 8_000)
        kind = "studio" if rooms == 1 else "flat" if area < 110 else "house"
        if chance.random() < 0.03:
            kind = chance.choice(["studio", "flat", "house"])
        row = {"id": f"{name}{number}", "area": "" if chance.random() < 0.02 else area, "rooms": rooms}
        found.append({**row, "district": district, "price": round(price, 2), "kind": kind})
    return found


def without(rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name not in names} for row in rows]


def seen(line: Line, project: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    asked = without(rows, "price", "kind")
    requests = [{**row, "area": None if row["area"] == "" else row["area"]} for row in asked]
    return {"rows": rows, **served(line, project, asked, requests)}


def classes(line: Line) -> dict[str, Any]:
    """Three classes; a later run that a strict gate rejects is compared with the champion."""
    project, problem = "kinds", {"type": "multiclass", "target": "kind", "metric": "accuracy"}
    gates = [
        {"metric": "accuracy", "min": 0.85},
        {"metric": "macro_f1", "min": 0.8},
        {"metric": "accuracy", "above_baseline_by": 0.1},
        {"metric": "accuracy", "slice": "district", "max_gap": 0.5},
        {"metric": "accuracy", "not_worse_than_champion_by": 0.05},
    ]
    kind = {"type": "category"}, "logistic_regression"
    line.put_contract(project, contract(project, problem, *kind, gates))
    line.drop(project, "homes.csv", as_csv(without(homes(900, 1, "h"), "price")))
    first = line.run(project, 1, outcome="promoted")
    found = seen(line, project, homes(150, 2, "n"))
    line.put_contract(project, contract(project, problem, *kind, [*gates, {"metric": "accuracy", "min": 0.9999}]))
    line.drop(project, "more.csv", as_csv(without(homes(600, 3, "m"), "price")))
    return {"project": project, "runs": [first, line.run(project, 2, outcome="rejected")], **found}


@pytest.mark.story.with_args(classes)
def test_classes_from_a_file_to_answers(line: Line, story: dict[str, Any]) -> None:
    project, (first, second) = story["project"], story["runs"]
    evaluation = line.read_json(keys.run(project, first["run_id"], "evaluation/evaluation.json"))
    assert evaluation["candidate"]["metrics"]["accuracy"] >= 0.85
    answers = story["answers"]
    assert {answer["prediction"] for answer in answers} == {"studio", "flat", "house"}
    assert all(1 / 3 <= answer["probability"] <= 1 for answer in answers)
    right = sum(answer["prediction"] == row["kind"] for answer, row in zip(answers, story["rows"], strict=True))
    assert right >= 0.85 * len(answers)
    assert [row["prediction"] for row in story["batch"]] == [answer["prediction"] for answer in answers]
    assert story["report"]["decision"] == "stable"
    later = line.read_json(keys.run(project, second["run_id"], "evaluation/evaluation.json"))
    # a row keeps its part for life, so the champion has seen none of the test rows
    assert later["compared"]["champion"] == {"rows": later["rows"], "test_rows": later["rows"], "known": True}
    assert later["paired"]["accuracy"]["low"] is not None
    assert line.command("why", second["run_id"]) == 0


def numbers(line: Line) -> dict[str, Any]:
    """A price; a later run that a strict gate rejects is compared with the champion."""
    project, problem = "prices", {"type": "regression", "target": "price", "metric": "rmse"}
    gates = [
        {"metric": "rmse", "max": 100_000},
        {"metric": "r2", "min": 0.8},
        {"metric": "rmse", "above_baseline_by": 10_000},
        {"metric": "rmse", "not_worse_than_champion_by": 20_000},
    ]
    kind = {"type": "number"}, "ridge"
    line.put_contract(project, contract(project, problem, *kind, gates))
    line.drop(project, "homes.csv", as_csv(without(homes(900, 4, "h"), "kind")))
    first = line.run(project, 1, outcome="promoted")
    found = seen(line, project, homes(150, 5, "n"))
    line.put_contract(project, contract(project, problem, *kind, [*gates, {"metric": "rmse", "max": 1}]))
    line.drop(project, "more.csv", as_csv(without(homes(600, 6, "m"), "kind")))
    return {"project": project, "runs": [first, line.run(project, 2, outcome="rejected")], **found}


@pytest.mark.story.with_args(numbers)
def test_a_number_from_a_file_to_answers(line: Line, story: dict[str, Any]) -> None:
    project, (first, second) = story["project"], story["runs"]
    evaluation = line.read_json(keys.run(project, first["run_id"], "evaluation/evaluation.json"))
    assert evaluation["candidate"]["metrics"]["r2"] >= 0.8
    answers = [answer["prediction"] for answer in story["answers"]]
    errors = [abs(answer - row["price"]) for answer, row in zip(answers, story["rows"], strict=True)]
    assert sorted(errors)[len(errors) // 2] < 60_000
    assert [float(row["prediction"]) for row in story["batch"]] == pytest.approx(answers)
    assert story["report"]["decision"] == "stable"
    later = line.read_json(keys.run(project, second["run_id"], "evaluation/evaluation.json"))
    assert later["paired"]["rmse"]["low"] is not None
    assert line.command("why", second["run_id"]) == 0
