"""Uploads a file of rows, delayed labels or rows to score, and says what became of it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.arrivals import JSON as ARRIVAL
from cli.arrivals import refuse_contract, send
from cli.connection import Connection
from cli.errors import WrongCommandLine
from cli.options import Json as JsonFlag
from cli.options import Project

NAME = "drop"
HELP = "upload a file and report the verdict"
EXAMPLE = "sluice drop shop sessions.csv"
WRITES = True
JSON = ARRIVAL


class Area(StrEnum):
    """Where a file goes in the bucket."""

    RAW = "raw"
    LABELS = "labels"
    BATCH = "batch"


_HELP = "CSV, JSON lines or Parquet, gzip allowed."
File = Annotated[Path, typer.Argument(metavar="FILE", help=_HELP, show_default=False)]
OptionalFile = Annotated[Path | None, typer.Argument(metavar="FILE", help=_HELP, show_default=False)]
Name = Annotated[str | None, typer.Option(help="Name in the bucket; default: the file's own.", show_default=False)]
Wait = Annotated[float, typer.Option(metavar="SECONDS", min=0, help="0: do not wait for the verdict.")]


def run(
    connection: Connection,
    project: Project,
    file: OptionalFile = None,
    to: Annotated[
        Area, typer.Option(help="raw: a file to learn from; labels: delayed labels; batch: a file to score.")
    ] = Area.RAW,
    name: Name = None,
    wait: Wait = 600,
    as_json: JsonFlag = False,
) -> int:
    """0 when the file was accepted or scored, 1 when it was refused."""
    if file is None:
        refuse_contract(to.value, "", project)
        raise WrongCommandLine(f"which project is {project} for? Write `sluice drop PROJECT {project}`")
    return send(connection.world, project, file, to.value, name, wait, as_json=as_json)
