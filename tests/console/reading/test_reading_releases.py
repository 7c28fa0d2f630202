"""The read model of a release: its traffic steps, its evidence, its pairs and its report."""

from __future__ import annotations

import json

from console.reading import release
from console.source import Source
from sluice import keys
from tests.console import recorded
from tests.console.trees import texts

PROMOTED = recorded.run_with("promoted")
ROLLED_BACK = recorded.run_with("rolled_back")


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
