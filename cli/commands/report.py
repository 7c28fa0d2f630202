"""Downloads the report of a run's evaluation and its model card: pages that any browser opens without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.connection import Connection, find_run
from cli.errors import CliError
from cli.options import OptionalProject, Run
from cli.text import say
from sluice import keys

NAME = "report"
HELP = "download the report of a run's evaluation, and its model card"
EXAMPLE = "sluice report r0123 --output ."


def run(
    connection: Connection,
    run_id: Run,
    project: OptionalProject = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder that the pages are written to.")] = Path(),
) -> int:
    world = connection.world
    name, record = find_run(world, run_id, project)
    full = record["run_id"]
    found = [
        (key, kind)
        for key, kind in ((keys.evaluation_report(name, full), "report"), (keys.model_card(name, full), "model-card"))
        if world.objects.exists(key)
    ]
    if not found:
        raise CliError(f"run {full} of {name} has no report: it has not come to its gates, or is of an older version")
    output.mkdir(parents=True, exist_ok=True)
    for key, kind in found:
        path = output / f"{name}-{full}-{kind}.html"
        path.write_bytes(world.objects.read(key))
        say(f"{path}\n  from {world.objects.uri(key)}")
    return 0
