"""What an execution's events say of each state: attempts, caught failures, branches, an end in the middle."""

from __future__ import annotations

from typing import Any

from console.reading.executions import Execution, History, definition_of, history_of
from sluice.ports import Json
from tests.console.stub import StubStack, source

ARN = "arn:aws:states:eu-west-1:1:execution:m:x"


def event(number: int, kind: str, name: str = "", before: int | None = None, **details: Any) -> Json:
    found: Json = {"id": number, "type": kind, "timestamp": f"2026-11-29T12:00:{number:02}+00:00"}
    if before is not None:
        found["previousEventId"] = before
    if "StateEntered" in kind:
        found["stateEnteredEventDetails"] = {"name": name}
    elif "StateExited" in kind:
        found["stateExitedEventDetails"] = {"name": name}
    elif details:
        found[f"{kind[0].lower()}{kind[1:]}EventDetails"] = details
    return found


def told(*events: Json) -> History:
    history = History()
    history.add(events)
    return history


def test_a_retry_that_succeeds_is_done_and_a_handled_failure_is_caught():
    begun = [
        event(1, "ExecutionStarted", before=0),
        event(2, "TaskStateEntered", "A", 1),
        event(3, "TaskScheduled", "", 2),
    ]
    failed = [*begun, event(4, "TaskFailed", "", 3, error="Oops", cause="why")]
    assert vars(told(*failed).states["A"])["error"] == "Oops"
    retried = [
        *failed,
        event(5, "TaskScheduled", "", 4),
        event(6, "TaskSucceeded", "", 5),
        event(7, "TaskStateExited", "A", 6),
    ]
    assert told(*retried).states["A"].plain() == {
        "status": "done",
        "entries": 1,
        "entered": "2026-11-29T12:00:02+00:00",
        "exited": "2026-11-29T12:00:07+00:00",
    }
    caught = told(*failed, event(5, "TaskStateExited", "A", 4), event(6, "FailStateEntered", "F", 5))
    assert (caught.states["A"].status, caught.states["A"].error) == ("caught", "Oops")
    assert caught.states["F"].status == "failed"
    assert ("A", "F") in caught.taken


def test_branches_are_told_apart_by_the_event_before():
    history = told(
        event(1, "ExecutionStarted", before=0),
        event(2, "ParallelStateEntered", "P", 1),
        event(3, "TaskStateEntered", "A", 2),
        event(4, "TaskStateEntered", "B", 2),
        event(5, "TaskScheduled", "", 3),
        event(6, "TaskScheduled", "", 4),
        event(7, "TaskFailed", "", 5, error="OfA"),
        event(8, "TaskSucceeded", "", 6),
        event(9, "TaskStateExited", "B", 8),
    )
    assert (history.states["A"].status, history.states["A"].error) == ("running", "OfA")
    assert (history.states["B"].status, history.states["B"].error) == ("done", "")
    assert history.taken == {("", "P"), ("P", "A"), ("P", "B")}


def test_an_abort_leaves_no_state_running():
    history = told(
        event(1, "ExecutionStarted", before=0),
        event(2, "TaskStateEntered", "A", 1),
        event(3, "ExecutionAborted", "", 2, error="E", cause="C"),
    )
    assert (history.status, history.error, history.states["A"].status) == ("ABORTED", "E", "failed")


def test_a_history_is_read_on_from_where_it_was():
    stack = StubStack()
    execution = Execution("Lifecycle", ARN, "arn:m", "ml_lifecycle")
    own = source(stack)
    assert history_of(own, execution).status == ""
    events = [event(1, "ExecutionStarted", before=0)]
    for number in range(2, 202, 2):
        events += [
            event(number, "WaitStateEntered", "W", number - 1),
            event(number + 1, "WaitStateExited", "W", number),
        ]
    stack.clients.histories[ARN] = events
    assert history_of(own, execution).states["W"].entries == 100
    stack.clients.asked.clear()
    stack.clients.histories[ARN] = [*events, event(202, "ExecutionSucceeded", "", 201)]
    history = history_of(own, execution)
    assert (history.status, history.states["W"].entries) == ("SUCCEEDED", 100)
    asked = len(stack.clients.asked)
    history_of(own, execution)
    assert len(stack.clients.asked) == asked  # it has ended: nothing to ask


def test_without_the_right_to_see_the_machine_the_version_at_hand_is_drawn():
    found = definition_of(source(), Execution("PrepareData", ARN, "arn:m", "prepare_data"))
    assert found["definition"]["StartAt"] == "Clean Dataset"
    assert "this version of Sluice" in found["from"]
