"""Events of executions become states: how often they were entered, how long they took, how they ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cli.watching.states import State, Timeline

AT = datetime(2026, 1, 1, tzinfo=UTC)


def entered(name: str, second: float, kind: str = "Task", **more: Any) -> dict[str, Any]:
    return _event(f"{kind}StateEntered", second, stateEnteredEventDetails={"name": name}, **more)


def exited(name: str, second: float, kind: str = "Task", **more: Any) -> dict[str, Any]:
    return _event(f"{kind}StateExited", second, stateExitedEventDetails={"name": name}, **more)


def _event(kind: str, second: float, **more: Any) -> dict[str, Any]:
    return {"id": round(10 * second) + 1, "type": kind, "timestamp": AT + timedelta(seconds=second), **more}


def failed(second: float, error: str, cause: str = "", kind: str = "TaskFailed", **more: Any) -> dict[str, Any]:
    details = {f"{kind[0].lower()}{kind[1:]}EventDetails": {"error": error, "cause": cause}}
    return _event(kind, second, **details, **more)


def of(*events: dict[str, Any], machine: str = "Lifecycle") -> Timeline:
    timeline = Timeline()
    timeline.add((machine, event) for event in events)
    return timeline


def names(states: list[State]) -> list[str]:
    return [state.name for state in states]


def test_a_state_lasts_as_long_as_all_of_its_visits():
    first = [entered("Bake", 0), exited("Bake", 5), entered("Judge Canary", 5), exited("Judge Canary", 6)]
    timeline = of(*first, entered("Bake", 6), machine="Drill")
    bake, judge = timeline.top()
    assert (bake.status, bake.entered, bake.seconds(AT + timedelta(seconds=9))) == ("running", 2, 5 + 3)
    assert (bake.newest, bake.visit(AT + timedelta(seconds=9))) == (AT + timedelta(seconds=6), 3)
    assert (judge.status, judge.entered, judge.seconds(AT)) == ("done", 1, 1)


def test_states_of_nested_executions_stand_below_the_state_that_started_them():
    timeline = of(
        entered("Open Run", 0), entered("Prepare Data", 0), exited("Prepare Data", 9), entered("Build Model", 9)
    )
    timeline.add([("PrepareData", entered("Clean Dataset", 1)), ("PrepareData", exited("Clean Dataset", 8))])
    timeline.add([("BuildModel", entered("Open Build", 9)), ("BuildModel", entered("Train Models", 9, "Parallel"))])
    prepare, build = timeline.top()
    assert (names(prepare.children), names(build.children)) == (["Clean Dataset"], ["Train Models"])
    assert names(timeline.top()[0].children) == ["Clean Dataset"]  # asked twice, told once


def test_states_of_branches_stand_below_their_parallel_state():
    within = [entered("Train Baseline", 1), entered("Tune Candidates", 1.1), exited("Train Baseline", 2)]
    build = of(entered("Train Models", 0, "Parallel"), *within, machine="BuildModel")
    build.add([("BuildModel", exited("Train Models", 5, "Parallel")), ("BuildModel", entered("Seal Candidate", 5))])
    build.add([("Lifecycle", entered("Build Model", 0))])
    (state,) = build.top()
    assert names(state.children) == ["Train Models", "Seal Candidate"]
    assert names(state.children[0].children) == ["Train Baseline", "Tune Candidates"]


def test_a_failure_names_error_and_reason_and_a_retry_that_succeeds_takes_it_away():
    timeline = of(entered("Build Model", 0), failed(3, "DataError", '{"errorMessage": "no rows"}'))
    assert timeline.top()[0].status == "running"  # it may be tried again
    timeline.add([("Lifecycle", _event("TaskSucceeded", 5)), ("Lifecycle", exited("Build Model", 6))])
    assert (timeline.top()[0].status, timeline.top()[0].failure) == ("done", "")
    timeline = of(
        entered("Build Model", 0), failed(3, "DataError", '{"errorMessage": "no rows"}'), exited("Build Model", 4)
    )
    assert (timeline.top()[0].status, timeline.top()[0].failure) == ("failed", "DataError: no rows")


def test_a_failure_belongs_to_the_state_that_the_event_before_it_names():
    two = [entered("Train Baseline", 0), entered("Tune Candidates", 1)]
    timeline = of(*two, failed(2, "Bad", previousEventId=1), machine="Drill")
    first, second = timeline.top()
    assert (first.failure, second.failure) == ("Bad", "")
    # the local cloud does not say it: then it is the newest that is open
    timeline = of(*two, failed(2, "Bad"), machine="Drill")
    assert timeline.top()[1].failure == "Bad"


def test_the_end_of_an_execution_ends_what_is_open():
    timeline = of(entered("Run Failed", 0, "Fail"), failed(1, "States.TaskFailed", "x", kind="ExecutionFailed"))
    (state,) = timeline.top()
    assert (state.status, state.failure, timeline.ended) == ("failed", "States.TaskFailed: x", {"Lifecycle"})
    timeline = of(entered("Bake", 0), _event("ExecutionAborted", 2))
    assert timeline.top()[0].failure == "stopped"
    timeline = of(entered("Model Promoted", 0, "Succeed"), _event("ExecutionSucceeded", 1))
    assert timeline.top()[0].status == "done"


def test_that_the_time_of_a_bake_is_over_is_no_failure():
    """A bake waits for a token that comes only to end it early."""
    timeout = failed(5, "States.Timeout", "The task has exceeded its TimeoutSeconds")
    for kind in (timeout, failed(5, "States.Timeout", kind="TaskTimedOut")):
        (bake,) = of(entered("Bake", 0), kind, exited("Bake", 5), machine="Drill").top()
        assert (bake.status, bake.failure) == ("done", "")
        (other,) = of(entered("Await Approval", 0), kind, exited("Await Approval", 5), machine="Drill").top()
        assert other.status == "failed"
    (broken,) = of(entered("Bake", 0), failed(5, "Lambda.Unknown"), exited("Bake", 5), machine="Drill").top()
    assert broken.status == "failed"
