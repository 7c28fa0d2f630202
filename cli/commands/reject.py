"""Rejects the model for which a run waits; the champion keeps serving."""

from __future__ import annotations

import argparse

from cli.commands.approve import decide
from cli.connection import Connection
from cli.text import say

NAME = "reject"
HELP = "reject the model for which a run waits"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_id", metavar="RUN")
    parser.add_argument("--project")
    parser.add_argument("--reason", required=True, help="stays with the model in the registry")


def run(options: argparse.Namespace, connection: Connection) -> int:
    project, run_id = decide(options, connection, "Rejected")
    say(f"{run_id} of {project} is rejected; what served keeps serving")
    return 0
