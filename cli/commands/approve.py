"""Approves the model for which a run waits: sets its package's status, and the registry's event resumes the run."""

from __future__ import annotations

import getpass

from cli.commands.runs import outcome_told
from cli.connection import Connection, find_run
from cli.errors import CliError
from cli.options import Json as JsonFlag
from cli.options import OptionalProject, OptionalReason, Run
from cli.output import Output, Shape
from sluice.ports import Json

NAME = "approve"
HELP = "approve the model of a run that waits for approval"
EXAMPLE = "sluice approve r0123 --reason 'figures look right'"
WRITES = True
JSON = Shape(
    {"project": "the project", "run": "the run", "decision": "Approved or Rejected", "reason": "why, and by whom"}
)


def run(
    connection: Connection,
    run_id: Run,
    project: OptionalProject = None,
    reason: OptionalReason = "",
    as_json: JsonFlag = False,
) -> int:
    done, out = decide(connection, run_id, project, reason, "Approved"), Output(as_json)
    name, full = done["project"], done["run"]
    out.say(f"{full} of {name} is approved; its release begins. Watch it: sluice watch {name} {full}")
    out.result(done)
    return 0


def decide(connection: Connection, run_id: str, project: str | None, reason: str, status: str) -> Json:
    """Writes the decision to the registry; it in the shape of JSON. Raises CliError when the run waits for none."""
    world = connection.world
    name, record = find_run(world, run_id, project)
    arn = _waiting(record)
    by = f"{reason} ({status.lower()} by {getpass.getuser()})".strip()
    world.registry.decide(arn, status, by)
    return {"project": name, "run": record["run_id"], "decision": status, "reason": by}


def _waiting(record: Json) -> str:
    approval = record.get("approval") or {}
    run_id = record["run_id"]
    if record.get("outcome"):
        raise CliError(f"{run_id} has ended ({outcome_told(record)}) and waits for nothing: see `sluice why {run_id}`")
    if approval.get("decision"):
        raise CliError(
            f"{run_id} was decided at {approval.get('decided_at')}: {approval['decision']}; see `sluice why {run_id}`"
        )
    if not approval.get("package_arn"):
        raise CliError(
            f"{run_id} does not wait for an approval (it is {record.get('status')}); "
            "`sluice status` shows which run does"
        )
    return str(approval["package_arn"])
