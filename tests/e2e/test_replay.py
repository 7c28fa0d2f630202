"""A few months of real sessions lived through on the local cloud: labels come late, quality is lost, the line retrains.

`make bench-replay` lives through the whole stream, over services in memory.
"""

from __future__ import annotations

import csv
from datetime import datetime
from typing import Any

import pytest
import yaml

from benchmarks.learning.tables import shared
from cli.artefacts import ROOT
from sluice import keys
from testing.line import Line, wait_for
from testing.served import as_csv
from tests.e2e.test_real_data import roc_auc

PROJECT = "replayed"
SHOPPERS = shared() / "online_shoppers" / "online_shoppers_intention.csv"
HISTORY, SPRING, SUMMER, LAST = ("Feb", "Mar"), ("May", "June"), ("Jul", "Aug", "Sep", "Oct"), ("Dec",)
LIMIT = 0.93
"""ROC AUC: the first model has more than 0.95 on its own test rows, and less than 0.85 in the summer."""

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not SHOPPERS.exists(), reason=f"the data set {SHOPPERS.name} is not here"),
]


def contract() -> str:
    whole = yaml.safe_load((ROOT / "tests" / "e2e" / "projects" / "online-shoppers.yaml").read_text())
    columns = {name: column for name, column in whole["data"]["columns"].items() if name != "Month"}
    content = {
        "project": PROJECT,
        "problem": whole["problem"],
        "data": {"columns": columns, "expectations": {"max_nulls": 0.5}},
        "training": {
            "candidates": ["gradient_boosting"],
            "tuning": {"strategy": "random", "max_jobs": 1, "parallel_jobs": 1, "max_minutes": 10},
            "learning_curve": False,
        },
        "gates": [{"metric": "roc_auc", "min": 0.8}, {"metric": "roc_auc", "not_worse_than_champion_by": 0.02}],
        "release": {"steps": [100], "bake": "30s", "max_bake": "4m", "max_error_rate": 0.05, "no_traffic": "promote"},
        "monitor": {
            "every": "1m",
            "window": "1d",
            # the alarm on quality alone is to ring
            "drift": {"score": "psi", "max": 15, "min_rows": 200},
            "quality": {"metric": "roc_auc", "min": LIMIT, "min_labels": 100},
        },
        # rows that arrive start no run
        "retrain": {"on": ["quality"], "cooldown": "1h", "max_per_week": 3, "on_rows": 1_000_000},
    }
    return yaml.safe_dump(content, sort_keys=False)


def months(*wanted: str) -> list[dict[str, str]]:
    with SHOPPERS.open(newline="") as file:
        return [
            {**{name: text for name, text in row.items() if name != "Month"}, "Revenue": row["Revenue"].lower()}
            for row in csv.DictReader(file)
            if row["Month"] in wanted
        ]


def request(row: dict[str, str]) -> dict[str, Any]:
    texts = {"OperatingSystems", "Browser", "Region", "TrafficType", "VisitorType"}
    found: dict[str, Any] = {
        name: text if name in texts else float(text) for name, text in row.items() if name not in ("Weekend", "Revenue")
    }
    return {**found, "Weekend": row["Weekend"] == "TRUE"}


