"""The page of lineage: what `sluice lineage` finds, and where to begin before anything is asked for."""

from __future__ import annotations

from cli import lineage
from cli.connection import known_project
from cli.errors import CliError
from console.source import Source
from sluice.errors import InputError
from sluice.ports import Json

NEWEST = 8
DAYS, MAX_DAYS = 30, 3_650


def read(source: Source, project: str, what: str, days: str) -> Json:
    """`{"found": as `cli.lineage.traced` has it | None, "problem", "runs", "files"}`. Raises CliError, InputError."""
    world = source.world
    project = known_project(world, project)
    within = int(days) if days.isdecimal() and len(days) < 7 else 0 if days else DAYS
    if not 1 <= within <= MAX_DAYS:
        raise InputError(f"days is a whole number from 1 to {MAX_DAYS:,}")
    told: Json = {"project": project, "asked": what, "days": within, "found": None, "problem": None}
    told["runs"] = [record["run_id"] for record in source.records(project)[:NEWEST]]
    told["files"] = [
        str(each.get("key") or each["dataset_id"]) for each in reversed(world.ledger.datasets(project)[-NEWEST:])
    ]
    if not what:
        return told
    key = ("lineage", project, what, within)
    try:
        # the captured requests of many days may be many files
        return told | {"found": source.kept.get(key, lambda: lineage.traced(world, project, what, within), 60.0)}
    except CliError as error:
        return told | {"problem": str(error)}
