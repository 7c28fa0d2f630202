"""Which datasets have corrected rows of another one, and which come again as a whole."""

from __future__ import annotations

from collections.abc import Iterable

from sluice.ports import Json

CORRECTS = "corrects"
"""The member of a record, a summary and a listed dataset that names what it corrects."""


def corrected_by(dataset: str, datasets: Iterable[Json]) -> list[Json]:
    """The listed datasets with corrected rows of `dataset`, without those that were withdrawn."""
    return [
        each
        for each in datasets
        if "withdrawn_at" not in each
        and dataset in (each.get(CORRECTS) or {}).values()
        and each["dataset_id"] != dataset
    ]


def comes_whole(dataset: str, summary: Json) -> bool:
    """Whether all of the file comes again, since none of its rows was accepted. `summary`: its quarantine's."""
    first = summary.get(CORRECTS)
    return bool(summary["status"] == "quarantined" and (first is None or first["lines_of"] == dataset))
