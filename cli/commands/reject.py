"""Rejects the model for which a run waits; the champion keeps serving."""

from __future__ import annotations

from cli.commands.approve import decide
from cli.connection import Connection
from cli.options import OptionalProject, Reason, Run
from cli.text import say

NAME = "reject"
HELP = "reject the model of a run that waits for approval"
EXAMPLE = "sluice reject r0123 --reason 'too slow'"
WRITES = True


def run(connection: Connection, run_id: Run, reason: Reason, project: OptionalProject = None) -> int:
    name, full = decide(connection, run_id, project, reason, "Rejected")
    say(f"{full} of {name} is rejected; the champion keeps serving")
    return 0
