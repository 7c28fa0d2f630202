"""The page about a release: its decision, its evidence, its traffic, the metrics before and after; text stays text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sluice.records.release_plan import ReleasePlan
from sluice.reports.release import ReleaseFacts, render
from testing.evaluated_model import facts as evaluated
from tests.unit.reports.test_pages import HOSTILE, Seen

BEGUN = datetime(2026, 11, 29, 12, tzinfo=UTC)
PLAN: dict[str, Any] = {
    "mode": "canary",
    "decision": "canary",
    "strategy": "canary",
    "drill": False,
    "endpoint": "sluice-shop",
    "model": "m",
    "package_arn": "arn:package/7",
    "artifact_uri": "s3://data/models/shop/r2/model.tar.gz",
    "only_config": "only",
    "canary_config": "both",
    "champion_config": "old",
    "champion_variant": "v-r1",
    "champion_run": "r1",
    "variant": "v-r2",
    "machines": 1,
    "weights": [{"percent": p, "champion_weight": 1 - p / 100, "variant_weight": p / 100} for p in (10, 50, 100)],
    "routing": None,
    "replay": True,
    "alarms": [],
    "started_at": BEGUN.isoformat(),
    "tags": [],
    "bake_seconds": 600,
    "slice_seconds": 60,
    "max_bake_seconds": 1800,
}


def look(number: int, percent: int, log_e: float, decision: str = "continue", failures: int = 0) -> dict[str, Any]:
    counts = {"requests": 100 * (number + 1), "failures": failures}
    return {
        "at": (BEGUN + timedelta(minutes=number)).isoformat(),
        "step_index": (10, 50, 100).index(percent),
        "decision": decision,
        "reasons": [],
        "inputs": {"percent": percent, "step_canary": counts, "step_control": counts, "total": counts, "tail_ms": 24.5},
        "statistic": {"log_e": {"failures": log_e}, "log_limit": 2.9957},
    }


def canary(decision: str = "promote") -> dict[str, Any]:
    return {
        "decision": decision,
        "looks": [look(0, 10, -0.5), look(1, 50, 0.25, failures=3), look(2, 100, 1.5, decision)],
    }


def facts(**more: Any) -> ReleaseFacts:
    told: dict[str, Any] = {"outcome": "promoted", "reasons": [], "canary": canary(), **more}
    at = (BEGUN + timedelta(minutes=42)).isoformat()
    return ReleaseFacts(project="shop", run_id="r2", at=at, plan=ReleasePlan.model_validate(PLAN), **told)


def test_a_promotion_has_its_course_and_the_metrics_before_and_after():
    found = evaluated("binary").evaluation
    text = Seen(render(facts(evaluation=found))).text
    for told in ("Release of r2 promoted", "42 min 00 s", "10 %, 50 %, 100 %", "3 of 200", "aborts at 3", "s3://data"):
        assert told in text, told
    assert f"{found.metric} (contract)" in text
    assert "Evidence against the new model" in text
    assert "Share of the traffic" in text


def test_a_rollback_says_why_and_whether_it_was_verified():
    verification = {"decision": "verified", "reasons": ["v-r1 answers"]}
    told = facts(
        outcome="rolled_back", reasons=["too many failures"], canary=canary("abort"), verification=verification
    )
    text = Seen(render(told)).text
    for part in ("rolled back", "too many failures", "Canary abort", "Verification verified", "v-r1 answers"):
        assert part in text, part


def test_replay_and_bandit_are_on_the_page_where_there_were_some():
    pairs = [
        {
            "champion": {"status": 200, "labels": ["true"], "scores": [0.1 * i], "milliseconds": 3},
            "challenger": {"status": 200, "labels": ["true" if i else "false"], "scores": [0.1 * i], "milliseconds": 4},
        }
        for i in range(5)
    ]
    statistic = {"log_e": {"errors": -1.9}, "discordant": {"errors": {"worse": 2, "better": 1}}, "log_limit": 5.3}
    replay = {"decision": "pass", "reasons": ["5 replayed requests"], "statistic": statistic}
    step = {"actions": {"challenger": 0.25}, "rewards": {"challenger": {"successes": 7, "trials": 9}}, "decision": "go"}
    skipped = {**replay, "result": "skipped: too few"}
    assert "Replay skipped: too few" in Seen(render(facts(replay=skipped))).text
    text = Seen(render(facts(replay=replay, pairs=pairs, bandit={"steps": [step]}))).text
    for part in ("5 captured requests were sent to both models; 1 had another answer", "7 of 9", "25%", "5 replayed"):
        assert part in text, part


def test_the_first_model_needs_no_record_at_all():
    # a plan has the contract's steps and bake, although none of them takes place
    plan = ReleasePlan.model_validate(PLAN | {"mode": "create", "champion_run": None})
    bare = ReleaseFacts(project="shop", run_id="r1", outcome="promoted", reasons=[], at="?", plan=plan)
    text = Seen(render(bare)).text
    assert "no model served" in text
    assert "First model: nothing to compare" in text
    assert "Every step of the plan" not in text
    assert "of bake" not in text
    assert "canary 1" not in text
    assert "Strategycanary" not in text
    assert "no canary was measured" in text
    assert "There is no evaluation of this run" in text


@pytest.mark.parametrize("evil", HOSTILE)
def test_hostile_texts_are_text(evil: str):
    record = {"decision": evil, "reasons": [evil], "statistic": {"log_e": {evil: 1.0}, "log_limit": 2.0}, "steps": []}
    told = facts(reasons=[evil], canary={**canary(), "decision": evil}, replay=record, verification=record)
    seen = Seen(render(told))
    assert not seen.tags & {"script", "img", "a", "iframe"}
    assert not [name for name in seen.attributes if name.startswith("on") or name in ("href", "src")]
    assert evil in seen.text
