"""Uploads delayed labels, and says how many of them count and what became of the other rows.

The file has the contract's key columns (or `inference_id`) and the target.
"""

from __future__ import annotations

from cli.arrivals import JSON as ARRIVAL
from cli.arrivals import send
from cli.commands.drop import File, Name, Wait
from cli.connection import Connection
from cli.options import Json as JsonFlag
from cli.options import Project

NAME = "label"
HELP = "upload delayed labels and report the verdict"
EXAMPLE = "sluice label shop purchases.csv"
WRITES = True
JSON = ARRIVAL


def run(
    connection: Connection,
    project: Project,
    file: File,
    name: Name = None,
    wait: Wait = 600,
    as_json: JsonFlag = False,
) -> int:
    """0 when the labels were accepted, 1 when the file was refused."""
    return send(connection.world, project, file, "labels", name, wait, as_json=as_json)
