"""Requests a training run over all accepted data. If a run is in progress, the request waits for its end."""

from __future__ import annotations

import getpass

from cli.connection import Connection, known_project
from cli.errors import CliError
from cli.options import Json as JsonFlag
from cli.options import Project, Reason
from cli.output import Output, Shape
from cli.text import plural

NAME = "retrain"
HELP = "start a training run over all accepted data"
EXAMPLE = "sluice retrain shop --reason 'new prices'"
WRITES = True
JSON = Shape(
    {"project": "the project", "datasets": "how many it learns from", "after": "the run that ends first, or null"}
)


def run(connection: Connection, project: Project, reason: Reason, as_json: JsonFlag = False) -> int:
    world = connection.world
    project = known_project(world, project)
    datasets = [each for each in world.ledger.datasets(project) if "withdrawn_at" not in each]
    if not datasets:
        raise CliError(f"{project} has no accepted data to learn from; drop a file first: `sluice drop {project} FILE`")
    at = world.clock.now().isoformat()
    why = f"{reason} (asked by {getpass.getuser()})"
    world.events.put("Training Requested", {"project": project, "trigger": "manual", "reason": why, "at": at})
    held, out = world.ledger.lock(project), Output(as_json)
    if held:
        out.say(f"requested; run {held['run_id']} is in progress, so the new one starts when it ends")
    else:
        out.say(
            f"requested: a run over {plural(len(datasets), 'dataset')}. Watch it with "
            f"`sluice watch {project} --wait 120`"
        )
    out.result({"project": project, "datasets": len(datasets), "after": held["run_id"] if held else None})
    return 0
