"""Brings the champion's predecessor back, and waits until it serves.

The state machine RollBack does it, as after an alarm in probation; a release that is on is aborted first.
"""

from __future__ import annotations

import getpass
import time
from typing import Annotated

import typer

from cli.connection import Connection, known_project
from cli.errors import CliError
from cli.executions import execution_state
from cli.following import end_of
from cli.options import Json as JsonFlag
from cli.options import Project, Reason
from cli.output import Output, Shape
from cli.progress import working
from sluice import names

NAME = "rollback"
HELP = "bring the previous model back"
EXAMPLE = "sluice rollback shop --reason 'wrong prices since noon'"
WRITES = True
JSON = Shape(
    {
        "project": "the project",
        "from": "the run that served",
        "to": "the run that comes back",
        "serves": "the run that serves now",
    }
)
_POLL_SECONDS = 1.0


def run(
    connection: Connection,
    project: Project,
    reason: Reason,
    wait: Annotated[float, typer.Option(metavar="SECONDS", min=0, help="0: do not wait for the end.")] = 1_800,
    as_json: JsonFlag = False,
) -> int:
    """0 when the predecessor serves, or was asked for with `--wait 0`; CliError says why not."""
    world, out = connection.world, Output(as_json)
    project = known_project(world, project)
    champion = world.ledger.champion(project)
    if champion is None:
        raise CliError(
            f"no model of {project} has been released: there is nothing to roll back; "
            f"`sluice status {project}` says what it waits for"
        )
    if champion.serving == "asleep":
        raise CliError(f"the endpoint of {project} is asleep: `sluice wake {project}` first")
    if not champion.previous:
        raise CliError(
            f"{champion.run_id} has no predecessor to go back to. `sluice retrain {project} --reason …` makes another "
            f"model, `sluice remove-endpoint {project}` removes this one"
        )
    to = champion.previous["run_id"]
    why = f"{reason} (asked by {getpass.getuser()})"
    name = names.bounded(
        f"{project}-rollback-{names.digest(champion.run_id, world.clock.now().isoformat())}", names.EXECUTION_LIMIT
    )
    request = {"project": project, "reason": why, "from_run": champion.run_id}
    arn = world.executions.start(world.settings.rollback_arn, name, request)
    out.say(f"rolling {project} back from {champion.run_id} to {to}")
    facts = {"project": project, "from": champion.run_id, "to": to}
    if wait <= 0:
        out.say(f"`sluice status {project}` says what serves")
        out.result({**facts, "serves": champion.run_id})
        return 0
    deadline = time.monotonic() + wait
    with working(f"waiting until {to} serves"):
        while (state := execution_state(connection, arn))["status"] == "RUNNING":
            if time.monotonic() >= deadline:
                raise CliError(f"not finished after {wait:.0f} s; it continues: `sluice status {project}`")
            time.sleep(_POLL_SECONDS)
    now = world.ledger.champion(project)
    if now is None or now.run_id != to:
        serving = now.run_id if now else "nothing"
        raise CliError(f"{end_of(state)}, and {serving} serves: the alert says why; `sluice status {project}`")
    out.say(f"{to} serves {project} again. The alert `Model Rolled Back` says how that was verified")
    out.result({**facts, "serves": now.run_id})
    return 0
