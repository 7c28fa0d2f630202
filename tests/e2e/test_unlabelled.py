"""Problems without labels through the whole line: from a dropped file to answers, a batch, and monitoring."""

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
COLUMNS = {
    "id": {"type": "text", "nullable": False},
    "spend": {"type": "number"},
    "visits": {"type": "integer"},
    "channel": {"type": "category"},
    "fraud": {"type": "category"},
}


def contract(project: str, problem: dict[str, Any], gates: list[dict[str, Any]], candidates: list[str]) -> str:
    columns = {name: each for name, each in COLUMNS.items() if name != "fraud" or problem.get("target")}
    return yaml.safe_dump(
        {
            "project": project,
            "problem": problem,
            "data": {"key": ["id"], "columns": columns, "expectations": {"max_nulls": 0.5}},
            "training": {"candidates": candidates, "tuning": TUNING},
            "gates": gates,
            "release": RELEASE,
            "monitor": MONITOR,
            "retrain": {"on": []},
        },
        sort_keys=False,
    )


def customers(rows: int, seed: int, name: str = "c", labelled: bool = False) -> list[dict[str, str]]:
    """Three groups, apart in spend, visits and channel; labelled ones have 4 % that are like no group."""
    chance = random.Random(seed)
    found = []
    for number in range(rows):
        group, odd = chance.randrange(3), labelled and chance.random() < 0.04
        spend = 10 ** (1 + group + chance.gauss(0, 0.15) + (chance.choice([-2.5, 3.5]) if odd else 0))
        visits = round(5 + 12 * group + chance.gauss(0, 2) + (chance.choice([-40, 60]) if odd else 0))
        row = {
            "id": f"{name}{number}",
            "spend": "" if chance.random() < 0.03 else f"{spend:.3f}",
            "visits": str(visits),
            "channel": ("phone", "shop", "web")[group],
        }
        # of every tenth row it is not known what it is
        found.append(row | {"fraud": "" if number % 10 == 0 else "yes" if odd else "no"} if labelled else row)
    return found


def asked(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    return [
        {"id": row["id"], "spend": float(row["spend"] or 0) or None, "visits": int(row["visits"]),
         "channel": row["channel"]}
        for row in rows
    ]  # fmt: skip


def seen(line: Line, project: str, rows: list[dict[str, str]]) -> dict[str, Any]:
    found = served(line, project, rows, asked(rows))
    assert found["report"]["predictions"]
    return found


def segments(line: Line) -> dict[str, Any]:
    """Segments are found and released; a later run with other rows keeps their names."""
    project = "segments"
    gates = [
        {"metric": "stability", "min": 0.8},
        {"metric": "silhouette", "above_baseline_by": 0.0},
        {"metric": "silhouette", "not_worse_than_champion_by": 0.02},
    ]
    line.put_contract(project, contract(project, {"type": "clustering"}, gates, ["kmeans", "gaussian_mixture"]))
    line.drop(project, "customers.csv", as_csv(customers(600, 1)))
    first = line.run(project, 1, outcome="promoted")
    found = seen(line, project, customers(120, 2, "n"))
    strict = [{"metric": "silhouette", "min": 0.99}]
    line.put_contract(project, contract(project, {"type": "clustering"}, strict, ["kmeans"]))
    line.drop(project, "more.csv", as_csv(customers(500, 3, "m")))
    return {"project": project, "runs": [first, line.run(project, 2, outcome="rejected")], **found}


@pytest.mark.story.with_args(segments)
def test_segments_from_a_file_to_answers(line: Line, story: dict[str, Any]) -> None:
    run = story["runs"][0]
    evaluation = line.read_json(keys.run(story["project"], run["run_id"], "evaluation/evaluation.json"))
    assert evaluation["candidate"]["metrics"]["stability"] >= 0.8
    assert len(evaluation["unlabelled"]["segments"]) == 3
    answers = story["answers"]
    assert {answer["prediction"] for answer in answers} == {"segment 1", "segment 2", "segment 3"}
    assert all(0 <= answer["probability"] <= 1 for answer in answers)
    by_channel = {(row["channel"], answer["prediction"]) for row, answer in zip(asked(customers(120, 2, "n")), answers)}
    assert len(by_channel) == 3, "each group of the customers is one segment"
    assert [row["prediction"] for row in story["batch"]] == [answer["prediction"] for answer in answers]
    shares = story["report"]["predictions"]
    assert sum(each["seen"] for each in shares.values()) == pytest.approx(1)
    record = line.read_json(keys.decision(story["project"], run["run_id"], "gates"))
    assert any(note.startswith("segment 1: ") for note in record["notes"])
    assert line.command("why", run["run_id"]) == 0


@pytest.mark.story.with_args(segments)
def test_segments_of_a_later_run_keep_their_names(line: Line, story: dict[str, Any]) -> None:
    first, second = story["runs"]
    evaluation = line.read_json(keys.run(story["project"], second["run_id"], "evaluation/evaluation.json"))
    names = evaluation["unlabelled"]["training"]["names"]
    assert (names["champion"], names["kept"], names["new"]) == (first["run_id"], 3, 0)
    assert evaluation["unlabelled"]["agreement"]["same_name"] > 0.95
    assert evaluation["paired"]["silhouette"]["low"] is not None


def anomalies(line: Line) -> dict[str, Any]:
    """Rare rows are flagged; labels of some rows measure the model, before its release and after it."""
    project = "anomalies"
    problem = {"type": "anomaly", "target": "fraud", "positive": "yes", "contamination": 0.05}
    gates = [
        {"metric": "pr_auc", "min": 0.5},
        {"metric": "roc_auc", "min": 0.8},
        {"metric": "flagged_share", "max": 0.15},
    ]
    line.put_contract(project, contract(project, problem, gates, ["isolation_forest", "lof"]))
    line.drop(project, "payments.csv", as_csv(customers(900, 5, labelled=True)))
    run = line.run(project, 1, outcome="promoted")
    rows = customers(200, 6, "n", labelled=True)
    found = seen(line, project, [{name: row[name] for name in row if name != "fraud"} for row in rows])
    return {"project": project, "run": run, "rows": rows, **found}


@pytest.mark.story.with_args(anomalies)
def test_anomalies_from_a_file_to_answers(line: Line, story: dict[str, Any]) -> None:
    run = story["run"]
    evaluation = line.read_json(keys.run(story["project"], run["run_id"], "evaluation/evaluation.json"))
    unlabelled = evaluation["unlabelled"]
    assert 0 < unlabelled["labelled_rows"] < evaluation["rows"], "rows without a label are scored, and not counted"
    manifest = line.read_json(keys.run(story["project"], run["run_id"], "prepared/manifest.json"))
    assert sum(manifest["rows"].values()) == 900, "rows without a label are learned from"
    scores = {"yes": [], "no": []}
    for row, answer in zip(story["rows"], story["answers"], strict=True):
        assert answer["prediction"] is (answer["score"] >= 0.5)
        if row["fraud"]:
            scores[row["fraud"]].append(answer["score"])
    pairs = [(odd, usual) for odd in scores["yes"] for usual in scores["no"]]
    assert sum(odd > usual for odd, usual in pairs) > 0.85 * len(pairs)
    scored = [float(row["score"]) for row in story["batch"]]
    assert scored == pytest.approx([each["score"] for each in story["answers"]])
    assert story["report"]["predictions"]["true"]["seen"] == pytest.approx(
        sum(each["prediction"] for each in story["answers"]) / len(story["answers"])
    )
