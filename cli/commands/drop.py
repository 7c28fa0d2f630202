"""Uploads a file of rows, late labels or rows to score, and says what became of it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from cli.connection import Connection, known_project
from cli.errors import CliError
from cli.text import say
from sluice.escaping import visible
from sluice.ports import Json, World

NAME = "drop"
HELP = "upload a file and say what became of it"
AREAS = {"raw": "a file to learn from", "labels": "late labels", "batch": "a file to score"}


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("project")
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--to",
        choices=AREAS,
        default="raw",
        help="; ".join(f"{name}: {what}" for name, what in AREAS.items()) + " (default: %(default)s)",
    )
    parser.add_argument("--name", help="name in the bucket (default: the file's own)")
    parser.add_argument("--wait", type=float, default=120, metavar="SECONDS", help="0: do not wait for the verdict")


def run(options: argparse.Namespace, connection: Connection) -> int:
    if not options.file.is_file():
        raise CliError(f"there is no file {options.file}")
    world = connection.world
    project = known_project(world, options.project)
    key = f"{options.to}/{project}/{options.name or options.file.name}"
    world.objects.upload(options.file, key)
    version = world.objects.version(key) or "null"
    say(f"uploaded {visible(world.objects.uri(key))} (version {version})")
    if options.to != "raw" or options.wait <= 0:
        return 0
    return _await_verdict(world, key, version, options.wait)


def _await_verdict(world: World, key: str, version: str, seconds: float) -> int:
    """0 when the file was accepted, 1 when it was refused."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        record = world.ledger.arrival(world.objects.bucket, key, version)
        if record:
            say("\n".join(verdict(world, record)))
            return 0 if record["status"] == "accepted" else 1
        time.sleep(0.3)
    raise CliError(f"no verdict on {key} after {seconds:.0f} s; it is not lost: ask again with `sluice status`")


def verdict(world: World, record: Json) -> list[str]:
    """The terminal record of an arrival, in words."""
    lines = [f"{record['status']}: {record.get('rows', 0)} rows accepted, {record.get('quarantined_rows', 0)} refused"]
    for reason in (record.get("reasons") or [])[:10]:
        lines.append(f"  {_reason(reason)}")
    return lines


def _reason(reason: Json | str) -> str:
    if isinstance(reason, str):
        return visible(reason)
    where = f"column {visible(reason['column'])}: " if reason.get("column") else ""
    count = f" ({reason['rows']} rows)" if reason.get("rows") else ""
    return f"{where}{reason.get('message') or reason.get('rule')}{count}"
