"""Uploads a file of rows, late labels or rows to score, and says what became of it."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli.connection import Connection, known_project
from cli.errors import CliError
from cli.outcomes import accepted, await_outcome, described
from cli.text import say
from sluice.escaping import visible

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
    parser.add_argument("--wait", type=float, default=600, metavar="SECONDS", help="0: do not wait for the verdict")


def run(options: argparse.Namespace, connection: Connection) -> int:
    if not options.file.is_file():
        raise CliError(f"there is no file {options.file}")
    world = connection.world
    project = known_project(world, options.project)
    key = f"{options.to}/{project}/{options.name or options.file.name}"
    world.objects.upload(options.file, key)
    version = world.objects.version(key) or "null"
    say(f"uploaded {visible(world.objects.uri(key))} (version {version})")
    if options.wait <= 0:
        return 0
    record = await_outcome(world, key, version, options.wait)
    say("\n".join(described(record)))
    return 0 if accepted(record) else 1
