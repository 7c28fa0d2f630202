"""The record in S3 names the slices; ledger, alert and execution history name those that the contract lists."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice import keys
from sluice.contract import Contract
from sluice.steps.judge_candidate import judge_candidate
from tests.unit.steps.release_world import CONTRACT, NEW, PROJECT, build

SLICES = {name: {"rows": 50, "recall": recall} for name, recall in (("secret-a", 0.9), ("secret-b", 0.1))}


@pytest.mark.parametrize("listed", [True, False])
def test_slices_that_no_contract_lists_are_told_by_their_hash(listed: bool) -> None:
    world = build()
    channel: dict[str, Any] = {"type": "category", "values": list(SLICES) if listed else None}
    data = {**CONTRACT["data"], "columns": {**CONTRACT["data"]["columns"], "channel": channel}}
    gates = [{"metric": "recall", "slice": "channel", "max_gap": 0.1}]
    plain = Contract.model_validate({**CONTRACT, "data": data, "gates": gates}).model_dump(mode="json")
    frozen = keys.run(PROJECT, NEW, "run.json")
    world.objects.write(frozen, json.dumps({"contract": plain, "datasets": ["d1"]}).encode())
    source = keys.run(PROJECT, NEW, "evaluation", "evaluation.json")
    evaluation = {**json.loads(world.objects.read(source)), "slices": {"channel": SLICES}}
    world.objects.write(source, json.dumps(evaluation).encode())

    answer = judge_candidate(world, PROJECT, NEW)
    assert answer["decision"] == "rejected"
    record = json.loads(world.objects.read(answer["record"]))
    assert "secret-a 0.9000" in record["reasons"][0]
    told = json.dumps([answer, world.ledger.run(PROJECT, NEW), [str(alert) for alert in world.alerts.published]])
    assert ("secret-a" in told) is listed
    assert ("value " in told) is not listed
    assert "the gap 0.8000 is above 0.1" in told
