"""Prints every decision record of a run: gates with values and reasons, canary looks, approval, responses to alarms."""

from __future__ import annotations

import argparse

from cli import decisions
from cli.connection import Connection, find_run
from cli.text import say
from sluice.steps.prepared_data import prepared_data

NAME = "why"
HELP = "every decision of a run, with its reasons"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_id", metavar="RUN", help="a run's id, or the beginning of it")
    parser.add_argument("--project")


def run(options: argparse.Namespace, connection: Connection) -> int:
    world = connection.world
    project, record = find_run(world, options.run_id, options.project)
    run_id = record["run_id"]
    say(decisions.head(project, record))
    if prepared := prepared_data(world, project, run_id):
        say(f"\n{decisions.data(prepared)}")
    own = decisions.records(world, project, run_id)
    for key, decision in own:
        say(f"\n{decisions.shown(decision)}\n  record: {world.objects.uri(key)}")
    if record.get("approval"):
        say(f"\n{decisions.approval(record['approval'])}")
    for key, response in decisions.responses(world, project, run_id, record):
        say(f"\n{decisions.response(response)}\n  record: {world.objects.uri(key)}")
    if not own:
        say("\nno decision has been recorded: the run has not come to its gates")
    return 0
