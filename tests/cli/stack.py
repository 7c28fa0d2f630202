"""A run, a serving model and an object of the project `shop`, in the world in memory."""

from __future__ import annotations

import json
from datetime import timedelta

from sluice.bootstrap import World
from sluice.ports import Champion, Variant

RUN, OTHER = "r0123456789ab", "r0123ffffffff"


def start(world: World, run_id: str = RUN, **facts: object) -> None:
    plain = {"trigger": "data", "datasets": ["d1"], "contract_version": "v1", "status": "running", **facts}
    world.ledger.start_run("shop", run_id, world.clock.now(), plain)


def serve(world: World) -> None:
    now = world.clock.now()
    world.ledger.set_champion(
        "shop",
        Champion(
            RUN, f"v-{RUN}", "sluice-shop", "only", "m", "arn", now, now + timedelta(days=1), None, {"roc_auc": 0.91234}
        ),
        None,
    )
    world.models.ensure_model("m", "s3://data/m", "image", {})
    world.models.ensure_endpoint_config("only", [Variant(f"v-{RUN}", "m", 1.0, "ml.m5.large", 2)], "s3://data/c", 100)
    world.models.put_endpoint("sluice-shop", "only")


def write(world: World, key: str, content: object) -> None:
    world.objects.write(key, json.dumps(content).encode())
