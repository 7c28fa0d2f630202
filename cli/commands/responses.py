"""Lists a project's responses, the newest first: what alarms, measurements, the clock and people started, and why."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cli import decisions
from cli.connection import Connection, known_project
from cli.options import Json as JsonFlag
from cli.options import Project, print_json
from cli.output import Shape
from cli.text import moment, plural, say
from sluice import keys
from sluice.bootstrap import World
from sluice.escaping import visible
from sluice.ports import Json
from sluice.store.held_changes import HeldChange, held_changes

NAME = "responses"
HELP = "what alarms, measurements, the clock and people started, and why"
EXAMPLE = "sluice responses shop --limit 5"
JSON = Shape(
    {
        "project": "the project",
        "held_changes": "faults and unexplained changes of the requests, and what became of each",
        "responses": "the records, the newest first, each with the place of its own in `record`",
    }
)


def run(
    connection: Connection,
    project: Project,
    limit: Annotated[int, typer.Option(min=1, help="How many responses are listed.")] = 20,
    as_json: JsonFlag = False,
) -> int:
    world = connection.world
    project = known_project(world, project)
    changes = held_changes(project, ledger=world.ledger)
    found = newest_first(world, project)
    if as_json:
        records = [{**record, "record": world.objects.uri(key)} for key, record in found[:limit]]
        print_json({"project": project, "held_changes": [each.plain() for each in changes], "responses": records})
        return 0
    for change in changes:
        say(held(project, change))
    for key, record in found[:limit]:
        say(f"\n{decisions.response(record)}\n  record: {world.objects.uri(key)}")
    if not found:
        say(f"{project} has no response yet: no alarm went into ALARM, and no retraining was due")
    elif len(found) > limit:
        say(f"… and {plural(len(found) - limit, 'older one')} (--limit)")
    return 0


def newest_first(world: World, project: str) -> list[tuple[str, Json]]:
    """(key, record) of every response."""
    stored = world.objects.list(keys.monitor(project, "responses/"))
    found = [(item.key, json.loads(world.objects.read(item.key))) for item in stored]
    return sorted(found, key=lambda pair: (str((pair[1].get("inputs") or {}).get("at", "")), pair[0]), reverse=True)


def held(project: str, change: HeldChange) -> str:
    """One line for a change: what it is, and what became of it."""
    what = "fault" if change.fault else "held change"
    line = f"{what}  {change.change_id}: {change.name}, from {moment(change.since)} UTC"
    line += f" to {moment(change.over)} UTC" if change.over else ", lasts"
    if change.accepted:
        return f"{line}; accepted as real by {visible(change.accepted['by'])} at {moment(change.accepted['at'])} UTC"
    if change.ended:
        line += f", says {visible(change.ended['by'])}"
    if not change.confirmed:
        line += "; seen in one measurement only, so nobody was alerted"
    if change.mistaken:
        line += "; the next one found real drift"
    if change.doubted:
        line += "; the measurement that ended it found real drift: if it was real, "
        line += f"`sluice accept-drift {project} --change {change.change_id}`; if not, "
        line += f"`sluice end-fault {project} --change {change.change_id}`"
    return f"{line}; its rows stay out of later runs" if change.left_out else line
