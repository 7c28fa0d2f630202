"""Runs as people name them on a command line. A run's id names its project, so commands about runs take ids alone.

Commands that once took the project before the ids still understand it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from cli.connection import find_run
from cli.errors import CliError, WrongCommandLine
from cli.text import plural
from sluice.bootstrap import World
from sluice.ports import Json

Runs = Annotated[
    list[str], typer.Argument(metavar="RUN", help="A run's id, or the beginning of it.", show_default=False)
]


def named_runs(
    world: World, words: Sequence[str], project: str | None, count: int, usage: str
) -> tuple[str, list[Json]]:
    """The project and the records of `count` runs; `words` may have the project before them.

    Raises WrongCommandLine with `usage` where something else was given, and CliError for runs of several projects.
    """
    projects = world.ledger.projects()
    before = len(words) == count + 1 and project is None and words[0] in projects
    given = words[1:] if before else words
    where = words[0] if before else project
    if len(given) != count:
        told = _given(words, projects)
        raise WrongCommandLine(f"{told}. Write `{usage}`; `sluice runs PROJECT` lists the runs of a project")
    if given[0] in projects:
        raise WrongCommandLine(
            f"{given[0]!r} is a project. Write `{usage}`: a run's id names its project; `sluice runs {given[0]}` lists "
            "them"
        )
    found = [find_run(world, word, where) for word in given]
    if len({name for name, _ in found}) > 1:
        told = ", ".join(f"{record['run_id']} of {name}" for name, record in found)
        raise CliError(f"these runs are of several projects: {told}. Write `{usage}` with runs of one project")
    return found[0][0], [record for _, record in found]


def newest_run(world: World, project: str) -> Json:
    """The run that holds the lock, or else the newest. Raises CliError when there is none."""
    held, records = world.ledger.lock(project), world.ledger.runs(project)
    found = next((record for record in records if held and record["run_id"] == held["run_id"]), None)
    if found is None and not records:
        raise CliError(f"{project} has no run yet: `sluice drop {project} FILE` starts the first one")
    return found or records[0]


def run_or_newest(world: World, named: str, project: str | None) -> tuple[str, Json]:
    """Project and record of the run that was named, or of the newest one of the project that was. Raises CliError."""
    if project is None and named in world.ledger.projects():
        return named, newest_run(world, named)
    return find_run(world, named, project)


def _given(words: Sequence[str], projects: Sequence[str]) -> str:
    runs = len([word for word in words if word not in projects])
    return f"{plural(runs, 'run')} given"
