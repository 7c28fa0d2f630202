"""Removes what a project has on AWS beside its data: endpoint, models, configurations, packages, schedules, alarms.

Its contract, files, reports and history stay; another dropped file starts the project again."""

from __future__ import annotations

import sys

from cli.cleaning import STAYS, remove, things
from cli.connection import Connection, known_project
from cli.errors import CliError
from cli.options import Json as JsonFlag
from cli.options import Project, Yes
from cli.output import Output, Shape
from cli.text import plural
from sluice.serving.endpoint_lock import endpoint_lock

NAME = "remove-project"
HELP = "remove a project's endpoint, models, packages, schedules and alarms; its data stay"
EXAMPLE = "sluice remove-project shop"
WRITES = True
JSON = Shape(
    {"project": "the project", "found": "what it has on AWS: kind and name", "removed": "whether all of it is gone"}
)


def run(connection: Connection, project: Project, yes: Yes = False, as_json: JsonFlag = False) -> int:
    out = Output(as_json)
    project = known_project(connection.world, project)
    held = connection.world.ledger.lock(project)
    if held:
        raise CliError(
            f"run {held['run_id']} of {project} is in progress and would create resources again: wait "
            f"until it has ended (`sluice watch {project}`)"
        )
    found = things(connection, project)
    listed = [{"kind": thing.kind, "name": thing.name} for thing in found]
    if not found:
        out.say(f"{project} has only its data and its history on AWS")
        out.result({"project": project, "found": [], "removed": True})
        return 0
    for thing in found:
        out.say(f"{thing.kind} {thing.name}")
    if not yes and not _agreed(project, len(found)):
        out.say("nothing was changed")
        out.result({"project": project, "found": listed, "removed": False})
        return 1
    with connection.world.call(endpoint_lock, project, "remove"):
        left = remove(found, out.say)
    out.say(f"Its contract, files and history stay, and also: {'; '.join(STAYS)}.")
    out.result({"project": project, "found": listed, "removed": not left})
    if left:
        raise CliError(f"not removed: {'; '.join(left)}. Run `sluice remove-project {project}` again")
    return 0


def _agreed(project: str, count: int) -> bool:
    if not sys.stdin.isatty():
        raise CliError("there is no terminal to ask for confirmation: use --yes")
    return input(f"Write the project's name to remove {plural(count, 'thing')} ({project}): ").strip() == project
