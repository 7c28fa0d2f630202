"""Says that a held change was broken data and is over. Rows of its time stay out of later runs.

If a fault is over but may have been real, `--change` with its id says that it was broken data.
"""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.connection import Connection, known_project
from cli.options import HeldChanges, OptionalReason, Project
from cli.options import Json as JsonFlag
from cli.output import Output, Shape
from cli.text import plural
from sluice.errors import InputError
from sluice.ports import Json
from sluice.training.end_fault import end_fault

NAME = "end-fault"
HELP = "say that a held change was broken data and is over; its rows stay out"
EXAMPLE = "sluice end-fault shop --reason 'the sender has corrected its unit'"
WRITES = True
JSON = Shape(
    {
        "decision": "over",
        "changes": "each change that was ended: change_id, answer (hold: a fault; ask), reason, columns, sentence, "
        "champion, confirmed, real, accepted, ended, since, found_at, over",
        "datasets": "those of its time, which stay out of later runs",
        "rows": "how many these are",
        "records": "where the records are in the bucket",
    }
)


def run(
    connection: Connection,
    project: Project,
    reason: OptionalReason = "",
    change: HeldChanges = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", help="When it ended: an ISO time, UTC without an offset; default: now.", show_default=False
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> int:
    world, out = connection.world, Output(as_json)
    project = known_project(world, project)
    answer = world.call(end_fault, project, getpass.getuser(), reason, change or (), ended_at(until))
    out.say("\n".join(told(project, answer)))
    out.result(answer)
    return 0


def told(project: str, answer: Json) -> list[str]:
    datasets = plural(len(answer["datasets"]), "dataset")
    return [
        *(f"over: {each['reason']}, from {each['since']} to {each['over']}" for each in answer["changes"]),
        f"{datasets} of that time ({answer['rows']:,} rows) stay out of later runs"
        if answer["datasets"]
        else "no dataset arrived in that time",
        f"trainings may go on; to learn from these rows after all: `sluice accept-drift {project} --change ID`",
    ]


def ended_at(text: str | None) -> datetime | None:
    """None for nothing, which is now. Raises InputError."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"--until {text}: give an ISO time such as 2026-11-29T22:10") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
