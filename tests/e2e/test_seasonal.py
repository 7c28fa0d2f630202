"""A project whose time column becomes a feature by its seasons while a model without them serves."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from sluice import keys
from testing.line import Line
from testing.served import as_csv, served
from tests.e2e.test_labelled_types import MONITOR, RELEASE, TUNING

pytestmark = pytest.mark.long

PROJECT, FIRST = "hourly-demand", datetime(2026, 1, 5, tzinfo=UTC)


def contract(**features: str) -> str:
    types = {"at": "timestamp", "price": "number", "sold": "number"}
    return yaml.safe_dump(
        {
            "project": PROJECT,
            "problem": {"type": "regression", "target": "sold", "metric": "rmse"},
            "data": {
                "time": "at",
                "columns": {name: {"type": kind} for name, kind in types.items()},
                "split": {"by": "time"},
            },
            "features": features,
            "training": {"candidates": ["ridge", "lightgbm"], "tuning": TUNING},
            "gates": [
                {"metric": "rmse", "max": 100},
                {"metric": "rmse", "not_worse_than_champion_by": 0.0},
                {"metric": "suspected_leaks", "max": 0},
            ],
            "release": {**RELEASE, "no_traffic": "promote", "max_bake": "6m"},
            "monitor": MONITOR,
            "retrain": {"on": []},
        },
        sort_keys=False,
    )


def hours(first: int, count: int) -> list[dict[str, Any]]:
    """Demand by the hour and the weekday; of one hour in fifty the time is missing."""
    chance = random.Random(first)
    rows = []
    for hour in range(first, first + count):
        at, price = FIRST + timedelta(hours=hour), round(chance.gauss(0, 1), 4)
        sold = 8 * math.sin(at.hour / 24 * 2 * math.pi) - 5 * (at.weekday() > 4) - 2 * price + chance.gauss(0, 0.5)
        rows.append({"at": at.isoformat() if chance.random() < 0.98 else "", "price": price, "sold": round(sold, 4)})
    return rows


def demand(line: Line) -> dict[str, Any]:
    line.put_contract(PROJECT, contract())
    line.drop(PROJECT, "first.csv", as_csv(hours(0, 900)))
    first = line.run(PROJECT, 1, outcome="promoted")
    line.put_contract(PROJECT, contract(time="seasonal"))
    line.drop(PROJECT, "second.csv", as_csv(hours(900, 400)))
    second = line.run(PROJECT, 2, outcome="promoted")
    rows = hours(1300, 168)
    asked = [{name: row[name] for name in ("at", "price")} for row in rows]
    found = served(line, PROJECT, asked, [{**row, "at": row["at"] or None} for row in asked])
    return {"runs": [first, second], "rows": rows, **found}


@pytest.mark.story.with_args(demand)
def test_a_served_project_learns_its_seasons(line: Line, story: dict[str, Any]) -> None:
    evaluation = line.read_json(keys.run(PROJECT, story["runs"][1]["run_id"], "evaluation/evaluation.json"))
    assert evaluation["champion"]["metrics"]["rmse"] > 4 > 2 > evaluation["candidate"]["metrics"]["rmse"]
    assert evaluation["encoding"]["seasons"]["at"]["used"] == ["hour", "weekday"]
    assert set(evaluation["importance"]["columns"]) == {"at", "price"}
    assert evaluation["leakage"]["suspects"] == []
    answers = [answer["prediction"] for answer in story["answers"]]
    errors = [abs(answer - row["sold"]) for answer, row in zip(answers, story["rows"], strict=True) if row["at"]]
    assert sum(errors) / len(errors) < 1.5
    assert [float(row["prediction"]) for row in story["batch"]] == pytest.approx(answers)
    assert story["report"]["decision"] == "stable"
    assert "at" not in story["report"]["drift"]["columns"]
    assert line.command("why", story["runs"][1]["run_id"]) == 0
