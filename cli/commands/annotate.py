"""Opens a page of the console on which a person labels rows that the serving model has answered.

The rows are drawn at random from the answers without a label; those that the model is least sure of come first. The
labels go into labels/ once, as a file that the intake judges like any other. Ctrl-C ends the page.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote, urlencode

import typer

from cli.connection import Connection, known_project
from cli.errors import CliError
from cli.options import Json, Project
from cli.output import Output, Shape

NAME = "annotate"
HELP = "open a page for labelling answered rows"
EXAMPLE = "sluice annotate shop --rows 50"
DOING = "opening the page"
WRITES = True
JSON = Shape(
    {
        "address": "where the page is; it has the token, so it is a secret while the command runs",
        "project": "the project",
        "rows": "rows of the job at most",
        "days": "how far back answers are looked for",
        "until": "answers up to this time are in the job",
    }
)


def run(
    connection: Connection,
    project: Project,
    rows: Annotated[int, typer.Option(min=1, max=300, help="Rows to label at most.")] = 30,
    days: Annotated[int, typer.Option(min=1, max=365, help="How far back answers are looked for.")] = 7,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any free one.")] = 0,
    as_json: Json = False,
) -> int:
    """0 after Ctrl-C. Raises CliError where no label can be compared with an answer, and for a port that is taken."""
    # a web server takes a fifth of a second to import, which no other command should wait for
    from console.reading.annotation import labelled_by
    from console.serving import serve

    world, out = connection.world, Output(as_json)
    project = known_project(world, project)
    labelled_by(world, project)
    if world.ledger.champion(project) is None:
        raise CliError(f"no model of {project} serves yet, so there are no answers to label: `sluice watch {project}`")
    until = world.clock.now().isoformat()
    wanted = urlencode({"rows": rows, "days": days, "until": until})

    def opened(address: str) -> None:
        out.say(f"The page is at\n\n    {address}\n\nOpen it in a browser of this machine. Ctrl-C ends it.")
        out.result({"address": address, "project": project, "rows": rows, "days": days, "until": until})

    serve(connection, port, page=f"/projects/{quote(project, safe='')}/annotate?{wanted}", opened=opened)
    return 0
