"""Shows which files had rows refused, or writes one file's refused rows with their reasons as CSV for a spreadsheet.

Correct the rows, save as CSV, and send them back with `sluice redrive`. Cells that a spreadsheet would run as formulas
get an apostrophe in front, which `sluice redrive` takes away; `--raw` leaves them unchanged, for programs.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from cli import progress
from cli.connection import Connection, known_project
from cli.errors import CliError
from cli.named_datasets import beginning
from cli.options import Json as JsonFlag
from cli.options import Project
from cli.outcomes import is_of_file
from cli.output import Output, Shape
from cli.text import plural, say, table
from sluice import keys
from sluice.bootstrap import World
from sluice.contract import nearest
from sluice.datasets.corrected_by import comes_whole, corrected_by
from sluice.escaping import cell
from sluice.intake.quarantine_columns import ROW, shown
from sluice.model.shortening import listed
from sluice.ports import Json

NAME = "quarantine"
HELP = "list refused rows, or write those of a file as CSV with their reasons"
EXAMPLE = "sluice quarantine shop sessions.csv --output refused.csv"
JSON = Shape(
    {
        "project": "the project",
        "files": "summary of each file with refused rows, the newest first; of the one that was named",
        "rows": "the refused rows of the file that was named: row, reasons, values; else null",
    }
)
LINE = "_line"


def run(
    connection: Connection,
    project: Project,
    file: Annotated[str | None, typer.Argument(help="A file's name, or a dataset's id; default: list them.")] = None,
    output: Annotated[Path | None, typer.Option(help="Where the CSV goes; default: the terminal.")] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Leave cells unchanged; a spreadsheet may run formulas in them.")
    ] = False,
    as_json: JsonFlag = False,
) -> int:
    world = connection.world
    project = known_project(world, project)
    found = summaries(world, project)
    out = Output(as_json)
    if file is None and as_json:
        out.result({"project": project, "files": found, "rows": None})
        return 0
    if file is None:
        say(listing(found, world.ledger.datasets(project)) if found else f"no row of {project} is in quarantine")
        return 0
    chosen = _chosen(found, project, file)
    body = world.objects.read(keys.quarantined_rows(project, chosen["dataset_id"])).decode()
    rows = [json.loads(line) for line in body.splitlines()]
    if as_json and output is None:
        out.result({"project": project, "files": [chosen], "rows": rows})
        return 0
    if output is None:
        progress.stop()
        write_csv(rows, chosen["dataset_id"], sys.stdout, raw=raw)
        return 0
    # with a byte order mark, without which Excel takes UTF-8 for an old encoding; the intake takes it off again
    with output.open("w", encoding="utf-8-sig", newline="") as opened:
        write_csv(rows, chosen["dataset_id"], opened, raw=raw)
    out.result({"project": project, "files": [chosen], "rows": rows})
    out.say(f"{plural(len(rows), 'refused row')} of {chosen['key']} in {output}")
    if not chosen["key"].startswith("raw/"):
        return 0
    if comes_whole(chosen["dataset_id"], chosen) and chosen.get("held_rows", 1):
        again = f"sluice redrive {project} FILE --dataset {chosen['dataset_id']}"
        out.say(f"No row of the file was accepted. Correct the file itself, and send all of it: {again}")
    else:
        out.say(f"Correct them there, then: sluice redrive {project} {output}")
    return 0


def summaries(world: World, project: str) -> list[Json]:
    """summary.json of each file with refused rows, the newest first."""
    stored = [item for item in world.objects.list(f"quarantine/{project}/") if item.key.endswith("/summary.json")]
    ordered = sorted(stored, key=lambda item: (item.modified, item.key), reverse=True)
    # one of a file to score had neither, in older versions
    return [
        {"dataset_id": item.key.split("/")[2], "status": "scored", **json.loads(world.objects.read(item.key))}
        for item in ordered
    ]


def listing(found: Iterable[Json], datasets: list[Json]) -> str:
    """`datasets`: those that are listed, which say whose rows they correct."""
    rows = [
        (
            summary["key"].split("/", 2)[-1],
            summary["dataset_id"],
            summary["quarantined_rows"],
            _else(summary, corrected_by(summary["dataset_id"], datasets)),
            listed([_count(reason) for reason in summary["reasons"] if not is_of_file(reason)], 3),
        )
        for summary in found
    ]
    return table(("file", "dataset", "refused", "else", "mostly because"), rows)


def _else(summary: Json, corrections: list[Json]) -> str:
    rows = summary.get("scored_rows", summary["rows"])
    told = "whole file" if summary["status"] == "quarantined" else f"{rows} rows {summary['status']}"
    again = sum(int(each["rows"]) for each in corrections)
    return f"{told}, {again} corrected" if again else told


def _count(reason: Json) -> str:
    return f"{reason['rows']} × {reason['rule']}" + (f" in {reason['column']}" if reason["column"] else "")


def _chosen(found: list[Json], project: str, wanted: str) -> Json:
    """The newest file of this name, or the dataset of this id. Raises CliError with the nearest name."""
    names = [summary["key"].split("/", 2)[-1] for summary in found]
    for name, summary in zip(names, found, strict=True):
        if wanted in (name, summary["key"], summary["dataset_id"]):
            return summary
    ids = {summary["dataset_id"]: summary for summary in found}
    if len(begun := beginning(wanted, ids)) == 1:
        return ids[begun[0]]
    hint = nearest(wanted, names)
    raise CliError(f"no row of {wanted!r} is in quarantine{hint}; `sluice quarantine {project}` lists the files")


def write_csv(rows: Iterable[Json], dataset: str, out: TextIO, *, raw: bool = False) -> None:
    """`rows`: the entries of rows.jsonl. Source line, reasons and the dataset's id come first, then the columns of the
    contract. A record that does not fit the file's columns has its text in `_line`.
    """
    entries = list(rows)
    columns = list(dict.fromkeys(name for entry in entries for name in _values(entry)))
    shown = str if raw else cell
    # all quoted: a spreadsheet that separates by semicolons must not split a cell
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow([shown(name) for name in (ROW, "_reasons", "_dataset", *columns)])
    for entry in entries:
        values = _values(entry)
        reasons = "; ".join(_reason(reason) for reason in entry["reasons"])
        writer.writerow([shown(text) for text in (str(entry["row"]), reasons, dataset, *_texts(columns, values))])


def _texts(columns: Iterable[str], values: dict[str, Any]) -> Iterator[str]:
    yield from (shown(values.get(name)) for name in columns)


def _values(entry: Json) -> dict[str, Any]:
    values = entry["values"]
    if isinstance(values, dict):
        return values
    return {LINE: values if isinstance(values, str) else ",".join(map(str, values))}


def _reason(reason: Json) -> str:
    return f"{reason['column']} {reason['message']}" if reason["column"] else str(reason["message"])
