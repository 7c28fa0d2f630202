"""Sends corrected rows of a quarantine back, and says which of them are accepted now.

The file is the one that `sluice quarantine` wrote, with corrected cells. Rows that were accepted before are left out;
what is still wrong is in quarantine again, under the new dataset.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli.arrivals import JSON as ARRIVAL
from cli.arrivals import send_to
from cli.commands.drop import Wait
from cli.connection import Connection, known_project
from cli.files import existing_file
from cli.options import Json as JsonFlag
from cli.options import Project
from sluice import keys

NAME = "redrive"
HELP = "send corrected rows of a quarantine back"
EXAMPLE = "sluice redrive shop refused.csv"
WRITES = True
JSON = ARRIVAL


def run(
    connection: Connection,
    project: Project,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="The CSV that `sluice quarantine PROJECT FILE --output CSV` wrote, corrected; or, where the whole "
            "file was quarantined, that file, corrected.",
            show_default=False,
        ),
    ],
    dataset: Annotated[
        str | None, typer.Option(help="The dataset that it corrects; default: as the file says.", show_default=False)
    ] = None,
    wait: Wait = 600,
    as_json: JsonFlag = False,
) -> int:
    """0 when a row was accepted, 1 when not."""
    from cli.corrected import Corrected  # here: pyarrow, whose import every other command would wait for

    world = connection.world
    existing_file(file, project)
    project = known_project(world, project)
    with tempfile.TemporaryDirectory(prefix="sluice-") as folder:
        corrected = Corrected(world, project, file, Path(folder))
        dataset = dataset or corrected.dataset()
        corrected.refuse_a_part(dataset)
        key = keys.correction(project, dataset, corrected.name)
        return send_to(world, key, corrected.written(dataset), wait, as_json=as_json)
