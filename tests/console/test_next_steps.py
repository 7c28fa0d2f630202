"""What the console advises in each state of a run."""

from __future__ import annotations

from typing import Any

import pytest

from console.reading import next_steps
from sluice.steps.finish_run import OUTCOMES

PAGES = {"decisions", "evaluation", "evaluation?show=card", "release", "../monitor", "..", "../drop"}


def told(serves: str | None = "r0", **record: Any) -> str:
    found = next_steps.of_run("shop", {"run_id": "r1", **record}, serves)
    return " ".join(found["told"]) if found else ""


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_end_has_a_next_step(outcome: str):
    found = next_steps.of_run("shop", {"run_id": "r1", "outcome": outcome}, "r1" if outcome == "promoted" else "r0")
    assert found is not None
    assert found["told"]
    assert {path for _, path in found["pages"]} <= PAGES
    assert found["paste"][-1]["lines"]


def test_a_run_in_progress_has_none_but_while_it_waits():
    assert next_steps.of_run("shop", {"run_id": "r1", "status": "running"}, None) is None
    assert "approve or reject it here" in told(approval={"package_arn": "a"})
    assert told(approval={"package_arn": "a", "decision": "Approved"}) == ""
    assert "waits for live requests" in told(canary={"no_traffic": "hold"})
    assert told(canary={"no_traffic": "hold"}, release_outcome="rolled_back") == ""


def test_what_serves_is_said():
    assert "r0 serves." in told(outcome="rejected")
    assert "Nothing serves" in told(None, outcome="failed")
    assert told("r1", outcome="promoted").startswith("The model serves.")
    assert told("r2", outcome="promoted") == "r2 serves."
    back = {"reason": "alarm quality", "verified": True}
    assert "later rolled back: alarm quality. r0 serves." in told(outcome="promoted", rolled_back=back)
    assert "check it now" in told(outcome="rolled_back", rollback_verified=False)


def test_why_it_was_not_approved_is_said():
    assert "rejected the model: too slow (rejected by ann)." in told(
        outcome="not_approved", approval={"decision": "Rejected", "reason": "too slow (rejected by ann)"}
    )
    assert "Nobody decided in time." in told(outcome="not_approved", approval={"package_arn": "a"})


def test_the_lines_after_a_suspected_leak_are_to_paste_whatever_the_end():
    without = ["Put this line into project.yaml:", "  features: {drop: [a]}", "Then run:", "  sluice register x"]
    leak = {"without_leaks": without, "suspected_leaks": ["'a': answers all"]}
    for record in ({"outcome": "rejected"}, {"outcome": "promoted"}, {"status": "releasing"}):
        found = next_steps.of_run("shop", {"run_id": "r1", **record, **leak}, "r0")
        assert found is not None
        assert found["paste"][:2] == [
            {"words": "Put this line into project.yaml:", "lines": ["features: {drop: [a]}"]},
            {"words": "Then run:", "lines": ["sluice register x"]},
        ]
        assert "'a': answers all" in found["told"]
    assert "needs more minutes." in told(outcome="rejected", few_trials="needs more minutes")


def test_a_line_that_says_what_nothing_follows_stays_words():
    assert next_steps.pasted(["a", "b"]) == [{"words": "a", "lines": []}, {"words": "b", "lines": []}]
    assert next_steps.pasted(["  only a line"]) == [{"words": "only a line", "lines": []}]
