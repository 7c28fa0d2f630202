"""Captured requests of a variant, laid down as SageMaker writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sluice.bootstrap import World
from testing.release_world import ENDPOINT


def lay(
    world: World,
    variant: str,
    rows: Sequence[dict[str, Any]],
    *,
    at: datetime | None = None,
    apart: float = 1.0,
    probability: float = 0.9,
    prefix: str = "i",
    client: str | None = None,
    answer: Any = None,
) -> None:
    """One request a row, `apart` seconds from each other, from `at` on (default: so that the last is now)."""
    first = at or world.clock.now() - timedelta(seconds=len(rows) * apart)
    lines = []
    for number, row in enumerate(rows):
        when = first + timedelta(seconds=number * apart)
        said = answer or {"predictions": [{"prediction": probability >= 0.5, "probability": probability}]}
        meta: dict[str, Any] = {
            "inferenceId": f"{prefix}{number}",
            "inferenceTime": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if client:
            meta["customAttributes"] = [f"client={client}"]
        data = {
            "endpointInput": {"data": json.dumps(row), "encoding": "JSON", "observedContentType": "application/json"},
            "endpointOutput": {"data": json.dumps(said), "encoding": "JSON", "observedContentType": "application/json"},
        }
        lines.append(json.dumps({"captureData": data, "eventMetadata": meta}))
    hour = (first + timedelta(seconds=len(rows) * apart)).strftime("%Y/%m/%d/%H")
    key = f"capture/shop/{ENDPOINT}/{variant}/{hour}/{prefix}-{first:%M%S}.jsonl"
    world.objects.write(key, "\n".join(lines).encode())
