"""Removes what a project has on AWS beside its data: endpoint, models, configurations, packages, schedules, alarms.

Its contract, files, reports and history stay; another dropped file starts the project again."""

from __future__ import annotations

import sys

from cli.cleaning import STAYS, remove, things
from cli.connection import Connection, known_project
from cli.errors import CliError
from cli.options import Project, Yes
from cli.text import plural, say
from sluice.serving.endpoint_lock import endpoint_lock

NAME = "remove-project"
HELP = "remove a project's endpoint, models, packages, schedules and alarms; its data stay"
EXAMPLE = "sluice remove-project shop"
WRITES = True


def run(connection: Connection, project: Project, yes: Yes = False) -> int:
    project = known_project(connection.world, project)
    held = connection.world.ledger.lock(project)
    if held:
        raise CliError(
            f"run {held['run_id']} of {project} is in progress and would create resources again: wait "
            f"until it has ended"
        )
    found = things(connection, project)
    if not found:
        say(f"{project} has only its data and its history on AWS")
        return 0
    for thing in found:
        say(f"{thing.kind} {thing.name}")
    if not yes and not _agreed(project, len(found)):
        say("nothing was changed")
        return 1
    with connection.world.call(endpoint_lock, project, "remove"):
        left = remove(found, say)
    say(f"Its contract, files and history stay, and also: {'; '.join(STAYS)}.")
    if left:
        raise CliError("not removed: " + "; ".join(left))
    return 0


def _agreed(project: str, count: int) -> bool:
    if not sys.stdin.isatty():
        raise CliError("there is no terminal to ask for confirmation: use --yes")
    return input(f"Write the project's name to remove {plural(count, 'thing')} ({project}): ").strip() == project
