"""Serves pages about projects, runs, data and models on this machine's loopback interface, until Ctrl-C.

The pages read AWS, or the local cloud, with your own credentials: they show and change what you may see and change.
Open the printed address in a browser; its token keeps other programs out.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cli import target
from cli.connection import Connection
from cli.options import Json, Yes
from cli.output import Output, Shape

NAME = "console"
HELP = "serve pages about projects, runs and models on this machine"
EXAMPLE = "sluice console --port 8900"
DOING = "opening the console"
JSON = Shape(
    {
        "address": "where the pages are; it has the token, so it is a secret while the console runs",
        "target": "the cloud that they show",
        "stack": "the stack that they show",
        "read_only": "whether actions are refused",
    }
)


def run(
    connection: Connection,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any free one.")] = 0,
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse every action: show only.")] = False,
    listen: Annotated[
        bool,
        typer.Option(
            "--listen", help="Subscribe a queue to the alerts while the console runs (a local cloud: always)."
        ),
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> int:
    """0 after Ctrl-C. Raises CliError when the port is taken."""
    # a web server takes a fifth of a second to import, which no other command should wait for
    from console.serving import serve

    target.announce(connection.target, connection.stack)
    if not read_only or listen:
        target.confirm(connection.target, yes=yes)
    out = Output(as_json)

    def opened(address: str) -> None:
        out.say(f"The console is at\n\n    {address}\n\nOpen it in a browser of this machine. Ctrl-C ends it.")
        facts = {"target": str(connection.target), "stack": connection.stack, "read_only": read_only}
        out.result({"address": address, **facts})

    serve(connection, port, read_only=read_only, listen=listen, opened=opened)
    return 0
