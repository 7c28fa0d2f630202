"""A spreadsheet of corrected rows, as the intake takes it: without what `sluice quarantine` added for people."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli.errors import CliError
from cli.text import plural
from sluice import keys
from sluice.bootstrap import World
from sluice.datasets.corrected_by import comes_whole
from sluice.errors import NotFoundError
from sluice.escaping import cell, uncell, visible
from sluice.intake.limits import UNLIMITED
from sluice.intake.opening import Arrival
from sluice.intake.quarantine_columns import OWN, ROW, shown
from sluice.intake.source import open_source

_DATASET = "_dataset"


class Corrected:
    """A file with the column ROW, or one that comes again whole, sent unchanged. `folder`: for what is written.

    Raises UnreadableFileError and EmptyFileError.
    """

    def __init__(self, world: World, project: str, file: Path, folder: Path) -> None:
        registered = world.ledger.contract(project)
        columns = registered[0]["data"]["columns"] if registered else ()
        self._world, self._project, self._file, self._folder = world, project, file, folder
        self._source = open_source(Arrival.on_disk(file), folder, UNLIMITED, [*OWN, *columns])
        self._names = self._source.notes.columns
        self._of_rows = self._source.notes.format == "csv" and ROW in self._names
        self.name = f"{file.stem}.csv" if self._of_rows else file.name

    def dataset(self) -> str:
        """The one that every row names. Raises CliError where there is none, or several."""
        named = self._of_rows and _DATASET in self._names
        found = {row[_DATASET] for row in self._rows()} if named else set()
        if len(found) > 1:
            raise CliError(
                f"{self._file} has rows of {len(found)} datasets; write those of each into a file of its own"
            )
        if not found or None in found:
            raise CliError(
                f"{self._file} does not say which dataset it corrects, in a column {_DATASET!r}. Name it with "
                f"--dataset; `sluice quarantine {self._project}` lists them"
            )
        return str(found.pop())

    def written(self, dataset: str) -> Path:
        """The file to send. Raises CliError where `dataset` has no row in quarantine."""
        if not self._of_rows:
            return self._file
        refused, to = self._refused(dataset), self._folder / "corrected.csv"
        names = [name for name in self._names if name == ROW or name not in OWN]
        with to.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, quoting=csv.QUOTE_ALL)
            writer.writerow(names)
            for row in self._rows():
                before = refused.get(str(row[ROW]))
                values = before if isinstance(before, dict) else {}
                writer.writerow([_plain(row[name], shown(values.get(name))) for name in names])
        return to

    def refuse_a_part(self, dataset: str) -> None:
        """Raises CliError where the whole file was quarantined, and this one has its refused rows alone."""
        try:
            summary = json.loads(self._world.objects.read(keys.quarantine_summary(self._project, dataset)))
        except NotFoundError:
            return
        held = int(summary.get("held_rows") or 0)
        if self._of_rows and held and comes_whole(dataset, summary):
            raise CliError(
                f"{self._file} has refused rows alone, but {visible(summary['key'])} was quarantined as a whole: its "
                f"{plural(held, 'good row')} would stay out. Correct the file itself, and send all of it: "
                f"`sluice redrive {self._project} FILE --dataset {dataset}`"
            )

    def _rows(self) -> Iterator[dict[str, Any]]:
        for batch in self._source.batches(self._names):
            if batch.broken:
                first = batch.broken[0]
                raise CliError(f"line {first.row} of {self._file} {first.message}")
            yield from batch.texts(range(len(batch.rows)))

    def _refused(self, dataset: str) -> dict[str, Any]:
        """Row number → values as the quarantine has them."""
        try:
            lines = self._world.objects.read(keys.quarantined_rows(self._project, dataset)).decode().splitlines()
        except NotFoundError:
            raise CliError(
                f"no row of a dataset {dataset!r} is in quarantine; `sluice quarantine {self._project}` lists the files"
            ) from None
        return {str(entry["row"]): entry["values"] for entry in map(json.loads, lines)}


def _plain(text: str | None, before: str) -> str:
    """A cell that nobody changed is what it was, even if it began with an apostrophe."""
    text = text or ""
    return before if text in (before, cell(before)) else uncell(text)
