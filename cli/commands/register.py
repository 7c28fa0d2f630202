"""Puts a project.yaml where Sluice looks for it, and waits until the project is registered with it."""

from __future__ import annotations

import time
from pathlib import Path

from cli import options
from cli.commands.check import read
from cli.connection import Connection
from cli.errors import CliError
from cli.text import say
from sluice import keys
from sluice.bootstrap import World
from sluice.changes.words import lines
from sluice.datasets.compare_contract import contract_change

NAME = "register"
HELP = "register a project, or a new version of its contract"
EXAMPLE = "sluice register project.yaml"
WRITES = True
WAIT_SECONDS = 60


def run(connection: Connection, file: options.Contract = Path("project.yaml")) -> int:
    contract = read(file)
    world, key = connection.world, keys.contract(contract.project)
    world.objects.upload(file, key, "application/yaml")
    version = world.objects.version(key)
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        registered = world.ledger.contract(contract.project)
        if registered and registered[1] == version:
            say(f"{contract.project} is registered. Now `sluice drop {contract.project} <file>`.")
            _tell_changes(world, contract.project, str(version), deadline)
            return 0
        time.sleep(0.5)
    raise CliError(
        f"{key} is in s3://{world.objects.bucket}, but after {WAIT_SECONDS} s it is not registered: see the log of "
        "the function register_project"
    )


def _tell_changes(world: World, project: str, version: str, deadline: float) -> None:
    """Prints what becomes of the rows accepted before, once the comparison is over."""
    record = contract_change(project, version, objects=world.objects)
    while record and record["status"] != "compared" and time.monotonic() < deadline:
        time.sleep(0.5)
        record = contract_change(project, version, objects=world.objects)
    if record is None:
        return
    if record["status"] != "compared":
        say(f"  it is still being compared with the accepted rows: `sluice status {project}` shows the result")
        return
    for line in lines(record):
        say(f"  {line}")
