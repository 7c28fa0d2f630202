"""`sluice watch` over a run in memory: what each kind of output says, and how it ends."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from cli.commands import watch
from cli.watching import screens
from cli.watching.states import Evidence, State
from cli.watching.tree import tree
from cli.watching.view import View
from sluice import keys
from sluice.contract import Contract
from sluice.steps.plan_training import run_plan
from testing.release_world import CONTRACT, freeze
from tests.cli.stack import OTHER, RUN, serve, start, write
from tests.cli.watching.test_findings import look
from tests.cli.watching.test_states import AT, entered, exited

ARN = "arn:aws:states:eu-west-1:1:execution:sluice-lifecycle:e"


@dataclass
class FakeAws:
    """Step Functions, SageMaker, Glue and CloudFormation of one run. `histories`: execution → its events so far."""

    histories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    glue: list[dict[str, Any]] = field(default_factory=list)

    def __call__(self, service: str) -> Any:
        return self

    def get_paginator(self, name: str) -> Any:
        return SimpleNamespace(paginate=getattr(self, f"_{name}"))

    def _list_stack_resources(self, **_: str) -> list[dict[str, Any]]:
        arn = "arn:aws:states:eu-west-1:1:stateMachine:"
        machines = ("PrepareData", "BuildModel", "ReleaseModel")
        return [{"StackResourceSummaries": [{"LogicalResourceId": m, "PhysicalResourceId": arn + m} for m in machines]}]

    def _get_execution_history(self, **asked: Any) -> Any:
        if (arn := asked["executionArn"]) not in self.histories:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "GetExecutionHistory")
        return [{"events": self.histories[arn][::-1]}]

    def _job(self, name: str) -> dict[str, Any]:
        if name not in self.jobs:
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "Could not find job"}}, "Describe")
        return self.jobs[name]

    def describe_training_job(self, **named: str) -> Any:
        return self._job(*named.values())

    def describe_hyper_parameter_tuning_job(self, **named: str) -> Any:
        return self._job(*named.values())

    def describe_processing_job(self, **named: str) -> Any:
        return self._job(*named.values())

    def get_job_runs(self, **_: Any) -> Any:
        return {"JobRuns": self.glue}


@pytest.fixture
def aws(connection, monkeypatch) -> FakeAws:
    fake = FakeAws()
    monkeypatch.setattr(connection, "client", fake)
    monkeypatch.setattr(watch, "_POLL_SECONDS", 0)
    return fake


@pytest.fixture
def plan(world) -> Any:
    """A run whose plan lies in the bucket; its names are those of the jobs."""
    contract = Contract.model_validate({**CONTRACT, "training": {"candidates": ["gradient_boosting"]}})
    made = run_plan(world.settings, contract, RUN, ["d1"], None)
    write(world, keys.run("shop", RUN, "plan.json"), made.plain())
    start(world, execution_arn=ARN)
    world.ledger.acquire_lock("shop", RUN, world.clock.now())
    return made


def nested(plan: Any, machine: str) -> str:
    name = {"PrepareData": "prepare_execution", "BuildModel": "build_execution", "ReleaseModel": "release_execution"}
    return f"arn:aws:states:eu-west-1:1:execution:{machine}:{getattr(plan.names, name[machine])}"


@pytest.fixture
def built(world, aws, plan) -> None:
    """Data are prepared, the models are in training."""
    now = world.clock.now()
    aws.histories[ARN] = [entered("Open Run", 0), entered("Prepare Data", 0), exited("Prepare Data", 5)]
    aws.histories[ARN] += [entered("Build Model", 5)]
    aws.histories[nested(plan, "PrepareData")] = [entered("Clean Dataset", 1), exited("Clean Dataset", 5)]
    aws.histories[nested(plan, "BuildModel")] = [entered("Train Models", 6, "Parallel")]
    manifest = {"rows_read": 900, "rows": {"train": 600}, "losses": []}
    write(world, keys.run("shop", RUN, "prepared", "manifest.json"), manifest)
    metrics = [{"MetricName": "validation:roc_auc", "Value": 0.71}]
    ended = {"CreationTime": now, "TrainingEndTime": now + timedelta(seconds=3)}
    aws.jobs[plan.names.baseline_job] = {"TrainingJobStatus": "Completed", "FinalMetricDataList": metrics, **ended}
    best = {"TrainingJobName": "j1", "TrainingJobDefinitionName": "gradient-boosting"}
    best["FinalHyperParameterTuningJobObjectiveMetric"] = {"MetricName": "validation:roc_auc", "Value": 0.91}
    aws.jobs[plan.names.tuning_job] = {
        "HyperParameterTuningJobStatus": "InProgress",
        "CreationTime": now,
        "TrainingJobStatusCounters": {"Completed": 2, "InProgress": 2},
        "HyperParameterTuningJobConfig": {"ResourceLimits": {"MaxNumberOfTrainingJobs": 12}},
        "BestTrainingJob": best,
    }


def test_the_tree_shows_jobs_with_progress_and_metrics(sluice, built):
    code, printed, _ = sluice("watch", "shop", "--once", "--verbose")
    assert code == 0
    for told in (
        f"{RUN} of shop: running",
        "✓ Prepare Data",
        "└ ✓ Clean Dataset",
        "900 accepted rows: 600 train",
        "● Build Model",
        "✓ Train Baseline",
        "roc_auc 0.71 on the validation rows",
        "● Tune Candidates",
        "12 training jobs at most: 2 completed, 2 running; best roc_auc 0.91 on the validation rows (gradient boost",
    ):
        assert told in printed, printed


def test_once_prints_one_document_for_programs(sluice, built):
    document = json.loads(sluice("watch", "shop", "--once", "--json")[1])
    assert document["run"] == RUN
    prepare, build = document["states"]
    assert prepare["states"][0]["facts"]["rows_read"] == 900
    (models,) = build["states"]
    baseline, tuning = models["states"]
    assert baseline["facts"]["metrics"] == {"validation:roc_auc": 0.71}
    assert tuning["facts"]["jobs"] == {"completed": 2, "running": 2, "stopped": 0, "failed": 0, "planned": 12}


def test_without_a_run_once_says_how_to_start_one(sluice, world):
    code, _, error = sluice("watch", "shop", "--once")
    assert (code, "sluice drop shop FILE" in error) == (1, True)


def test_what_may_not_be_asked_is_said_and_the_tree_goes_on(sluice, built, aws, monkeypatch):
    def denied(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "DescribeTrainingJob")

    monkeypatch.setattr(aws, "describe_training_job", denied)
    monkeypatch.setattr(aws, "glue", None)
    code, printed, _ = sluice("watch", "shop", "--once", "--verbose")
    assert (code, "● Tune Candidates" in printed) == (0, True)


@dataclass
class Story:
    """Moves the run on with each sleep."""

    chapters: list[Any]

    def sleep(self, _: float) -> None:
        self.chapters.pop(0)()


@pytest.fixture
def canary(world, aws, plan, monkeypatch) -> Story:
    """A canary with two measurements, which is then rolled back."""
    serve(world)
    release = nested(plan, "ReleaseModel")

    def first() -> None:
        aws.histories[ARN] = [entered("Release Model", 0)]
        aws.histories[release] = [entered("Attach Canary", 1), exited("Attach Canary", 2), entered("Bake", 3)]
        aws.histories[release] += [exited("Bake", 4), entered("Judge Canary", 4), exited("Judge Canary", 5)]
        write(world, keys.decision("shop", RUN, "canary"), {"looks": [look(0, 10, "continue", 1.0)]})

    def second() -> None:
        more = [entered("Bake", 6), exited("Bake", 7), entered("Judge Canary", 7), exited("Judge Canary", 8)]
        aws.histories[release] += more
        looks = [look(0, 10, "continue", 1.0), look(0, 10, "abort", 5.0)]
        write(world, keys.decision("shop", RUN, "canary"), {"looks": looks})

    def end() -> None:
        canary = {"decision": "abort", "reasons": ["it fails more often"]}
        facts = {"outcome": "rolled_back", "ended_at": world.clock.now().isoformat(), "canary": canary}
        world.ledger.update_run("shop", RUN, facts)

    story = Story([first, second, end])
    monkeypatch.setattr(watch, "time", SimpleNamespace(sleep=story.sleep, monotonic=lambda: 0.0))
    return story


def test_in_a_pipe_what_changes_is_appended_and_the_outcome_is_the_exit_code(sluice, canary):
    code, printed, _ = sluice("watch", "shop", RUN, "--verbose")
    assert code == 4
    lines = printed.splitlines()
    assert lines[0] == f"{RUN} of shop (data)"
    said = [line[12:] for line in lines[1:]]
    assert said.count("Letting requests arrive at this share") == 1
    assert "   10 %: new model 3/40 failed, champion 0/360: continue" in said
    assert "   10 %: new model 3/40 failed, champion 0/360: abort" in said
    assert any("evidence against it" in line and "5 of 4" in line for line in said)
    assert any("rolled back. it fails more often" in line for line in lines)
    assert "traffic: v-" in printed


def test_in_a_pipe_times_do_not_go_back_and_a_bake_is_told_once_a_minute(capsys):
    lines, run = screens.Lines(), {"run_id": RUN}
    for second in (0, 30, 70):
        reason = f"- {second} of 600 s of the bake at 10 % are over"
        bake = State(
            "ReleaseModel",
            "Judge Canary",
            AT,
            evidence=Evidence((reason, f"auto: {second} of 90 trials ended"), {"at": second}),
        )
        late = State("ReleaseModel", f"Found {second}", AT - timedelta(seconds=1))
        lines.show(View("shop", run, [bake, late], AT + timedelta(seconds=second)))
    printed = capsys.readouterr().out.splitlines()[1:]
    assert [line.split("- ")[1].split()[0] for line in printed if "- " in line] == ["0", "70"]
    assert [line.split("auto: ")[1].split()[0] for line in printed if "auto: " in line] == ["0", "70"]
    times = [line.split()[0] for line in printed]
    assert times == sorted(times)


def test_a_search_within_one_job_has_no_count(built, aws, plan, sluice):
    job = aws.jobs[plan.names.tuning_job]
    job["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"] = 1
    job["TrainingJobStatusCounters"] = {"InProgress": 1}
    aws.jobs[plan.names.baseline_job] |= {"SecondaryStatus": "Uploading", "FinalMetricDataList": []}
    printed = sluice("watch", "shop", "--once", "-v")[1]
    assert "training job: running; best" in printed
    assert "storing the model" in printed


def test_for_programs_each_change_is_a_line(sluice, canary):
    code, printed, _ = sluice("watch", "shop", RUN, "--json")
    events = [json.loads(line) for line in printed.splitlines()]
    assert code == 4
    assert events[0] | {"at": 0} == {"event": "run", "at": 0, "project": "shop", "run": RUN, "trigger": "data"}
    assert {each["event"] for each in events} == {"run", "state", "facts", "traffic", "end"}
    bakes = [each for each in events if each.get("state") == "Bake" and each["status"] == "running"]
    assert [each["entered"] for each in bakes] == [1, 2]
    measured = [each["facts"]["steps"][0] for each in events if each["event"] == "facts"]
    assert [(each["evidence"], each["abort_at"], each["decision"]) for each in measured] == [
        (1.0, 4.0, "continue"),
        (5.0, 4.0, "abort"),
    ]
    end = events[-1]
    assert (end["outcome"], end["exit_code"], end["because"]) == ("rolled_back", 4, "it fails more often")


def test_a_terminal_is_redrawn_and_the_whole_tree_stays(sluice, canary, monkeypatch):
    drawn = StringIO()
    console = Console(file=drawn, force_terminal=True, width=60, height=12)
    monkeypatch.setattr(screens, "Console", lambda: console)
    code, printed, _ = sluice("watch", "shop", RUN, "--verbose")
    assert code == 4
    assert "\x1b[" in drawn.getvalue()
    assert "Judge Canary" in drawn.getvalue()
    # what is longer than the terminal is cut: a second line of it would push the others off the screen
    frames = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", frame) for frame in drawn.getvalue().split("\r")]
    assert max(len(line) for frame in frames for line in frame.splitlines()) <= 60
    assert "…" in drawn.getvalue()
    assert "Judge Canary ×2" in printed
    assert printed.rstrip().endswith(f"`sluice why {RUN}` has every decision")


@pytest.mark.parametrize(("outcome", "code"), [("promoted", 0), ("failed", 1), ("rejected", 3), ("not_approved", 5)])
def test_each_outcome_has_its_exit_code(sluice, world, aws, outcome, code):
    start(world, outcome=outcome, ended_at=world.clock.now().isoformat())
    assert sluice("watch", "shop", RUN)[0] == code
    assert sluice("watch", "shop", RUN, "--once")[0] == code


def test_a_run_with_suspected_leaks_ends_with_the_lines_to_paste(sluice, world, aws):
    pasted = ["To leave them out:", "  features: {drop: [status]}", "  sluice register project.yaml"]
    start(world, outcome="rejected", ended_at=world.clock.now().isoformat(), without_leaks=pasted)
    assert "\n  ".join(pasted) in sluice("watch", "shop", RUN)[1]
    assert "\n".join(pasted) in sluice("watch", "shop", RUN, "--verbose")[1]


def test_a_run_that_waits_says_how_to_decide(sluice, world, aws):
    start(world, approval={"token": "t", "package_arn": "arn"})
    printed = sluice("watch", "shop", "--once")[1]
    assert f"sluice approve {RUN} " in printed


@pytest.mark.parametrize("verbose", [(), ("--verbose",)])
@pytest.mark.parametrize("decided", [True, False])
def test_the_wait_for_a_person_is_not_taken_for_the_runs_work(sluice, world, aws, verbose, decided):
    began = world.clock.now()
    asked, ended = (began + timedelta(seconds=each) for each in (120, 3785))
    approval = {"package_arn": "arn", "requested_at": asked.isoformat()}
    approval |= {"decided_at": ended.isoformat()} if decided else {}
    start(world, outcome="not_approved", approval=approval, ended_at=ended.isoformat())
    assert "after 1h03m05s (1h01m05s of it waiting for approval)" in sluice("watch", "shop", RUN, *verbose)[1]


def test_an_execution_that_was_stopped_is_not_waited_for(sluice, world, aws, plan, monkeypatch):
    aws.histories[ARN] = [entered("Build Model", 0), {**exited("x", 1), "type": "ExecutionAborted"}]
    del aws.histories[ARN][1]["stateExitedEventDetails"]
    ticks = iter(range(0, 10_000, 20))
    monkeypatch.setattr(watch, "time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: next(ticks)))
    code, _, error = sluice("watch", "shop", RUN)
    assert (code, "no outcome is recorded" in error) == (1, True)


def test_follow_is_the_former_name(sluice, world, aws):
    start(world, OTHER, outcome="promoted", ended_at=world.clock.now().isoformat())
    code, printed, said = sluice("follow", "shop", "--run", OTHER)
    assert code == 0
    assert f"`sluice follow` is now `sluice watch shop {OTHER}`" in said
    assert "promoted" in printed
    assert "follow" not in sluice("--help")[1]


class TestWithoutARunInProgress:
    @pytest.fixture
    def ended(self, world, aws, monkeypatch) -> list[float]:
        """The seconds that were slept while the last run had ended."""
        start(world, outcome="rejected", ended_at=world.clock.now().isoformat())
        slept: list[float] = []
        ticks = iter(range(0, 100_000, 50))
        monkeypatch.setattr(watch, "time", SimpleNamespace(sleep=slept.append, monotonic=lambda: next(ticks)))
        return slept

    def test_the_last_one_is_shown_at_once(self, sluice, ended):
        code, printed, _ = sluice("watch", "shop")
        assert (code, ended) == (3, [])
        assert printed.splitlines()[0] == "no run of shop is in progress; this is the last one"
        assert f"{RUN} of shop (data)" in printed
        assert "rejected" in printed

    def test_the_next_one_is_waited_for_if_rows_were_accepted_since(self, sluice, world, ended):
        world.ledger.add_dataset("shop", "d2", world.clock.now() + timedelta(seconds=1), {"rows": 3})
        code, printed, error = sluice("watch", "shop")
        assert (code, len(ended) > 0, "none started in 120 s" in error) == (1, True, True)
        assert f"(the last one, {RUN}, ended: rejected). Waiting 120 s" in printed

    def test_rows_that_a_run_has_learned_from_are_not_waited_for(self, sluice, world, ended):
        world.ledger.add_dataset("shop", "d1", world.clock.now() + timedelta(seconds=1), {"rows": 3})
        assert (sluice("watch", "shop")[0], ended) == (3, [])

    def test_the_next_one_is_waited_for_if_the_person_says_so(self, sluice, ended):
        code, _, error = sluice("watch", "shop", "--wait", "60")
        assert (code, len(ended) > 0, "none started in 60 s" in error) == (1, True, True)


@pytest.mark.parametrize("options", [(), ("--verbose",)])
def test_a_bake_is_explained_and_how_long_it_takes_by_the_fast_clock_of_a_local_cloud(
    sluice, world, canary, tmp_path, monkeypatch, options
):
    freeze(world, RUN, CONTRACT)
    (tmp_path / ".localcloud").mkdir()
    document = {"endpoint": "http://127.0.0.1:4566", "speed": 10.0}
    (tmp_path / ".localcloud" / "localcloud.json").write_text(json.dumps(document))
    monkeypatch.setattr("cli.commands.env.clone", lambda: tmp_path)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    printed = sluice("watch", RUN, *options)[1]
    told = (
        "watching the new model for 10 minutes at each share of the requests (a bake; here 1 minute, as the local clock"
    )
    assert printed.count(told) == 1, printed


def test_without_a_bake_no_clock_is_spoken_of(sluice, world, aws, monkeypatch):
    start(world, outcome="promoted", ended_at=world.clock.now().isoformat())
    monkeypatch.setattr("cli.watching.reading.speed", lambda _: 10.0)
    assert "clock" not in sluice("watch", RUN)[1]


class TestTree:
    """What does not fit is closed, the oldest first."""

    def test_a_low_terminal_closes_stages_that_ended(self, connection, built):
        from cli.watching.reading import Reader

        view = Reader(connection, "shop", RUN).view({"run_id": RUN})
        whole = tree(view)
        closed = tree(view, len(whole) - 1)
        assert any("Clean Dataset" in line.text for line in whole)
        assert not any("Clean Dataset" in line.text for line in closed)
        assert any("Tune Candidates" in line.text for line in closed)
        assert len(tree(view, 4)) == 4


@pytest.mark.parametrize("words", [(RUN[:8],), ("shop", RUN[:8]), (RUN,)])
def test_a_run_s_id_names_its_project(sluice, world, words):
    start(world, outcome="rejected")
    code, printed, _ = sluice("watch", *words, "--once", "--json")
    assert code == 3
    assert json.loads(printed)["run"] == RUN


def test_a_name_that_is_neither_a_project_nor_a_run_is_refused(sluice, world):
    start(world, outcome="rejected")
    code, _, error = sluice("watch", "shopp", "--once")
    assert code == 1
    assert "did you mean" in error
