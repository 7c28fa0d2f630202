"""Projects whose contract changes under accepted rows: the strangers' case F09 and its siblings."""

from __future__ import annotations

from typing import Any

import yaml

from sluice.bootstrap import World
from sluice.ports import Json
from sluice.steps.profile_dataset import profile_dataset
from sluice.steps.register_project import register_project
from testing.fakes import FixedClock, world
from tests.unit.steps.intake_world import arrive, put

KEY = "projects/evo/project.yaml"
V1: dict[str, Any] = {
    "project": "evo",
    "problem": {"type": "binary", "target": "state", "positive": "churned"},
    "data": {
        "key": ["id"],
        "columns": {
            "id": {"type": "text", "nullable": False},
            "score": {"type": "number"},
            "seats": {"type": "number"},
            "state": {"type": "category", "values": ["churned", "stayed"]},
        },
    },
}


def rows(count: int = 1000, first: int = 0) -> bytes:
    """Every fourth row's `seats` has a fraction, every fifth's is missing; a third of the rows have churned."""
    lines = ["id,score,seats,state"]
    for n in range(first, first + count):
        seats = "" if n % 5 == 0 else f"{n % 40}.5" if n % 4 == 0 else f"{n % 40}"
        lines.append(f"c{n},{n / 7:.3f},{seats},{'churned' if n % 3 == 0 else 'stayed'}")
    return ("\n".join(lines) + "\n").encode()


def changed(**changes: Any) -> Json:
    """V1 with other columns, problem, or data: `columns` replaces single ones, None takes one out."""
    columns = {name: each for name, each in {**V1["data"]["columns"], **changes.pop("columns", {})}.items() if each}
    problem = {**V1["problem"], **changes.pop("problem", {})}
    return {**V1, "problem": problem, "data": {**V1["data"], **changes, "columns": columns}}


def register(at: World, contract: Json) -> Json:
    return at.call(register_project, KEY, put(at, KEY, yaml.safe_dump(contract).encode()))


def accepted(*files: bytes, profiled: bool = False, contract: Json | None = None) -> World:
    """A world with the project and its accepted files."""
    clock = FixedClock()
    at = world(clock=clock)
    assert register(at, contract or V1)["status"] == "registered"
    for number, body in enumerate(files or (rows(),)):
        clock.advance(hours=1)
        record = arrive(at, body, f"raw/evo/day{number}.csv")[1]
        assert record["status"] == "accepted", record
        if profiled:
            at.call(profile_dataset, "evo", record["dataset_id"])
    return at


F09 = changed(
    columns={
        "score": None,
        "points": {"type": "number"},
        "seats": {"type": "integer"},
        "state": {"type": "boolean"},
    },
    problem={"positive": True},
)
