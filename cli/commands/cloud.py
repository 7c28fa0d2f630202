"""Starts a local cloud with Sluice deployed on it, and says how to use it. Ctrl-C stops it.

Needs a clone: it runs `sam build` and `sam deploy` there.
"""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli import artefacts
from cli import stack as local
from cli.commands.env import running
from cli.connection import Connection
from cli.errors import CliError
from cli.repository import clone
from cli.text import say

NAME = "cloud"
HELP = "start a local cloud with Sluice deployed on it"
EXAMPLE = "sluice cloud --speed 10"


def run(
    connection: Connection,
    speed: Annotated[
        float, typer.Option(min=0.1, help="Seconds of the cloud's bakes, alarms and schedules in one real second.")
    ] = 10.0,
    port: Annotated[int, typer.Option(help="Port on the loopback interface.")] = 4566,
    background: Annotated[bool, typer.Option("--background", help="Return when it is deployed.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the one that runs in the background.")] = False,
) -> int:
    """0 when it was stopped, or stands in the background."""
    cloud = local.LocalStack(state=clone() / ".localcloud", speed=speed, port=port, stack=connection.stack)
    if stop:
        cloud.stop()
        say("the local cloud is stopped")
        return 0
    _refuse_a_second(cloud.state)
    console = Console(stderr=True)
    with console.status("building the functions (sam build); the first time takes minutes"):
        artefacts.for_local_cloud().build()
    with console.status("starting the local cloud"):
        cloud.start()
    try:
        with console.status(f"deploying stack {cloud.stack} (sam deploy)"):
            cloud.deploy()
        say(welcome(cloud, background=background))
        if not background:
            _wait_for_the_end()
    except BaseException:
        cloud.stop()
        raise
    if not background:
        cloud.stop()
        say("the local cloud is stopped")
    return 0


def welcome(cloud: local.LocalStack, *, background: bool) -> str:
    """What to paste."""
    sluice = Path(sys.executable).parent / "sluice"
    shown = sluice.relative_to(clone()) if sluice.is_relative_to(clone()) else sluice
    other = "" if cloud.stack == "sluice" else f" --stack {cloud.stack}"
    end = "`sluice cloud --stop` stops it" if background else "Ctrl-C stops it"
    return (
        f"Sluice is deployed on a local cloud at {cloud.endpoint} (stack {cloud.stack}). One real second is "
        f"{cloud.speed:g} seconds of its bakes, alarm periods and schedules. {end}; its data are then lost.\n"
        f"\nPaste into {'this' if background else 'another'} shell, in this folder:\n"
        f'\n    eval "$({shown} env{other})"'
        "\n    sluice init data.csv --target COLUMN    # writes project.yaml: look for DECIDE, then: sluice register"
        "\n    sluice drop PROJECT data.csv            # then: sluice follow PROJECT\n"
        + (f"\n{difference}\n" if (difference := artefacts.difference()) else "")
    )


def _refuse_a_second(state: Path) -> None:
    try:
        endpoint, _ = running(state)
    except CliError:
        return
    raise CliError(f"a local cloud runs already at {endpoint}: use it, or stop it with `sluice cloud --stop`")


def _wait_for_the_end() -> None:
    """Until Ctrl-C or SIGTERM."""
    ended = threading.Event()
    before = {each: signal.signal(each, lambda *_: ended.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        while not ended.wait(1.0):
            pass
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
