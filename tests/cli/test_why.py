"""`sluice why` explains a run: gates, measurements, approval, responses, and the alarm that started it."""

from __future__ import annotations

import json

from sluice import keys
from tests.cli.stack import OTHER, RUN, start, write


def test_why_of_a_project_is_that_of_its_newest_run(sluice, world):
    start(world, outcome="rejected")
    assert json.loads(sluice("why", "shop", "--json")[1])["run"]["run_id"] == RUN
    assert json.loads(sluice("why", "shop", "--json")[1]) == json.loads(sluice("why", RUN, "--json")[1])


def test_why_of_a_project_without_a_run_says_how_to_start_one(sluice, world):
    code, _, error = sluice("why", "shop")
    assert (code, "sluice drop shop FILE" in error) == (1, True)


def test_why_prints_gates_looks_approval_and_responses(sluice, world):
    approval = {"decision": "approved", "reason": "fine", "requested_at": "2026-01-01T09:00:00+00:00"}
    approval["decided_at"] = "2026-01-01T09:04:00+00:00"
    start(world, outcome="rolled_back", rollback_verified=True, approval=approval)
    verdict = {"rule": "min", "metric": "roc_auc", "outcome": "pass", "statistic": 0.91, "threshold": 0.85}
    gates = {"kind": "gates", "at": "1", "decision": "approved", "reasons": [], "inputs": {"rows": 60}}
    gates["verdicts"] = [{**verdict, "reason": "roc_auc 0.91 is at least 0.85"}]
    look = {
        "step_index": 0,
        "decision": "continue",
        "inputs": {
            "percent": 10,
            "step_canary": {"failures": 3, "requests": 40},
            "step_control": {"failures": 0, "requests": 360},
            "tail_ms": 12.5,
        },
        "statistic": {"log_e": {"failures": 4.2}, "log_limit": 4.09},
    }
    looks = [look, look, {**look, "decision": "abort"}]
    canary = {"kind": "canary", "decision": "abort", "reasons": ["the canary fails more often"], "looks": looks}
    write(world, keys.decision("shop", RUN, "gates"), gates)
    write(world, keys.decision("shop", RUN, "canary"), canary)
    write(world, keys.decision("shop", RUN, "later"), {"kind": "new", "decision": "maybe", "facts": [1]})
    response = {"kind": "response", "run_id": RUN, "decision": "abort", "reasons": ["alarm canary-errors"]}
    response["inputs"] = {"alarm": f"sluice/shop/{RUN}/canary-errors", "at": "2026-01-01T00:00:00+00:00"}
    write(world, keys.monitor("shop", "responses", "a.json"), response)
    write(world, keys.monitor("shop", "responses", "b.json"), {**response, "run_id": OTHER, "reasons": ["not ours"]})
    code, printed, _ = sluice("why", RUN)
    assert code == 0
    for told in (
        "on 60 held-out rows",
        "roc_auc 0.91 is at least 0.85",
        "abort after 3 measurements",
        "3/40",
        "0/360",
        "the canary fails more often",
        "  approval  approved at 2026-01-01 09:04:00 UTC, after 4m00s: fine\n",
        "alarm canary-errors",
        "new: maybe",
        "verified by a live request",
    ):
        assert told in printed
    assert printed.index("approval  ") < printed.index("Gates: "), "whether it was approved is said first"
    # two looks that said the same are one line
    assert printed.count("0: 10 %") == 2
    assert "not ours" not in printed


def test_why_names_the_alarm_that_started_a_retraining(sluice, world):
    start(world, trigger="drift")
    response = {"kind": "response", "decision": "retrain", "reasons": ["channel drifts"]}
    response["inputs"] = {"alarm": "sluice/shop/drift", "at": "2020-01-01T00:00:00+00:00", "champion": OTHER}
    write(world, keys.monitor("shop", "responses", "a.json"), response)
    assert "channel drifts" in sluice("why", RUN)[1]
