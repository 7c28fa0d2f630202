"""JSON objects in the bucket. Apart from the records of runs, whose types take longest to import."""

from __future__ import annotations

import json
from typing import Any

from sluice.errors import DamagedRecordError, NotFoundError
from sluice.ports import ObjectStore


def read_json(key: str, *, objects: ObjectStore) -> Any:
    """Raises NotFoundError, and DamagedRecordError for what is not JSON."""
    body = objects.read(key)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        # the parser's message may quote the object
        raise DamagedRecordError(f"{objects.uri(key)} is not JSON; restore its last version") from None


def stored_json(key: str, otherwise: Any = None, *, objects: ObjectStore) -> Any:
    """`otherwise` where there is no such object yet. Raises DamagedRecordError."""
    try:
        return read_json(key, objects=objects)
    except NotFoundError:
        return otherwise


def write_json(key: str, content: Any, *, objects: ObjectStore) -> None:
    body = json.dumps(content, indent=1, sort_keys=True, default=str).encode()
    objects.write(key, body, "application/json")
