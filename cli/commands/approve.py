"""Approves the model for which a run waits: sets its package's status, and the registry's event resumes the run."""

from __future__ import annotations

import getpass

from cli.connection import Connection, find_run
from cli.errors import CliError
from cli.options import OptionalProject, Reason, Run
from cli.text import say
from sluice.ports import Json

NAME = "approve"
HELP = "approve the model of a run that waits for approval"
EXAMPLE = "sluice approve r0123 --reason 'figures look right'"
WRITES = True


def run(connection: Connection, run_id: Run, project: OptionalProject = None, reason: Reason = "") -> int:
    name, full = decide(connection, run_id, project, reason, "Approved")
    say(f"{full} of {name} is approved; its release begins. Watch it: sluice watch {name} {full}")
    return 0


def decide(connection: Connection, run_id: str, project: str | None, reason: str, status: str) -> tuple[str, str]:
    """Writes the decision to the registry. Raises CliError when the run does not wait for one."""
    world = connection.world
    name, record = find_run(world, run_id, project)
    arn = _waiting(record)
    by = f"{reason} ({status.lower()} by {getpass.getuser()})".strip()
    world.registry.decide(arn, status, by)
    return name, record["run_id"]


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
