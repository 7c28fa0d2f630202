"""Uploads a file of rows to score, waits until they are scored, and says where the predictions are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.arrivals import JSON as ARRIVAL
from cli.arrivals import send
from cli.commands.drop import File, Name, Wait
from cli.connection import Connection
from cli.options import Json as JsonFlag
from cli.options import Project

NAME = "batch"
HELP = "score a file and report where the predictions are"
EXAMPLE = "sluice batch shop next-week.csv --output predictions.csv"
WRITES = True
JSON = ARRIVAL


def run(
    connection: Connection,
    project: Project,
    file: File,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Download the predictions to this file.")
    ] = None,
    name: Name = None,
    wait: Wait = 900,
    as_json: JsonFlag = False,
) -> int:
    """0 when the file was scored, 1 when not."""
    return send(connection.world, project, file, "batch", name, wait, output, as_json=as_json)
