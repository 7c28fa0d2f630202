"""The accepted rows of a dataset: one file, or one for each part of a file that was judged in parts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sluice import keys
from sluice.errors import NotFoundError
from sluice.ports import ObjectStore


def accepted_files(project: str, dataset: str, folder: Path, *, objects: ObjectStore) -> Iterator[Path]:
    """One file after the other, in the order of the rows; each is gone when the next one is asked for.

    Raises NotFoundError where there is none.
    """
    found = objects.list(keys.accepted(project, dataset))
    if not found:
        raise NotFoundError(f"there is nothing below {objects.uri(keys.accepted(project, dataset))}")
    path = folder / "accepted.parquet"
    for stored in found:
        objects.download(stored.key, path)
        yield path