def asked(line: Line, rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Each row's answer, with the inference id that a label calls it by."""
    found = []
    for start in range(0, len(rows), 50):
        answer = line.invoke(PROJECT, [request(row) for row in rows[start : start + 50]])
        found += [
            {**said, "inference_id": f"{answer['inference_id']}-{number}", "model": answer["model"]}
            for number, said in enumerate(answer["predictions"])
        ]
    return found


def labelled(line: Line, name: str, rows: list[dict[str, str]], answers: list[dict[str, Any]]) -> None:
    told = [
        {"inference_id": answer["inference_id"], "Revenue": row["Revenue"]}
        for row, answer in zip(rows, answers, strict=True)
    ]
    record = line.record(PROJECT, name, line.drop(PROJECT, name, as_csv(told), area="labels"), area="labels")
    assert record["status"] == "accepted", record


def quality(rows: list[dict[str, str]], answers: list[dict[str, Any]]) -> float:
    return roc_auc([row["Revenue"] == "true" for row in rows], [answer["probability"] for answer in answers])


def report(line: Line) -> dict[str, Any]:
    key = keys.monitor(PROJECT, "latest.json")
    found: dict[str, Any] = line.read_json(key) if line.listed(key) else {}
    return found


def lived(line: Line) -> dict[str, Any]:
    line.put_contract(PROJECT, contract())
    line.drop(PROJECT, "history.csv", as_csv(months(*HISTORY)))
    first = line.run(PROJECT, 1, outcome="promoted")
    summer, last = months(*SUMMER), months(*LAST)
    answers = asked(line, summer)
    # what a year brings, with its labels, is there for the next run before anybody knows how good the answers were
    version = line.drop(PROJECT, "spring-and-summer.csv", as_csv(months(*SPRING, *SUMMER)))
    line.record(PROJECT, "spring-and-summer.csv", version)
    without_labels = wait_for(
        lambda: (told := report(line)).get("rows", 0) >= len(summer) and told,
        f"{PROJECT}: a measurement of the answers",
    )
    runs_before = len(line.runs(PROJECT))
    half = len(summer) // 2
    labelled(line, "first-half.csv", summer[:half], answers[:half])
    labelled(line, "second-half.csv", summer[half:], answers[half:])
    # again, and in another form: nothing of it counts twice
    labelled(line, "all-again.csv", summer, answers)
    line.alert(PROJECT, "Retraining Started")
    noticed = report(line)
    # until the release the first model answers
    before = asked(line, last)
    # on a slow machine the last of these come when the release has begun: then the canary needs requests of its own
    line.run(PROJECT, 2, until="bake_token")
    asked(line, last)
    second = line.run(PROJECT, 2, outcome="promoted")
    after = asked(line, last)
    return {
        "runs": [first, second],
        "runs_before": runs_before,
        "without_labels": without_labels,
        "noticed": noticed,
        "summer": quality(summer, answers),
        "before": quality(last, before),
        "after": quality(last, after),
        "models": [{answer["model"] for answer in each} for each in (answers, before, after)],
    }


@pytest.mark.story.with_args(lived)
def test_lost_quality_is_noticed_when_labels_come_and_not_before(line: Line, story: dict[str, Any]) -> None:
    assert story["runs_before"] == 1
    assert story["without_labels"]["quality"]["value"] is None
    found = story["noticed"]
    assert found["labels"]["counted"] >= found["quality"]["labels"] >= 100
    assert found["quality"]["evidence"]["worse"]
    assert found["quality"]["bound"] < LIMIT
    if found["quality"]["labels"] == len(months(*SUMMER)):
        # to the last digits but those that the sketch's bins lose
        assert found["quality"]["value"] == pytest.approx(story["summer"], abs=0.005)
    second = story["runs"][1]
    assert (second["trigger"], second["outcome"]) == ("quality", "promoted")
    described = line.aws("cloudwatch").describe_alarm_history(
        AlarmName=f"{line.stack.stack}/{PROJECT}/quality", HistoryItemType="StateUpdate"
    )
    assert any("to ALARM" in item["HistorySummary"] for item in described["AlarmHistoryItems"])


@pytest.mark.story.with_args(lived)
def test_the_retrained_model_serves_later_rows_better(line: Line, story: dict[str, Any]) -> None:
    first, second = story["runs"]
    assert story["models"] == [{first["run_id"]}, {first["run_id"]}, {second["run_id"]}]
    assert story["summer"] < LIMIT
    assert story["after"] > story["before"]


@pytest.mark.story.with_args(lived)
def test_the_response_begins_seconds_after_the_breaching_datapoint(
    line: Line, story: dict[str, Any], record_property: Any
) -> None:
    """Two periods of the alarm and a minute, on the clock of this cloud; docs/operations.md has a figure."""
    second = story["runs"][1]
    history = line.aws("stepfunctions").get_execution_history(executionArn=second["execution_arn"])["events"]
    entered = next(each["timestamp"] for each in history if "stateEnteredEventDetails" in each)
    measured = [line.read_json(key) for key in line.listed(keys.monitor(PROJECT)) if key.endswith("/report.json")]
    breaching = [
        datetime.fromisoformat(each["at"])
        for each in measured
        if ((each.get("quality") or {}).get("evidence") or {}).get("worse")
    ]
    taken = (entered - min(breaching)).total_seconds()
    record_property("seconds from the first breaching datapoint to the first state", taken)
    print(f"first breaching measurement to the first state of its run: {taken:.1f} s")
    assert 0 < taken < 60
