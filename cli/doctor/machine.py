"""This machine: its Python, and the environments that stand for AWS's containers on the local cloud."""

from __future__ import annotations

import sys
from pathlib import Path

from cli import repository
from cli.connection import Connection
from cli.doctor.finding import Finding, failed, passed, warned
from cli.errors import CliError
from cli.target import is_local

OLDEST, NEWEST = (3, 11), (3, 13)
_NEEDED = ("learn", "glue")


def python(connection: Connection) -> list[Finding]:
    """Sluice is tested with Python 3.11 to 3.13."""
    have = sys.version_info[:2]
    shown = ".".join(map(str, have))
    fix = "install Python 3.13 (uv python install 3.13), then in the clone: rm -rf .venv .envs && make setup"
    if have < OLDEST:
        return failed("Python", f"{shown} is older than {'.'.join(map(str, OLDEST))}", fix)
    if have > NEWEST:
        return warned("Python", f"{shown} is newer than {'.'.join(map(str, NEWEST))}, which is the newest tested", fix)
    return passed("Python", shown)


def environments(connection: Connection) -> list[Finding]:
    """Jobs of a local cloud run in .envs/learn and .envs/glue. AWS needs neither."""
    if not is_local(str(connection.client("sts").meta.endpoint_url)):
        return passed("environments", "AWS has its own containers")
    try:
        folder = repository.clone() / ".envs"
    except CliError:
        return warned(
            "environments",
            "this command was installed without a clone",
            "run it from the clone: .venv/bin/sluice doctor",
        )
    lacking = [name for name in _NEEDED if not _works(folder / name)]
    if lacking:
        names = ", ".join(f".envs/{name}" for name in lacking)
        return failed("environments", f"{names} cannot run: jobs of the local cloud need them", "make setup")
    return passed("environments", ", ".join(f".envs/{name}" for name in _NEEDED))


def _works(folder: Path) -> bool:
    return (folder / "bin" / "python").exists()
