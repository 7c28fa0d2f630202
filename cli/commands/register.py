"""Puts a project.yaml where Sluice looks for it, and waits until the project is registered with it."""

from __future__ import annotations

import time
from pathlib import Path

from cli import options
from cli.commands.check import read
from cli.connection import Connection
from cli.errors import CliError
from cli.output import Output, Shape
from cli.progress import working
from sluice import keys
from sluice.bootstrap import World
from sluice.changes.words import lines, verdict
from sluice.datasets.compare_contract import contract_change
from sluice.ports import Json

NAME = "register"
HELP = "register a project, or a new version of its contract"
EXAMPLE = "sluice register project.yaml"
WRITES = True
JSON = Shape(
    {
        "project": "the project",
        "version": "the contract's version in the bucket",
        "compared": "whether it was compared with the rows accepted before",
        "changes": "what it changed for them",
    }
)
WAIT_SECONDS = 60


def run(connection: Connection, file: options.Contract = Path("project.yaml"), as_json: options.Json = False) -> int:
    contract, out = read(file), Output(as_json)
    world, key = connection.world, keys.contract(contract.project)
    world.objects.upload(file, key, "application/yaml")
    version = world.objects.version(key)
    deadline = time.monotonic() + WAIT_SECONDS
    with working("waiting until it is registered"):
        while not (registered := world.ledger.contract(contract.project)) or registered[1] != version:
            if time.monotonic() >= deadline:
                raise CliError(
                    f"{key} is in s3://{world.objects.bucket}, but after {WAIT_SECONDS} s it is not registered: see "
                    "the alert `Contract Refused`, or the log of the function register_project"
                )
            time.sleep(0.5)
    record = _compared(world, contract.project, str(version), deadline)
    # where a run would stop, the verdict below has the way out
    following = "" if record and record.get("run_stops") else f" Now: {_next(world, contract.project)}"
    out.say(f"{contract.project} is registered.{following}")
    compared = record is None or record["status"] == "compared"
    # what changed was said by `sluice check` before: the verdict is enough
    for line in _said(contract.project, record):
        out.say(f"  {line}")
    changes = list(lines(record)) if record and compared else []
    facts = {"project": contract.project, "version": version, "compared": compared, "changes": changes}
    out.result(facts)
    return 0


_STILL = "it is still being compared with the accepted rows: `sluice status {project}` shows the result"


def _next(world: World, project: str) -> str:
    """The first step is to drop a file; later ones train again on the accepted rows."""
    rows = any("withdrawn_at" not in each for each in world.ledger.datasets(project))
    return f'sluice retrain {project} --reason "..."' if rows else f"sluice drop {project} FILE"


def _said(project: str, record: Json | None) -> list[str]:
    if record is None:
        return []
    if record["status"] != "compared":
        return [_STILL.format(project=project)]
    more = [f"`sluice status {project}` has what changed"] if len(lines(record)) > len(verdict(record)) else []
    return [*verdict(record), *more]


def _compared(world: World, project: str, version: str, deadline: float) -> Json | None:
    """The comparison with the rows accepted before, as complete as it is at the deadline; None without rows."""
    record = contract_change(project, version, objects=world.objects)
    with working("comparing it with the accepted rows"):
        while record and record["status"] != "compared" and time.monotonic() < deadline:
            time.sleep(0.5)
            record = contract_change(project, version, objects=world.objects)
    return record
