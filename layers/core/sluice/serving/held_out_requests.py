"""Held-out test rows as requests: what a project without live traffic can be asked.

Evaluation keeps some test rows, with their features only, at `evaluation/held_out.jsonl` (jobs/learn/evaluate.py).
"""

from __future__ import annotations

import json

from sluice import keys
from sluice.errors import NotFoundError
from sluice.model.payloads import JSON
from sluice.ports import Json, ObjectStore

CAPTURED, HELD_OUT = "captured", "held_out"
"""Where replayed requests are from."""


def held_out_requests(project: str, run_id: str, most: int, *, objects: ObjectStore) -> list[Json]:
    """At most `most` requests of one row each, in the form of captured ones; none where evaluation kept no rows."""
    try:
        lines = objects.read(keys.run(project, run_id, "evaluation", "held_out.jsonl")).splitlines()
    except NotFoundError:
        return []
    return [
        {
            "id": f"{HELD_OUT}-{number}",
            "at": None,
            "client": None,
            "body": json.dumps(json.loads(line)),
            "content_type": JSON,
            "rows": 1,
            "source": HELD_OUT,
        }
        for number, line in enumerate(lines[:most])
    ]
