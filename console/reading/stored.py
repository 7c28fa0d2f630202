"""Objects of the data bucket, read for pages: what is absent or damaged is an empty part of a page, not its end."""

from __future__ import annotations

from typing import Any

from console.source import Source
from sluice.errors import DamagedRecordError
from sluice.store.run_records import stored_json


def once_json_at(source: Source, key: str) -> Any:
    """The same of an object that is written once: it is read once."""
    return source.kept.get(("object", key), lambda: json_at(source, key), 3_600)


def json_at(source: Source, key: str, otherwise: Any = None) -> Any:
    """What is stored at `key`; `otherwise` when there is none, or it is not JSON."""
    try:
        return stored_json(key, otherwise, objects=source.world.objects)
    except DamagedRecordError:
        return otherwise
