"""Shows the states that the project's run enters, as it enters them, until the run ends."""

from __future__ import annotations

import argparse
import time

from cli.commands.runs import explanation
from cli.connection import Connection, find_run, known_project
from cli.errors import CliError
from cli.following import Progress
from cli.text import duration, say
from sluice.ports import Json, World

NAME = "follow"
HELP = "live progress of the run that is on"
_POLL_SECONDS = 1.0


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("project")
    parser.add_argument("--run", dest="run_id", help="default: the run that is on, else the next to start")
    parser.add_argument(
        "--wait", type=float, default=120, metavar="SECONDS", help="how long to wait for a run to start"
    )


def run(options: argparse.Namespace, connection: Connection) -> int:
    """0 when the run ended in any decision, 1 when it failed."""
    world = connection.world
    project = known_project(world, options.project)
    asked = options.run_id
    record = find_run(world, asked, project)[1] if asked else _current(world, project, options.wait)
    run_id = record["run_id"]
    say(f"{run_id} of {project} ({record.get('trigger')})")
    progress = Progress(connection, project, run_id)
    began, last = time.time(), ""
    while True:
        ended = world.ledger.run(project, run_id) or record
        for step in progress.fresh():
            line = f"{step.machine}: {step.text}"
            if line != last:
                say(f"  {step.at:%H:%M:%S}  {line}")
            last = line
        if ended.get("outcome"):
            return _end(ended)
        if not ended.get("execution_arn") and time.time() - began > options.wait:
            raise CliError(f"{run_id} is {ended.get('status')}, and no execution of it starts")
        time.sleep(_POLL_SECONDS)


def _current(world: World, project: str, wait: float) -> Json:
    """The run that holds the lock; waits for one. A run may start and end between two looks, so those count as well."""
    known = {record["run_id"] for record in world.ledger.runs(project)}
    deadline, told = time.monotonic() + wait, False
    while True:
        held = world.ledger.lock(project)
        for record in world.ledger.runs(project):
            if (held and record["run_id"] == held["run_id"]) or record["run_id"] not in known:
                return record
        if time.monotonic() >= deadline:
            raise CliError(f"no run of {project} is on, and none started in {wait:.0f} s; see `sluice runs {project}`")
        if not told:
            say("no run is on; waiting for one …")
            told = True
        time.sleep(_POLL_SECONDS)


def _end(record: Json) -> int:
    took = duration(record.get("started_at"), record.get("ended_at"))
    say(f"ended after {took}: {record['outcome']}. {explanation(record)}".rstrip())
    say(f"`sluice why {record['run_id']}` has every decision")
    return 1 if record["outcome"] == "failed" else 0
