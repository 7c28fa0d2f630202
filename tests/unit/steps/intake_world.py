"""What the tests of the intake's steps share: a project in a fake world, and arrivals."""

from __future__ import annotations

from typing import Any

import yaml

from sluice.bootstrap import World
from sluice.ports import Json
from sluice.steps.register_project import register_project
from sluice.steps.validate_dataset import validate_dataset
from testing.fakes import world

CONTRACT: dict[str, Any] = {
    "project": "shop",
    "problem": {"type": "binary", "target": "bought", "positive": True},
    "data": {
        "key": ["id"],
        "columns": {
            "id": {"type": "text"},
            "pages": {"type": "integer", "min": 0},
            "channel": {"type": "category", "values": ["ads", "email"]},
            "bought": {"type": "boolean"},
        },
        "expectations": {"max_invalid_rows": 0.5},
    },
}
GOOD = b"id,pages,channel,bought\na,1,ads,yes\nb,2,email,no\nc,3,ads,\n"
MIXED = GOOD + b"d,-1,phone,yes\n"


def put(at: World, key: str, body: bytes) -> str:
    at.objects.write(key, body)
    version = at.objects.version(key)
    assert version is not None
    return version


def shop(contract: dict[str, Any] | None = None) -> World:
    """A world with the project registered."""
    at = world()
    key = "projects/shop/project.yaml"
    version = put(at, key, yaml.safe_dump(contract or CONTRACT).encode())
    at.call(register_project, key, version)
    return at


def arrive(at: World, body: bytes, key: str = "raw/shop/day 1+%20.csv") -> tuple[str, Json]:
    """The version id and the record of a file that arrives."""
    version = put(at, key, body)
    return version, at.call(validate_dataset, "data", key, version, len(body))


def state(at: World) -> dict[str, Any]:
    """All that a step may leave behind, without the times and versions of objects."""
    events = {repr(event) for event in at.events.put_events}
    return {
        "objects": {key: found[-1].body for key, found in at.objects.versions.items()},
        "arrivals": at.ledger.arrivals,
        "datasets": at.ledger.datasets("shop"),
        "events": events,
        "alerts": set(at.alerts.kinds),
    }
