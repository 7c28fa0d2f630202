"""Corrected rows of a quarantine: whose they are, and which of them are still in it.

A file in raw/<project>/corrects=<dataset>/ corrects that dataset. Its rows have the numbers that they had in the first
file (`lines_of`), through any number of corrections, so that a row is accepted at most once. Where the whole file was
quarantined, no row of it was accepted: then the whole file, corrected, takes its place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from sluice import keys
from sluice.datasets.corrected_by import CORRECTS, comes_whole
from sluice.errors import CorrectionError, NotFoundError
from sluice.escaping import visible
from sluice.intake.corrections import Correction, quarantined_rows
from sluice.intake.quarantine_columns import ROW
from sluice.ports import Json, Ledger, ObjectStore


@dataclass(frozen=True)
class Lineage:
    """What a file corrects. `rows` is None where the whole file was quarantined, and the whole file comes again."""

    dataset: str
    key: str
    lines_of: str
    listed: int
    """Corrections of `lines_of` that are listed so far, withdrawn ones too."""
    rows: Correction | None

    def told(self, dataset: str) -> Json:
        """`corrects` in the record of `dataset`, which is the corrected one."""
        return {"dataset_id": self.dataset, "key": self.key, "lines_of": self.lines_of if self.rows else dataset}


def lineage(project: str, dataset: str, folder: Path, *, objects: ObjectStore, ledger: Ledger) -> Lineage:
    """`dataset`: what a file names as the one that it corrects. `folder`: for what is read on the way.

    Raises CorrectionError where nothing of it is in quarantine, where it is not a file to learn from, was withdrawn, or
    came again as a whole already.
    """
    try:
        summary: Json = json.loads(objects.read(keys.quarantine_summary(project, dataset)))
    except NotFoundError:
        raise CorrectionError(
            f"no row of a dataset {visible(dataset)!r} is in quarantine; `sluice quarantine {project}` lists the files"
        ) from None
    key = str(summary["key"])
    if not key.startswith("raw/"):
        raise CorrectionError(f"{visible(key)} is not a file to learn from; correct it, and upload it again")
    first = summary.get(CORRECTS)
    whole = comes_whole(dataset, summary)
    lines_of = dataset if first is None or whole else str(first["lines_of"])
    datasets = ledger.datasets(project)
    for each in datasets:
        if each["dataset_id"] in (dataset, lines_of) and "withdrawn_at" in each:
            raise CorrectionError(f"dataset {each['dataset_id']} was withdrawn, so that no run learns from it")
    made = [each for each in datasets if _corrects(each, lines_of, whole)]
    live = [each["dataset_id"] for each in made if "withdrawn_at" not in each]
    if not whole:
        rows = _refused(project, dataset, folder, objects=objects)
        before = frozenset(number for each in live for number in _accepted_rows(project, each, folder, objects=objects))
        return Lineage(dataset, key, lines_of, len(made), Correction(dataset, rows, before))
    if live:
        raise CorrectionError(
            f"dataset {live[0]} took the place of dataset {dataset} already. Its rows count; `sluice withdraw "
            f"{project} {live[0]} --reason TEXT` takes them back"
        )
    return Lineage(dataset, key, lines_of, len(made), None)


def _corrects(listed: Json, lines_of: str, whole: bool) -> bool:
    corrects = listed.get(CORRECTS) or {}
    return bool(listed["dataset_id"] != lines_of and corrects.get("dataset_id" if whole else "lines_of") == lines_of)


def _refused(project: str, dataset: str, folder: Path, *, objects: ObjectStore) -> dict[int, dict[str, str]]:
    path = folder / "quarantined.jsonl"
    objects.download(keys.quarantined_rows(project, dataset), path)
    with path.open("rb") as lines:
        return quarantined_rows(lines)


def _accepted_rows(project: str, dataset: str, folder: Path, *, objects: ObjectStore) -> list[int]:
    path = folder / "corrected.parquet"
    objects.download(keys.accepted_part(project, dataset), path)
    numbers: list[int] = pq.read_table(path, columns=[ROW]).column(ROW).to_pylist()
    return numbers
