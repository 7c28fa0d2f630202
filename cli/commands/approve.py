"""Approves the model for which a run waits: the registry is told, and its event lets the run go on."""

from __future__ import annotations

import argparse
import getpass

from cli.connection import Connection, find_run
from cli.errors import CliError
from cli.text import say
from sluice.ports import Json

NAME = "approve"
HELP = "approve the model for which a run waits"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run_id", metavar="RUN")
    parser.add_argument("--project")
    parser.add_argument("--reason", default="", help="stays with the model in the registry")


def run(options: argparse.Namespace, connection: Connection) -> int:
    project, run_id = decide(options, connection, "Approved")
    say(f"{run_id} of {project} is approved; its release begins. Watch it with `sluice follow {project}`")
    return 0


def decide(options: argparse.Namespace, connection: Connection, status: str) -> tuple[str, str]:
    """Writes the decision to the registry. Raises CliError when the run does not wait for one."""
    world = connection.world
    project, record = find_run(world, options.run_id, options.project)
    arn = _waiting(record)
    by = f"{options.reason} ({status.lower()} by {getpass.getuser()})".strip()
    world.registry.decide(arn, status, by)
    return project, record["run_id"]


def _waiting(record: Json) -> str:
    approval = record.get("approval") or {}
    run_id = record["run_id"]
    if record.get("outcome"):
        raise CliError(f"{run_id} has ended ({record['outcome']}) and waits for nothing")
    if approval.get("decision"):
        raise CliError(f"{run_id} was decided at {approval.get('decided_at')}: {approval['decision']}")
    if not approval.get("package_arn"):
        raise CliError(f"{run_id} does not wait for an approval (it is {record.get('status')})")
    return str(approval["package_arn"])
