"""The recording of a local cloud's demonstration (`tests.console.record`) as a stack that the console can read."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sluice.ports import Champion, EndpointState, VariantState
from testing import fakes
from tests.console.stub import StubClients, StubStack

PROJECT = "shop"
FIXTURE = Path(__file__).with_name("fixtures") / f"{PROJECT}.json.gz"


@cache
def recording() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(FIXTURE.read_bytes()))
    return found


def stack(project: str = PROJECT, runs: int = 0) -> StubStack:
    """A fresh stack with the recorded project, under another name if wanted; `runs`: so many more, older ones."""
    told = recording()
    settings = replace(fakes.SETTINGS, bucket=told["settings"]["bucket"])
    world = fakes.world(settings=settings)
    ledger, objects = world.ledger, world.objects
    clock: Any = world.clock
    clock.advance((datetime.fromisoformat(told["now"]) - clock.now()).total_seconds())
    contract, version = told["ledger"]["contract"]
    ledger.save_contract(project, contract, version)
    for record in told["ledger"]["runs"]:
        facts = {name: value for name, value in record.items() if name not in ("run_id", "started_at")}
        ledger.start_run(project, record["run_id"], datetime.fromisoformat(record["started_at"]), facts)
    for number in range(runs):
        facts = {"trigger": "data", "status": "finished", "outcome": "rejected", "finished": True, "reasons": ["worse"]}
        at = datetime.fromisoformat(f"2026-0{1 + number // 100}-{1 + number % 28:02}T{number % 24:02}:00:00+00:00")
        ledger.start_run(project, f"r{number:012x}", at, facts | {"ended_at": at.isoformat()})
    for dataset in told["ledger"]["datasets"]:
        facts = {name: value for name, value in dataset.items() if name not in ("dataset_id", "accepted_at")}
        ledger.add_dataset(project, dataset["dataset_id"], datetime.fromisoformat(dataset["accepted_at"]), facts)
    if told["ledger"]["champion"]:
        champion = dict(told["ledger"]["champion"])
        for name in ("promoted_at", "probation_until"):
            champion[name] = datetime.fromisoformat(champion[name])
        ledger.set_champion(project, Champion(**champion), None)
    for key, text in told["objects"].items():
        area, _, rest = key.split("/", 2)
        if area == "capture":
            # of the model before it: as the champion's own, so that there is something to label
            before, now = rest.split("/")[1].removeprefix("v-"), told["ledger"]["champion"]["run_id"]
            rest, text = rest.replace(before, now), text.replace(before, now)
        objects.write(f"{area}/{project}/{rest}", text.encode())
    if endpoint := told["ledger"]["endpoint"]:
        variants = tuple(VariantState(**each) for each in endpoint["variants"])
        created = datetime.fromisoformat(endpoint["created"]) if endpoint.get("created") else None
        state = EndpointState(**(endpoint | {"variants": variants, "created": created}))
        models: Any = world.models
        models.endpoint = lambda name: state
    return StubStack(world, StubClients(**told["clients"]))


def run_ids() -> list[str]:
    """Newest first."""
    return [record["run_id"] for record in recording()["ledger"]["runs"]]


def run_with(outcome: str) -> str:
    return next(each["run_id"] for each in recording()["ledger"]["runs"] if each.get("outcome") == outcome)
