"""Rejects the model for which a run waits; the champion keeps serving."""

from __future__ import annotations

from cli.commands.approve import JSON as DECISION
from cli.commands.approve import decide
from cli.connection import Connection
from cli.options import Json as JsonFlag
from cli.options import OptionalProject, Reason, Run
from cli.output import Output

NAME = "reject"
HELP = "reject the model of a run that waits for approval"
EXAMPLE = "sluice reject r0123 --reason 'too slow'"
WRITES = True
JSON = DECISION


def run(
    connection: Connection,
    run_id: Run,
    reason: Reason,
    project: OptionalProject = None,
    as_json: JsonFlag = False,
) -> int:
    done, out = decide(connection, run_id, project, reason, "Rejected"), Output(as_json)
    out.say(f"{done['run']} of {done['project']} is rejected; the champion keeps serving")
    out.result(done)
    return 0
