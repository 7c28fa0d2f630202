"""The read model of a run's models: trials, evaluation, gates, and two runs compared."""

from __future__ import annotations

import json
import time

from console.reading import comparison, decisions, evaluation, trials
from console.source import Source
from sluice import keys
from sluice.model.search_progress import SearchProgress
from tests.console import recorded
from tests.console.trees import texts

PROMOTED = recorded.run_with("promoted")
ROLLED_BACK = recorded.run_with("rolled_back")
FIRST = recorded.run_ids()[-1]


def test_auto_s_trials_are_read(source: Source):
    found = trials.read(source, "visits", recorded.run_with(None, "visits"))
    assert found["tuning"]["status"] == "Completed"
    assert len(found["auto"]["groups"]) > 5
    assert "the search ended after" in found["auto"]["counted"]


def test_an_evaluation_is_its_report_with_plots_as_trees(source: Source):
    found = evaluation.read(source, "shop", PROMOTED)
    shown = texts(found["page"])
    for heading in ("ROC curve", "Precision and recall", "Calibration", "Confusion matrix", "Permutation importance"):
        assert heading in shown
    assert "learning curve" in shown.lower()
    assert "model card" in texts(found["card"]).lower()


def test_trials_are_jobs_with_settings_and_the_best_is_marked(source: Source):
    found = trials.read(source, "shop", FIRST)
    assert found["tuning"]["status"] == "Completed"
    best = next(each for each in found["trials"] if each["name"] == found["best"])
    assert best["score"] == max(each["score"] for each in found["trials"])
    assert best["hyperparameters"]
    assert found["figure"]


def test_the_trials_of_auto_are_counted_in_the_words_of_the_command_line_and_equal_ones_are_one():
    source = Source(recorded.stack())
    objects = source.world.objects
    trial = {"family": "lightgbm", "score": 0.9, "seconds": 2.0, "weight": 0.0, "from": "search", "left_out": ""}
    kept = [*[trial] * 20, trial | {"score": 0.93, "weight": 1.0, "from": "portfolio"}]
    objects.write(keys.run("shop", FIRST, "evaluation", "plots.json"), json.dumps({"trials": kept}).encode())
    assert trials.read(source, "shop", FIRST)["auto"]["counted"] == "21, 21 with a score"
    at = keys.run("shop", FIRST, "evaluation", "evaluation.json")
    searched = {"trials": 21, "scored": 21, "portfolio": 19, "judged": 19, "budget_seconds": 120.0, "seconds": 46.2}
    searched["ended"] = "40 trials in a row were not better"
    objects.write(at, json.dumps(json.loads(objects.read(at)) | {"search": searched}).encode())
    found = trials.read(source, "shop", FIRST)["auto"]
    end = "the search ended after 46 of 120 s: 40 trials in a row were not better"
    assert found["counted"] == f"21, 21 with a score; {end}"
    assert found["short"] is None
    own, others = found["groups"]
    assert (own["first"], own["trials"], own["weight"], own["origin"]) == (20, 1, 1.0, "portfolio")
    assert (others["first"], others["trials"], others["seconds"]) == (0, 20, 40.0)
    assert trials.read(source, "shop", ROLLED_BACK)["auto"] is None


def test_a_search_of_auto_says_how_far_it_is_as_watch_does():
    stack = recorded.stack()
    objects, now = stack.world.objects, int(time.time() * 1000)
    name = trials.read(Source(stack), "shop", FIRST)["tuning"]["name"]
    line = {"timestamp": now, "logStreamName": f"{name}-001-0a/algo-1-1"}
    stack.clients.logs = [line | {"message": SearchProgress(12, 14, "roc_auc", 0.91314, 61).line()}]
    stack.clients.tuning[name]["HyperParameterTuningJobStatus"] = "InProgress"
    assert trials.read(Source(stack), "shop", FIRST)["progress"] == []
    plan_at = keys.run("shop", FIRST, "plan.json")
    plan = json.loads(objects.read(plan_at))
    plan["tuning"]["families"] = ["auto"]
    objects.write(plan_at, json.dumps(plan).encode())
    [told] = trials.read(Source(stack), "shop", FIRST)["progress"]
    assert told == "auto: about 60 s left, 12 of 14 trials ended, best roc_auc 0.9131"


def test_gates_speak_in_words(source: Source):
    found = decisions.read(source, "shop", PROMOTED)
    assert found["gates"]["decision"] == "approved"
    assert all(each["reason"] and each["outcome"] == "pass" for each in found["gates"]["verdicts"])
    assert {each["name"] for each in found["others"]} >= {"canary", "replay", "verification-promotion"}
    assert texts(found["figure"]).count("minus the") >= 2


def test_two_runs_are_compared_in_metrics_curves_and_contract(source: Source):
    found = comparison.read(source, "shop", FIRST, PROMOTED)
    assert [each["run"]["run_id"] for each in found["runs"]] == [FIRST, PROMOTED]
    auc = next(each for each in found["metrics"] if each["metric"] == "roc_auc")
    assert all(low <= value <= high for value, (low, high) in zip(auc["values"], auc["ends"], strict=True))
    assert [each["title"] for each in found["plots"]] == ["ROC curve", "Precision and recall"]


def test_contracts_differ_by_the_place_of_each_value():
    first = {"a": {"b": 1, "same": [1]}, "gone": True}
    second = {"a": {"b": 2, "same": [1]}, "new": None, "other": "x"}
    found = {each["where"]: each["values"] for each in comparison.differences(first, second)}
    assert found == {"a.b": [1, 2], "gone": [True, None], "other": [None, "x"]}
