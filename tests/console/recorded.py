"""The recording of a local cloud's demonstration (`tests.console.record`) as a stack that the console can read."""

from __future__ import annotations

import json
import lzma
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from sluice.bootstrap import World
from sluice.ports import Champion, EndpointState, VariantState
from testing import fakes
from tests.console.stub import StubClients, StubStack

PROJECT = "shop"
FIXTURE = Path(__file__).with_name("fixtures") / "local-cloud.json.xz"


@cache
def recording() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lzma.decompress(FIXTURE.read_bytes()))
    return found


def project(name: str = PROJECT) -> dict[str, Any]:
    """`{"ledger", "objects"}` of one recorded project."""
    found: dict[str, Any] = recording()["projects"][name]
    return found


def stack(runs: int = 0) -> StubStack:
    """A fresh stack with the recorded projects; `runs`: so many more, older ones of the first."""
    told = recording()
    world = fakes.world(settings=replace(fakes.SETTINGS, bucket=told["settings"]["bucket"]))
    clock: Any = world.clock
    clock.advance((datetime.fromisoformat(told["now"]) - clock.now()).total_seconds())
    endpoints = {}
    for name, of in told["projects"].items():
        _fill(world, name, of)
        if endpoint := of["ledger"]["endpoint"]:
            variants = tuple(VariantState(**each) for each in endpoint["variants"])
            created = datetime.fromisoformat(endpoint["created"]) if endpoint.get("created") else None
            endpoints[endpoint["name"]] = EndpointState(**(endpoint | {"variants": variants, "created": created}))
    models: Any = world.models
    models.endpoint = endpoints.get
    for number in range(runs):
        facts = {"trigger": "data", "status": "finished", "outcome": "rejected", "finished": True, "reasons": ["worse"]}
        at = datetime.fromisoformat(f"2026-0{1 + number // 100}-{1 + number % 28:02}T{number % 24:02}:00:00+00:00")
        world.ledger.start_run(PROJECT, f"r{number:012x}", at, facts | {"ended_at": at.isoformat()})
    return StubStack(world, StubClients(**deepcopy(told["clients"])))


def _fill(world: World, project: str, told: dict[str, Any]) -> None:
    ledger, recorded = world.ledger, told["ledger"]
    contract, version = recorded["contract"]
    ledger.save_contract(project, contract, version)
    for record in recorded["runs"]:
        facts = {name: value for name, value in record.items() if name not in ("run_id", "started_at")}
        ledger.start_run(project, record["run_id"], datetime.fromisoformat(record["started_at"]), facts)
    for dataset in recorded["datasets"]:
        facts = {name: value for name, value in dataset.items() if name not in ("dataset_id", "accepted_at")}
        ledger.add_dataset(project, dataset["dataset_id"], datetime.fromisoformat(dataset["accepted_at"]), facts)
    if recorded["champion"]:
        champion = dict(recorded["champion"])
        for name in ("promoted_at", "probation_until"):
            champion[name] = datetime.fromisoformat(champion[name])
        ledger.set_champion(project, Champion(**champion), None)
    for key, text in told["objects"].items():
        if key.startswith("capture/"):
            # of the model before it: as the champion's own, so that there is something to label
            before, now = key.split("/")[3].removeprefix("v-"), recorded["champion"]["run_id"]
            key, text = key.replace(before, now), text.replace(before, now)
        world.objects.write(key, text.encode())


def run_ids(name: str = PROJECT) -> list[str]:
    """Newest first."""
    return [record["run_id"] for record in project(name)["ledger"]["runs"]]


def run_with(outcome: str | None, name: str = PROJECT) -> str:
    """The newest run that ended so; None: that has not ended."""
    return next(each["run_id"] for each in project(name)["ledger"]["runs"] if each.get("outcome") == outcome)
