"""Downloads the pages of a run (evaluation, model card, release), a dataset or a project (the newest of each kind).

Any browser opens them without a network. `--link` prints addresses instead that anybody can open for an hour.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.connection import Connection
from cli.options import Json, OptionalProject
from cli.output import Output, Shape
from cli.pages import pages_of, presigned

NAME = "report"
HELP = "download the pages of a run, a dataset or a project"
EXAMPLE = "sluice report r0123 --output ."
JSON = Shape(
    {
        "kind": "evaluation, model card, release, dataset or monitoring",
        "uri": "where it lies",
        "file": "where it went, or null",
        "link": "the address (--link), or null",
    },
    kind="list",
)
_LINK_SECONDS = 3_600


def run(
    connection: Connection,
    what: Annotated[
        str,
        typer.Argument(metavar="RUN|DATASET|PROJECT", help="An id, its beginning, or a project.", show_default=False),
    ],
    project: OptionalProject = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder that the pages are written to.")] = Path(),
    link: Annotated[
        bool,
        typer.Option("--link", help="Print addresses that open in a browser for an hour, for anybody who has them."),
    ] = False,
    as_json: Json = False,
) -> int:
    world, out = connection.world, Output(as_json)
    found = pages_of(world, what, project)
    done = []
    if not link:
        output.mkdir(parents=True, exist_ok=True)
    for page in found:
        uri, path, address = world.objects.uri(page.key), output / page.name, None
        if link:
            address = presigned(connection, page.key, _LINK_SECONDS)
            out.say(f"{page.kind}: {address}")
        else:
            path.write_bytes(world.objects.read(page.key))
            out.say(f"{path}\n  from {uri}")
        done.append({"kind": page.kind, "uri": uri, "file": None if link else str(path), "link": address})
    out.result(done)
    return 0
