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
from sluice.changes.words import lines
from sluice.datasets.compare_contract import contract_change

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
    out.say(f"{contract.project} is registered. Now `sluice drop {contract.project} <file>`.")
    changes = _changes(world, contract.project, str(version), deadline)
    compared = changes is not None
    for line in changes if changes is not None else [_STILL.format(project=contract.project)]:
        out.say(f"  {line}")
    facts = {"project": contract.project, "version": version, "compared": compared, "changes": changes or []}
    out.result(facts)
    return 0


_STILL = "it is still being compared with the accepted rows: `sluice status {project}` shows the result"


def _changes(world: World, project: str, version: str, deadline: float) -> list[str] | None:
    """What becomes of the rows accepted before; None while the comparison is not over."""
    record = contract_change(project, version, objects=world.objects)
    with working("comparing it with the accepted rows"):
        while record and record["status"] != "compared" and time.monotonic() < deadline:
            time.sleep(0.5)
            record = contract_change(project, version, objects=world.objects)
    if record is None:
        return []
    return list(lines(record)) if record["status"] == "compared" else None
