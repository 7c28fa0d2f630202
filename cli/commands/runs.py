"""Lists a project's runs, the newest first."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cli.connection import Connection, known_project
from cli.options import Json as JsonFlag
from cli.options import Project, print_json
from cli.output import Shape
from cli.text import duration, moment, say, table
from sluice.bootstrap import World
from sluice.ports import Json
from sluice.records.words import in_words
from sluice.serving.abort_requests import ABORTED

NAME = "runs"
HELP = "list a project's runs"
EXAMPLE = "sluice runs shop --limit 50"
JSON = Shape({"run_id": "the run", "started_at": "when", "outcome": "how it ended"}, kind="list", open=True)


def run(
    connection: Connection,
    project: Project,
    limit: Annotated[int, typer.Option(min=1, help="How many runs are listed.")] = 20,
    as_json: JsonFlag = False,
) -> int:
    world = connection.world
    project = known_project(world, project)
    found = world.ledger.runs(project)
    if as_json:
        print_json(found[:limit])
        return 0
    if not found:
        say(f"{project} has no run yet; the first accepted file starts one")
        return 0
    say(listing(world, found[:limit]))
    for line in of_withdrawn(world, project, found[:limit]):
        say(line)
    if len(found) > limit:
        say(f"… and {len(found) - limit} older ones (--limit)")
    return 0


WAITS = "waits for approval"


def listing(world: World, records: list[Json]) -> str:
    rows = [
        (
            record["run_id"],
            moment(record.get("started_at")),
            duration(record.get("started_at"), record.get("ended_at") or world.clock.now()),
            record.get("trigger"),
            outcome_told(record),
            _short(explanation(record)),
        )
        for record in records
    ]
    return table(("run", "started (UTC)", "took", "trigger", "outcome", "because"), rows)


def of_withdrawn(world: World, project: str, records: list[Json]) -> list[str]:
    """A line for each listed run that learned from a dataset which was withdrawn since."""
    withdrawn = {each["dataset_id"] for each in world.ledger.datasets(project) if "withdrawn_at" in each}
    found = [(record["run_id"], sorted(withdrawn & set(record.get("datasets") or []))) for record in records]
    return [f"{run_id} learned from data that was withdrawn: {', '.join(ids)}" for run_id, ids in found if ids]


def outcome(record: Json) -> str:
    """How the run ended, or what it does now, as records have it."""
    approval = record.get("approval") or {}
    if not record.get("outcome") and approval.get("token") and not approval.get("decision"):
        return WAITS
    return str(record.get("outcome") or record.get("status") or "?")


def outcome_told(record: Json) -> str:
    """The same in words for people."""
    return in_words(outcome(record))


def explanation(record: Json) -> str:
    """The reason that decided the run, as far as its record has it."""
    error = record.get("error")
    if error:
        cause = _sentences(error.get("cause"))
        # what the judge of a release said needs no name of an error
        return cause if error.get("error") == ABORTED else f"{error.get('state')}: {error.get('error')}: {cause}"
    stage = {"rejected": "gates", "rolled_back": "canary"}.get(str(record.get("outcome")))
    reasons = (record.get(stage) or {}).get("reasons") if stage else None
    return "; ".join(reasons or record.get("reasons") or [])


def _sentences(cause: object) -> str:
    """A state machine hands several reasons over as a JSON list."""
    try:
        told = json.loads(str(cause))
    except (ValueError, RecursionError):
        return str(cause)
    return "; ".join(map(str, told)) if isinstance(told, list) else str(cause)


def _short(text: str, limit: int = 90) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
