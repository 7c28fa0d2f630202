"""The former name of `sluice watch`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli.commands import watch
from cli.connection import Connection
from cli.options import Json as JsonFlag
from cli.options import Project
from cli.text import say

NAME = "follow"
HELP = "the former name of watch"
EXAMPLE = "sluice follow shop"
HIDDEN = True
JSON = watch.JSON


def run(
    connection: Connection,
    project: Project,
    run_id: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Default: the current run, or else the last one.")
    ] = None,
    wait: watch.Wait = None,
    as_json: JsonFlag = False,
) -> int:
    """Exit codes and output are those of `watch`."""
    say(f"`sluice follow` is now `sluice watch {project}{f' {run_id}' if run_id else ''}`", file=sys.stderr)
    return watch.run(connection, project, run_id, wait=wait, as_json=as_json)
