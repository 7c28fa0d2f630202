"""`features.time: seasonal` through the learning jobs: trained, evaluated, and served."""

from __future__ import annotations

import csv
import json
import math
import random
from datetime import UTC, datetime, timedelta

import inference
import numpy as np
import pytest
from choosing import proposed

from channels import read_rows
from families import FAMILIES
from sluice.model.model import Model
from sluice.model.schema import Schema
from sluice.records.evaluation import Evaluation
from sluice.steps.judge_candidate import _notes
from tests.jobs.learning_data import write_csv

FIRST = datetime(2026, 1, 5, tzinfo=UTC)
HEADER = ["at", "price", "y"]


def demand(folder, *, seasonal=True):
    """Demand by the hour and the weekday, split by time; every ninth time is missing."""
    chance = random.Random(1)
    contract = {
        "problem": {"type": "regression", "target": "y", "positive": None, "metric": "rmse"},
        "data": {
            "key": [],
            "time": "at",
            "columns": dict(zip(HEADER, ({"type": each} for each in ("timestamp", "number", "number")))),
            "split": {"by": "time"},
        },
        "features": {"time": "seasonal"} if seasonal else {},
        "training": {"candidates": [], "seed": 0},
        "gates": [],
    }
    begin = 0
    for part, hours in (("train", 600), ("validation", 200), ("test", 200)):
        lines = []
        for hour in range(begin, begin + hours):
            moment, price = FIRST + timedelta(hours=hour), chance.gauss(0, 1)
            y = 8 * math.sin(moment.hour / 24 * 2 * math.pi) - 5 * (moment.weekday() > 4) + price + chance.gauss(0, 0.5)
            lines.append([moment.isoformat() if hour % 9 else "", f"{price:.4f}", f"{y:.4f}"])
        begin += hours
        write_csv(folder / part / "data.csv", HEADER, lines)
    (folder / "contract").mkdir(parents=True)
    (folder / "contract" / "contract.json").write_text(json.dumps(contract))
    return folder, contract


def served(model, requests):
    loaded = inference.model_fn(str(model))
    read = ((inference.input_fn(body, kind), kind) for body, kind in requests)
    return [inference.output_fn(inference.predict_fn(each, loaded), kind)[0] for each, kind in read]


@pytest.mark.parametrize("family", ["lightgbm", "ridge"])
def test_seasons_are_learned_and_served_as_they_were_evaluated(workspace, tmp_path, family):
    errors = {}
    for seasonal in (False, True):
        data, contract = demand(tmp_path / f"data-{seasonal}", seasonal=seasonal)
        done, folder = workspace.train(data, family, f"{family}-{seasonal}")
        assert done.returncode == 0, done.stderr
        rows = read_rows(data / "test", Schema.from_contract(contract), "test", needed={"y"})
        scores = Model.load(folder, exact=True).score(rows)
        dated = np.array([row["at"] is not None for row in rows])
        errors[seasonal] = float(np.sqrt(np.mean((scores - [row["y"] for row in rows])[dated] ** 2)))
    assert errors[True] < 2 < 4 < errors[False]

    with (data / "test" / "data.csv").open() as file:
        records = [{"at": row["at"] or None, "price": float(row["price"])} for row in csv.DictReader(file)]
    absent = [{name: value for name, value in record.items() if value is not None} for record in records]
    lines = "".join(f"{record['at'] or ''},{record['price']!r}\n" for record in records)
    requests = [(json.dumps({"instances": each}), "application/json") for each in (records, absent)]
    requests += [(json.dumps(record), "application/json") for record in records]
    many, few, *single = (json.loads(text)["predictions"] for text in served(folder, requests))
    for told in (many, few, [each[0] for each in single]):
        np.testing.assert_allclose([each["prediction"] for each in told], scores, rtol=0, atol=1e-6)
    (table,) = served(folder, [(lines, "text/csv")])
    np.testing.assert_allclose([float(line.split(",")[0]) for line in table.split()], scores, rtol=0, atol=1e-6)


def test_another_preparation_of_dates_is_not_tried_for_it(tmp_path):
    _, contract = demand(tmp_path / "data")
    tried = proposed(FAMILIES["lightgbm"], Schema.from_contract(contract), contract["features"])
    assert not {"parts", "cycles"} & tried.keys()


@pytest.mark.parametrize("champion", ["seasonal", "plain"])
def test_scores_are_expected_only_of_models_that_know_the_same_seasons(workspace, tmp_path, champion):
    """In some hours of traffic a good model with seasons scores otherwise beside one without than over whole days."""
    data, packed = None, {}
    for role, seasonal in (("champion", champion == "seasonal"), ("candidate", True), ("baseline", True)):
        data, _ = demand(tmp_path / role, seasonal=seasonal)
        done, model = workspace.train(data, "baseline" if role == "baseline" else "ridge", f"{champion}-{role}")
        assert done.returncode == 0, done.stderr
        packed[role] = workspace.pack(model, f"{champion}-{role}")
    pairs = {"test": data / "test", "contract": data / "contract", "output": tmp_path / "out"}
    (tmp_path / "out").mkdir()
    pairs |= {"message": tmp_path / "message", **packed}
    done = workspace.run("evaluate.py", *(text for name, path in pairs.items() for text in (f"--{name}", path)))
    assert done.returncode == 0, done.stderr
    found = Evaluation.model_validate(json.loads((tmp_path / "out" / "evaluation.json").read_text()))
    assert found.paired is not None
    assert (found.scores is None) == (champion == "plain")
    told = found.scores_not_compared or ""
    assert ("the candidate knows the seasons of a time that the other does not" in told) == (champion == "plain")
    assert (told in _notes(found)) == bool(told)
