"""Stops the local cloud that runs in the background; its data are lost."""

from __future__ import annotations

from cli.commands import cloud
from cli.commands.env import FOLDER, running
from cli.connection import Connection
from cli.errors import CliError
from cli.options import Json as JsonFlag
from cli.output import Output, Shape
from cli.repository import clone

NAME = "down"
HELP = "stop the local cloud"
EXAMPLE = "sluice down"
DOING = "stopping the local cloud"
JSON = Shape({"stopped": "whether one ran", "state": "its folder"})


def run(connection: Connection, as_json: JsonFlag = False) -> int:
    """0 when none runs any more."""
    out, state = Output(as_json), clone() / FOLDER
    try:
        running(state)
    except CliError:
        out.say(f"no local cloud runs with the folder {state}")
        out.result({"stopped": False, "state": str(state)})
        return 0
    cloud.stop(connection)
    out.say("`sluice up` starts another one")
    out.result({"stopped": True, "state": str(state)})
    return 0
