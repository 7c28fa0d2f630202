"""A window of some hours is compared with such hours of the evaluation; without times the hour's column is left out."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

import pytest

from sluice import keys
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.steps.monitor_model import monitor_model
from testing.release_world import CONTRACT, OLD, PROJECT, build

COLUMNS = {
    "id": {"type": "text"},
    "at": {"type": "timestamp"},
    "hour": {"type": "integer"},
    "pages": {"type": "number"},
    "bought": {"type": "boolean"},
}
BASELINE = {
    "columns": {
        "hour": {"type": "number", "edges": [0, 6, 12, 18, 23], "shares": [0.25] * 4, "missing": 0.0},
        "pages": {"type": "number", "edges": [0, 0.5, 1], "shares": [0.5, 0.5], "missing": 0.0},
    },
    "scores": {"edges": [0, 0.5, 1], "shares": [0.5, 0.5]},
    "rows": 2400,
}
SHAPE: dict[str, Any] = {
    **CONTRACT,
    "data": {"key": ["id"], "time": "at", "columns": COLUMNS},
    "monitor": {"window": "6h", "drift": {"min_rows": 20}},
}


def watched(timed: bool, **features: str) -> World:
    world = build()
    shape = {**SHAPE, "features": features}
    world.ledger.save_contract(PROJECT, Contract.model_validate(shape).model_dump(mode="json"), "v1")
    world.objects.write(keys.run(PROJECT, OLD, "evaluation", "baseline.json"), json.dumps(BASELINE).encode())
    r = random.Random(1)
    lines = []
    for number in range(2400):
        at = world.clock.now() - timedelta(days=100) + timedelta(hours=number)
        told = {"row": {"hour": at.hour, "pages": r.random()}, "at": at.timestamp() if timed else None, "label": True}
        lines.append(json.dumps({**told, "said": {"prediction": True, "probability": 0.9}}))
    world.objects.write(keys.run(PROJECT, OLD, "evaluation", "reference.jsonl"), "\n".join(lines).encode())
    return world


def measured(world: World, pages: float = 1.0, zone: int = 0) -> dict[str, Any]:
    """Four hours of requests. `zone`: requests say their time, so many hours before they arrive."""
    r = random.Random(2)
    start = world.clock.now()
    world.clock.advance(4 * 3600)
    for hour in range(4):
        lines = []
        for number in range(100):
            at = start + timedelta(hours=hour, seconds=30 * number)
            own = at - timedelta(hours=zone)
            row: dict[str, Any] = {"hour": own.hour, "pages": r.random() * pages}
            if zone:
                row["at"] = own.isoformat()
            answer = json.dumps({"predictions": [{"prediction": True, "probability": 0.9}]})
            data = {
                "endpointInput": {"data": json.dumps(row), "encoding": "JSON"},
                "endpointOutput": {"data": answer, "encoding": "JSON"},
            }
            meta = {"eventId": f"e{hour}-{number}", "inferenceTime": at.isoformat()}
            lines.append(json.dumps({"captureData": data, "eventMetadata": meta}))
        key = f"capture/shop/sluice-shop/v-r1/{start + timedelta(hours=hour):%Y/%m/%d/%H}/a.jsonl"
        world.objects.write(key, "\n".join(lines).encode())
    world.call(monitor_model, PROJECT)
    found: dict[str, Any] = json.loads(world.objects.read(keys.monitor(PROJECT, "latest.json")))
    return found


@pytest.mark.parametrize("zone", [0, 7])
def test_hours_are_compared_with_such_hours(zone: int) -> None:
    report = measured(watched(timed=True), zone=zone)
    assert report["decision"] == "stable"
    assert report["drift"]["columns"]["hour"] < 0.1
    assert "rows of the evaluation, by the hour" in report["drift"]["compared_with"]
    assert report["drift"]["calendar"] == {}


def test_without_times_the_column_of_the_clock_is_reported_and_rings_no_alarm() -> None:
    world = watched(timed=False)
    report = measured(world)
    assert report["drift"]["columns"]["hour"] > 1
    assert report["decision"] == "stable"
    assert report["drift"]["calendar"] == {"hour": "hour"}
    assert {each.name: each.value for each in world.metrics.published}["DriftScore"] == 0.2  # type: ignore[attr-defined]


@pytest.mark.parametrize("timed", [True, False])
def test_another_column_still_drifts(timed: bool) -> None:
    report = measured(watched(timed=timed), pages=0.4)
    assert (report["decision"], report["drift"]["column"]) == ("drifted", "pages")
    assert report["drift"]["course"] == {"kind": "throughout", "since": None}
    assert report["estimated_quality"]["accuracy"]["value"] > 0.9


@pytest.mark.parametrize(("zone", "pages"), [(0, 1.0), (7, 1.0), (7, 0.4), (7, 1000.0)])
def test_a_time_that_is_a_feature_by_its_seasons_is_not_watched(zone: int, pages: float) -> None:
    """Whether requests have it or not: what a time says changes with every window."""
    plain, seasonal = (
        measured(watched(timed=True, **features), pages, zone) for features in ({}, {"time": "seasonal"})
    )
    assert seasonal == plain
