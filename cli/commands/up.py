"""Starts the local cloud with Sluice in the background, and returns when it is deployed. `sluice down` stops it.

Its state and its log lie in .localcloud in the clone. `sluice cloud` is the same in the foreground.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands import cloud
from cli.connection import Connection
from cli.options import Json as JsonFlag

NAME = "up"
HELP = "start the local cloud in the background"
EXAMPLE = "sluice up"
DOING = "starting the local cloud"
JSON = cloud.JSON


def run(
    connection: Connection,
    speed: Annotated[
        float, typer.Option(min=0.1, help="Seconds of the cloud's bakes, alarms and schedules in one real second.")
    ] = 10.0,
    port: Annotated[int, typer.Option(help="Port on the loopback interface.")] = 4566,
    as_json: JsonFlag = False,
) -> int:
    """0 when it stands, also when it stood before."""
    return cloud.up(connection, speed, port, as_json=as_json)
