"""The read model over the recording of a local cloud: what each page is given, and what it leaves where it is."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from cli import lineage as cli_lineage
from cli import machines
from cli.target import Target
from console.inbox import Inbox
from console.plain import body_of
from console.reading import (
    alarms,
    alerts,
    comparison,
    data,
    decisions,
    evaluation,
    lineage,
    monitor,
    progress,
    project,
    projects,
    release,
    run,
    state,
    trials,
)
from console.reading.logs import place_of
from console.reading.run import summary
from console.source import Source
from sluice import keys
from sluice.errors import InputError, NotFoundError
from sluice.model.search_progress import SearchProgress
from testing.release_world import PROJECT
from tests.console import recorded
from tests.console.stub import StubStack
from tests.unit.steps.test_label_quality import asked, labelled, report, world_of

PROMOTED, ROLLED_BACK = recorded.run_with("promoted"), recorded.run_with("rolled_back")
FIRST = recorded.run_ids()[-1]


@pytest.fixture(scope="module")
def source() -> Source:
    """Tests only read it."""
    return Source(recorded.stack())


def texts(tree: list[Any]) -> str:
    return " ".join(node if isinstance(node, str) else texts(node[2]) for node in tree)


def test_projects_say_what_serves_and_what_was_measured(source: Source):
    found = projects.read(source)
    homes, shop, visits = found["projects"]
    assert [homes["champion"]["run_id"], visits["champion"]] == [recorded.run_with("promoted", "homes"), None]
    assert [each["run_id"] for each in visits["waiting"]] == [recorded.run_with(None, "visits")]
    assert shop["champion"]["run_id"] == PROMOTED
    assert shop["champion"]["endpoint"]["status"] == "InService"
    assert shop["runs"] == len(recorded.run_ids())
    assert shop["measured"]["decision"] in ("stable", "drifted", "inconclusive")


def test_a_project_lists_its_runs_with_their_outcomes(source: Source):
    found = project.read(source, "shop")
    assert [each["run_id"] for each in found["runs"]] == recorded.run_ids()
    assert found["outcomes"] == {"running": 1, "promoted": 3, "rolled_back": 1}
    only = project.read(source, "shop", only="rolled_back")
    assert [each["run_id"] for each in only["runs"]] == [ROLLED_BACK]
    assert "the canary fails more often" in only["runs"][0]["because"]


def test_five_hundred_runs_come_fifty_at_a_time():
    full = Source(recorded.stack(runs=500))
    count = 500 + len(recorded.run_ids())
    found = project.read(full, "shop")
    assert (found["total"], len(found["runs"]), found["pages"]) == (count, project.PAGE, -(-count // project.PAGE))
    assert len(body_of(found)[0]) < 40_000
    last = project.read(full, "shop", page=10_000)
    assert (last["page"], len(last["runs"])) == (found["pages"] - 1, count % project.PAGE or project.PAGE)
    seen = [each["run_id"] for page in range(found["pages"]) for each in project.read(full, "shop", page)["runs"]]
    assert len(set(seen)) == count


@pytest.mark.parametrize("ask", [lambda s: project.read(s, "other"), lambda s: run.read(s, "shop", "r0")])
def test_what_is_not_there_is_said_so(source: Source, ask: Any):
    with pytest.raises(NotFoundError):
        ask(source)


def test_a_run_is_its_machines_coloured_by_their_histories(source: Source):
    found = run.read(source, "shop", ROLLED_BACK)
    assert [each["machine"] for each in found["machines"]] == ["Lifecycle", "PrepareData", "BuildModel", "ReleaseModel"]
    lifecycle, *_, released = found["machines"]
    assert lifecycle["from"] == "the machine as deployed"
    assert lifecycle["status"] == "SUCCEEDED"
    assert lifecycle["states"]["Model Rolled Back"]["status"] == "otherwise"
    assert [(each["end"], each["promoted"]) for each in found["machines"]] == [
        ("Model Rolled Back", False),
        ("Data Prepared", True),
        ("Model Built", True),
        ("Model Rolled Back", False),
    ]
    assert "status" not in lifecycle["states"]["Model Promoted"]
    assert ("Candidate Good Enough?", "Register Model") in lifecycle["taken"]
    assert ("Candidate Good Enough?", "Finish Run") not in lifecycle["taken"]
    assert released["started_by"] == "Release Model"
    assert released["states"]["Judge Canary"]["entries"] > 1
    assert found["pages"]["evaluation"]
    assert not found["live"]


def test_every_end_without_a_promotion_is_known():
    """A machine succeeds at them, too; a new end must be put on one side or the other."""
    ends = set()
    for source in machines.sources():
        definition = json.loads(json.dumps(machines.definition(source)))
        ends |= {name for name, each in definition["States"].items() if each["Type"] == "Succeed"}
    assert ends - run.NO_PROMOTION == {
        *("Model Promoted", "Model Built", "Data Prepared", "File Scored", "File Recorded")
    }
    assert ends >= run.NO_PROMOTION


def test_a_first_model_proposes_the_gate_that_watch_proposes(source: Source):
    first = recorded.run_with("promoted", "homes")
    found = run.read(source, "homes", first)["next"]["paste"]
    assert found[-1]["lines"] == ["- {metric: rmse, max: 47000}"]
    assert decisions.read(source, "homes", first)["next"]["paste"] == found
    # the contract of this one has such a gate
    assert [each["lines"] for each in run.read(source, "shop", PROMOTED)["next"]["paste"]] == [["sluice ask shop"]]
    # another model serves now
    stack = recorded.stack()
    champion = stack.world.ledger.champion("homes")
    assert champion
    stack.world.ledger.set_champion("homes", replace(champion, run_id="r2"), first)
    assert run.read(Source(stack), "homes", first)["next"]["paste"] == []


def test_a_run_says_what_to_do_next(source: Source):
    rejected = run.read(source, "visits", recorded.run_with("rejected", "visits"))["next"]
    assert [each["lines"] for each in rejected["paste"]] == [
        ["features: {drop: [order_value]}"],
        ['sluice register project.yaml && sluice retrain visits --reason "leaks dropped"'],
    ]
    assert decisions.read(source, "visits", recorded.run_with("rejected", "visits"))["next"] == rejected
    waits = run.read(source, "visits", recorded.run_with(None, "visits"))
    assert (waits["waits"] is None, waits["next"]["pages"][0]) == (False, ["Decisions", "decisions"])
    assert run.read(source, "shop", recorded.run_with(None))["next"] is None
    stack = recorded.stack()
    error = {"state": "Seal Candidate", "error": "ArtifactError", "cause": "x"}
    stack.world.ledger.update_run("shop", FIRST, {"outcome": "failed", "error": error})
    failed = run.read(Source(stack), "shop", FIRST)["next"]
    assert failed["pages"][0] == ["The state that failed", "?machine=BuildModel&state=Seal+Candidate"]


def test_a_run_in_progress_says_how_far_it_is():
    live = recorded.run_with(None)
    [line] = progress.read(Source(recorded.stack()), "shop", live)
    assert re.match(r"The new model has 100 % of the traffic; 0 of its \d+ requests failed; .* of the bake at", line)
    assert progress.read(Source(recorded.stack()), "shop", PROMOTED) == []
    stack = recorded.stack()
    stack.world.objects.write(keys.decision("shop", live, "canary"), b"{}")
    assert progress.read(Source(stack), "shop", live) == [], "the search is over"
    name = next(each for each in stack.clients.tuning if live in each)
    stack.clients.tuning[name] |= {"HyperParameterTuningJobStatus": "InProgress"}
    [line] = progress.read(Source(stack), "shop", live)
    assert re.fullmatch(r"\d+ training jobs with a score; the best so far is 0\.\d{4}", line)
    stack.clients.denied = {"describe_hyper_parameter_tuning_job"}
    assert progress.read(Source(stack), "shop", live) == []


def test_auto_s_trials_are_read(source: Source):
    found = trials.read(source, "visits", recorded.run_with(None, "visits"))
    assert found["tuning"]["status"] == "Completed"
    assert len(found["auto"]["groups"]) > 5
    assert "the search ended after" in found["auto"]["counted"]


def test_no_token_leaves_the_record(source: Source):
    token = "the-token-of-a-task"
    stack = recorded.stack()
    stack.world.ledger.update_run(
        "shop", PROMOTED, {"approval": {"package_arn": "arn:p", "token": token}, "bake_token": token}
    )
    own = Source(stack)
    told = [
        run.read(own, "shop", PROMOTED),
        project.read(own, "shop"),
        projects.read(own),
        decisions.read(own, "shop", PROMOTED),
        alerts.read(own, None),
        release.read(own, "shop", PROMOTED),
    ]
    assert token not in json.dumps(told, default=str)


def test_a_state_has_input_output_time_and_what_it_calls(source: Source):
    found = state.read(source, "shop", FIRST, "Lifecycle", "Judge Candidate")
    (entry,) = found["entries"]
    assert entry["seconds"] > 0
    assert json.loads(entry["output"])["decision"] == "approved"
    assert entry["place"]["kind"] == "lambda"
    assert "JudgeCandidate" in entry["place"]["name"]
    cleaned = state.read(source, "shop", FIRST, "PrepareData", "Clean Dataset")["entries"][0]
    assert cleaned["place"]["kind"] == "glue"
    assert cleaned["place"]["stream"].startswith("jr_")


@pytest.mark.parametrize(
    ("service", "resource", "parameters", "place"),
    [
        (
            "sagemaker",
            "createTrainingJob.sync",
            {"TrainingJobName": "t"},
            ("sagemaker", "t", "/aws/sagemaker/TrainingJobs"),
        ),
        (
            "sagemaker:createProcessingJob.sync",
            "arn:aws:states:::sagemaker:createProcessingJob.sync",
            {"ProcessingJobName": "e"},
            ("sagemaker", "e", "/aws/sagemaker/ProcessingJobs"),
        ),
        ("lambda", "invoke", {"FunctionName": "arn:aws:lambda:r:1:function:f:$LATEST"}, ("lambda", "f", "")),
        ("aws-sdk:sagemaker", "describeTrainingJob", {"TrainingJobName": "t"}, None),
        ("states", "startExecution.sync:2", {"Name": "x"}, None),
        ("lambda", "invoke", "cut off", None),
    ],
)
def test_where_the_log_of_a_task_is(service: str, resource: str, parameters: Any, place: Any):
    found = place_of(service, resource, parameters)
    assert (found and (found["kind"], found["name"], found["group"])) == place


def test_of_a_shared_log_group_the_lines_of_the_function_alone_are_shown():
    stack = recorded.stack()
    name = state.read(Source(stack), "shop", FIRST, "Lifecycle", "Judge Candidate")["entries"][0]["place"]["name"]
    line = {"timestamp": 1_764_000_000_000, "logStreamName": "a", "message": "START"}
    own = json.dumps({"level": "INFO", "message": "judged", "function_name": name})
    stack.clients.logs = [
        line,
        line | {"message": own},
        line | {"logStreamName": "b", "message": "of another function"},
    ]
    found = state.read(Source(stack), "shop", FIRST, "Lifecycle", "Judge Candidate")["entries"][0]["log"]
    assert [each["text"] for each in found["lines"]] == ["START", "INFO judged"]
    assert (found["group"], found["link"]) == ("/aws/lambda/sluice", None)


def test_of_a_job_the_lines_of_the_run_s_own_alone_are_shown():
    """Even where the service does not filter by the name of the stream."""
    stack = recorded.stack()
    place = state.read(Source(stack), "shop", FIRST, "PrepareData", "Clean Dataset")["entries"][0]["place"]
    line = {"timestamp": 1_764_000_000_000, "logStreamName": "jr_of_another_run", "message": "other"}
    stack.clients.logs = [line, line | {"logStreamName": place["stream"], "message": "own"}]
    found = state.read(Source(stack), "shop", FIRST, "PrepareData", "Clean Dataset")["entries"][0]["log"]
    assert [each["text"] for each in found["lines"]] == ["own"]


def test_on_aws_the_log_has_a_link_into_its_own_console():
    stack = recorded.stack()
    stack.target = Target("https://sts.eu-west-1.amazonaws.com", "eu-west-1", "123456789012")
    log = state.read(Source(stack), "shop", FIRST, "Lifecycle", "Judge Candidate")["entries"][0]["log"]
    assert log["link"].startswith("https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2")


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


def test_a_release_has_its_steps_its_evidence_and_its_pairs(source: Source):
    aborted = release.read(source, "shop", ROLLED_BACK)["canary"]
    assert (aborted["decision"], [step["percent"] for step in aborted["steps"]]) == ("abort", [10])
    found = release.read(source, "shop", PROMOTED)
    assert found["plan"]["weights"] == [10, 25, 50, 100]
    assert [step["percent"] for step in found["canary"]["steps"]] == [10, 25, 50, 100]
    assert found["canary"]["decision"] == "promote"
    assert found["canary"]["newest"]["limit"] > 0
    assert "evidence against it" in texts(found["canary"]["evidence"])
    assert found["replay"]["pairs_in_all"] == found["replay"]["requests"] > 100
    assert found["replay"]["disagree"] > 0
    assert not found["replay"]["pairs"][0]["same"]


def test_a_release_that_is_over_has_its_report():
    stack = recorded.stack()
    run = recorded.run_with("promoted")
    stack.world.objects.write(
        keys.release_report("shop", run), b"<html><body><main><h1>Release</h1></main></body></html>"
    )
    assert "Release" in json.dumps(release.read(Source(stack), "shop", run)["page"])


def test_a_canary_without_two_measurements_has_no_plot():
    look = {
        "at": "2026-11-29T12:00:00+00:00",
        "step_index": 0,
        "inputs": {"percent": 10},
        "statistic": {},
        "decision": "continue",
    }
    found = release.canary_of({"looks": [look], "decision": "continue"})
    assert (found["evidence"], found["traffic"], found["measurements"]) == (None, None, 1)
    assert release.canary_of({})["newest"] is None


def test_data_has_files_and_why_rows_were_refused(source: Source):
    found = data.read(source, "shop")
    assert found["refused"][0]["key"].endswith("damaged.csv")
    assert found["refused_rows"] == 400
    assert found["refused"][0]["told"][0] == (
        "quarantined as a whole: no row accepted, 203 of 400 refused, 197 good and held back"
    )
    assert not {"max_invalid_rows", "min_rows"} & {each["rule"] for each in found["refused"][0]["reasons"]}
    assert found["unread"] == []
    one = data.dataset(source, "shop", found["refused"][0]["dataset_id"])
    assert one["refused"]
    assert all(row["reasons"] and row["values"] for row in one["refused"])
    assert one["accepted"] is None
    assert any("sluice redrive shop FILE --dataset" in each for each in one["next"])
    whole = data.dataset(source, "shop", found["datasets"][-1]["dataset_id"])
    assert "channel" in texts(whole["profile"])
    assert whole["key"] == found["datasets"][-1]["key"]
    assert whole["accepted"]["rows"] == 1_500
    assert whole["accepted"]["runs"] == recorded.run_ids()
    assert whole["accepted"]["serving"] == PROMOTED


def test_a_file_that_could_not_be_read_is_listed_with_why_and_what_to_do():
    world = (stack := recorded.stack()).world
    world.objects.write("raw/shop/bad.csv", b"a,b\n1,2\n")
    record = {"status": "failed", "error": "HeaderMismatchError", "message": "'purchase' is missing", "rows": 0}
    version = str(world.objects.version("raw/shop/bad.csv"))
    world.ledger.record_arrival(world.objects.bucket, "raw/shop/bad.csv", version, record | {"project": "shop"})
    [found] = data.read(Source(stack), "shop")["unread"]
    assert found["key"] == "raw/shop/bad.csv"
    assert found["told"][1] == "'purchase' is missing"
    assert "correct the file's header" in found["told"][2]


def test_a_damaged_summary_of_refused_rows_is_listed_without_words():
    stack = recorded.stack()
    stack.world.objects.write(keys.quarantine_summary("shop", "odd"), b'{"reasons": ["x"]}')
    assert {each["dataset_id"]: each["told"] for each in data.read(Source(stack), "shop")["refused"]}["odd"] == []


def test_damaged_rows_in_quarantine_are_left_out():
    stack = recorded.stack()
    dataset = data.read(Source(stack), "shop")["refused"][0]["dataset_id"]
    stack.world.objects.write(
        keys.quarantined_rows("shop", dataset),
        b'{"row": 1}\nnot json\n{"row":2,"values":{"a":1},"reasons":[{"rule":"x"}]}',
    )
    found = data.dataset(Source(stack), "shop", dataset)["refused"]
    assert found == [
        {"row": 2, "reasons": [{"rule": "x", "column": None, "rows": None, "message": None}], "values": [["a", "1"]]}
    ]


def test_monitoring_is_a_history_and_the_newest_in_full(source: Source):
    found = monitor.read(source, "shop")
    assert found["measurements"] > 10
    assert {each["title"] for each in found["plots"]} >= {"Drift (PSI)", "Rows in the window"}
    assert "Greatest drift (PSI)" in texts(found["page"])
    asked_for = {each["run_id"] for each in found["responses"] if each["decision"] == "retrain"}
    # a retraining that was asked for by an alarm leads to its run, the one in progress too
    assert asked_for == {each["run_id"] for each in recorded.project()["ledger"]["runs"] if each["trigger"] == "drift"}
    assert {each["alarm"] for each in found["responses"]} <= {"drift", "triage"}


@pytest.mark.parametrize(
    ("decision", "rows", "few"), [("inconclusive", 2, True), ("inconclusive", 200, False), ("stable", 200, False)]
)
def test_too_few_requests_are_told_apart_from_other_inconclusive_measurements(decision: str, rows: int, few: bool):
    stack = recorded.stack()
    report = {"decision": decision, "rows": rows, "thresholds": {"drift": {"min_rows": 200}}, "at": "2026-12-01"}
    stack.world.objects.write(keys.monitor("shop", "latest.json"), json.dumps(report).encode())
    assert monitor.few_rows(report) == few
    shop = next(each for each in projects.read(Source(stack))["projects"] if each["project"] == "shop")
    assert shop["measured"]["few_rows"] == few
    assert not monitor.few_rows({"decision": "inconclusive", "rows": 0})  # a report that names no limit


def test_a_report_of_tomorrow_is_drawn_as_far_as_it_is_known():
    periods = [
        {"until": f"2026-11-2{9 - day}T00:00:00+00:00", "mature": day > 0, "maturity": 0.5 + 0.2 * min(day, 2)}
        | ({"value": 0.8, "low": 0.7, "high": 0.9} if day else {})
        for day in range(5)
    ]
    reports = [
        {
            "at": f"2026-11-29T1{hour}:00:00+00:00",
            "rows": 10 * hour,
            "quality": {"metric": "f1", "value": 0.8, "low": 0.7, "high": 0.9, "periods": periods},
            "labels": {"maturity": {"curve": [{"age_seconds": 3600 * n, "share": n / 4} for n in range(5)]}},
            "drift": None,
            "new member": {"x": [1]},
            "thresholds": {"quality": {"min": 0.75}},
        }
        for hour in range(4)
    ]
    titles = [each["title"] for each in monitor.plots(reports)]
    assert titles == [
        *("Quality (f1)", "Rows in the window", "Quality by period", "Maturity by period", "How soon labels come")
    ]
    assert monitor.by_period({"periods": [{"until": "?"}, {}]}) == []
    assert monitor.label_curve({"maturity": {"curve": [{"age_seconds": None}, 5]}}) is None
    assert monitor.plots([{"at": "?"}, {"at": None}]) == []
    assert monitor.plots(reports[:1]) == []


def test_alarms_have_a_rule_and_those_in_alarm_come_first():
    stack = recorded.stack()
    stack.clients.alarms[-1]["AlarmName"] = "sluice/shop/aa"
    stack.clients.alarms[-1]["StateValue"] = "ALARM"
    found = alarms.read(Source(stack), "shop")
    assert found["alarms"][0]["short"] == "aa"
    drift = next(each for each in found["alarms"] if each["short"] == "drift")
    assert drift["rule"].startswith("DriftScore Maximum > 0.25 in 1 of 1 periods")
    # without the suffix of CloudFormation, whose names those that may read no stack still see
    assert "RunFailedAlarm" in {each["short"] for each in found["stack"]}
    stack.clients.denied = {"list_stack_resources"}
    assert all(each["short"].count("-") == 1 for each in alarms.read(Source(stack), "shop")["stack"])


def test_only_changes_of_an_alarm_s_state_are_its_history():
    stack = recorded.stack()
    name = alarms.read(Source(stack), "shop")["alarms"][0]["name"]
    words = ("OK to ALARM", "INSUFFICIENT_DATA to INSUFFICIENT_DATA")
    stack.clients.alarm_history[name] = [{"HistorySummary": f"Alarm updated from {each}"} for each in words]
    found = alarms.read(Source(stack), "shop")["history"]
    assert [each["what"] for each in found] == ["Alarm updated from OK to ALARM"]


def test_the_inbox_has_what_was_heard_and_what_is_recorded(source: Source):
    inbox = Inbox(source, wanted=False)
    sns = {"Subject": "shop: hello", "Message": "text", "Timestamp": "2026-11-29T12:00:00Z",
           "MessageAttributes": {"kind": {"Value": "Model Promoted"}, "project": {"Value": "shop"}}}  # fmt: skip
    inbox.take(json.dumps(sns))
    inbox.take("not JSON")
    found = alerts.read(source, inbox, "shop")
    assert [each["subject"] for each in found["heard"]] == ["shop: hello"]
    assert [each["kind"] for each in alerts.read(source, inbox)["heard"]] == ["unreadable", "Model Promoted"]
    assert not found["listens"]
    assert "--listen" in found["why_not"]
    kinds = {each["kind"] for each in found["records"]}
    assert kinds >= {"Model Promoted", "Model Rolled Back", "Dataset Accepted", "Retraining Started"}
    assert [each["at"] for each in found["records"]] == sorted((each["at"] for each in found["records"]), reverse=True)


def test_what_was_heard_is_not_shown_among_the_records_again(source: Source):
    before = [each for each in alerts.read(source, None, "shop")["records"] if each["kind"] == "Model Promoted"]
    inbox = Inbox(source, wanted=False)
    at = (datetime.fromisoformat(before[0]["at"]) + timedelta(seconds=2)).isoformat()
    named = {"kind": {"Value": "Model Promoted"}, "project": {"Value": "shop"}}
    inbox.take(json.dumps({"Subject": "s", "Message": "m", "Timestamp": at, "MessageAttributes": named}))
    found = alerts.read(source, inbox, "shop")["records"]
    assert [each for each in found if each["kind"] == "Model Promoted"] == before[1:]


def test_the_reasons_of_a_judge_are_sentences(source: Source):
    error = {"state": "Replay Requests", "error": "CanaryAborted", "cause": '["the scores differ", "it is slow"]'}
    assert summary({"outcome": "rolled_back", "error": error})["because"] == "the scores differ; it is slow"
    other = {"state": "Tune", "error": "States.Timeout", "cause": "1 h"}
    assert summary({"outcome": "failed", "error": other})["because"] == "Tune: States.Timeout: 1 h"


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


def test_a_page_that_aws_refuses_says_so_and_the_log_is_missing_alone():
    stack = recorded.stack()
    stack.clients.denied = {"filter_log_events", "get_function_configuration"}
    found = state.read(Source(stack), "shop", FIRST, "Lifecycle", "Judge Candidate")
    assert "AccessDenied" in found["entries"][0]["log"]["why_not"]


def test_what_is_asked_twice_at_once_is_asked_of_aws_once():
    stack = recorded.stack()
    own = Source(stack)
    for _ in range(5):
        projects.read(own)
        run.read(own, "shop", PROMOTED)
    asked = [name for name, _ in stack.clients.asked]
    # each of the four histories once: they have ended
    assert asked.count("get_execution_history") == 4
    assert asked.count("list_stack_resources") == 1


def test_the_console_s_queue_hears_alerts_and_goes_with_it():
    stack = recorded.stack()
    own = Source(stack)
    stack.clients.messages = [json.dumps({"Subject": f"{n}", "Message": "m"}) for n in range(3)]
    inbox = Inbox(own, wanted=True)
    deadline = time.monotonic() + 10
    while len(inbox.alerts()) < 3 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [each["subject"] for each in inbox.alerts()] == ["0", "1", "2"]
    assert inbox.listens
    inbox.end()
    asked = [name for name, _ in stack.clients.asked]
    assert asked.count("delete_message") == 3
    assert asked[-2:] == ["unsubscribe", "delete_queue"]
    assert not inbox.listens
    policy = next(told for name, told in stack.clients.asked if name == "set_queue_attributes")["Attributes"]["Policy"]
    assert own.world.settings.topic_arn in policy


def test_without_the_right_to_make_a_queue_the_pages_work_and_say_so():
    stack = recorded.stack()
    stack.clients.denied = {"create_queue"}
    inbox = Inbox(Source(stack), wanted=True)
    assert not inbox.listens
    assert "AccessDenied" in alerts.read(Source(stack), inbox)["why_not"]


def test_a_measurement_of_the_monitor_itself_is_drawn_with_quality_maturity_and_label_delays():
    """Not the recording: what the monitor writes today, so that a member with another name is noticed here."""
    world = world_of()
    begun = world.clock.now()
    for day in range(5):
        at = begun + timedelta(days=day)
        asked(world, f"d{day}", 40, at)
        world.clock.advance((at - world.clock.now()).total_seconds() + 600)
        if day < 4:
            labelled(world, f"d{day}", 40, "true")
        report(world)
    found = monitor.read(Source(StubStack(world)), PROJECT)
    titles = [each["title"] for each in found["plots"]]
    assert {"Quality (recall)", "Quality by period", "Maturity by period", "How soon labels come"} <= set(titles)
    assert found["newest"]["quality"]["metric"] == "recall"
    assert found["newest"]["labels"]["maturity"]["mature_age_seconds"] is not None
    assert "Quality by the time of the request" in texts(found["page"])


def test_an_object_that_is_written_once_is_read_once(monkeypatch: pytest.MonkeyPatch):
    stack, read = recorded.stack(), []
    objects = stack.world.objects
    before = objects.read
    monkeypatch.setattr(objects, "read", lambda key, *more: read.append(key) or before(key, *more))
    own = Source(stack)
    monkeypatch.setattr("console.source.time.monotonic", lambda: 0.0)
    monitor.read(own, "shop")
    alerts.read(own, None, "shop")
    monkeypatch.setattr("console.source.time.monotonic", lambda: 60.0)
    monitor.read(own, "shop")
    alerts.read(own, None, "shop")
    responses = [key for key in read if "/responses/" in key or key.endswith("/report.json")]
    assert responses
    assert len(responses) == len(set(responses))


def test_lineage_is_what_the_command_finds(source: Source):
    dataset = data.read(source, "shop")["datasets"][-1]["dataset_id"]
    asked = [lineage.read(source, "shop", what, "") for what in (PROMOTED, dataset, "no such thing", "")]
    made, went, unknown, nothing = asked
    assert made["found"] == cli_lineage.traced(source.world, "shop", PROMOTED, 30)
    assert made["found"]["run"]["files"]
    assert {each["run"] for each in went["found"]["files"][0]["runs"]} >= {FIRST}
    assert (unknown["found"], "is neither a file" in unknown["problem"]) == (None, True)
    assert (nothing["found"], nothing["problem"], nothing["runs"][-1]) == (None, None, FIRST)
    for days in ("0", "-1", "x", "9999999"):
        with pytest.raises(InputError):
            lineage.read(source, "shop", "x", days)
