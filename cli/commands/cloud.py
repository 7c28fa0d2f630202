"""Starts a local cloud with Sluice deployed on it, and says how to use it. Ctrl-C stops it.

Needs a clone: it runs `sam build` and `sam deploy` there.
"""

from __future__ import annotations

import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from cli import artefacts
from cli import stack as local
from cli.commands.env import FOLDER, running
from cli.connection import Connection
from cli.errors import CliError
from cli.options import INTERRUPTED
from cli.options import Json as JsonFlag
from cli.output import Output, Shape
from cli.repository import clone
from cli.text import say

NAME = "cloud"
HELP = "start a local cloud with Sluice deployed on it"
EXAMPLE = "sluice cloud --speed 20"
JSON = Shape(
    {"endpoint": "the address of its API", "stack": "the stack on it", "state": "its folder", "port": "its port"}
)


def run(
    connection: Connection,
    speed: Annotated[
        float, typer.Option(min=0.1, help="Seconds of the cloud's bakes, alarms and schedules in one real second.")
    ] = 10.0,
    port: Annotated[int, typer.Option(help="Port on the loopback interface.")] = 4566,
    background: Annotated[bool, typer.Option("--background", help="Return when it is deployed.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Stop the one that runs in the background.")] = False,
    as_json: JsonFlag = False,
) -> int:
    """0 when it was stopped, or stands in the background; INTERRUPTED when Ctrl-C came before it stood."""
    cloud = local.LocalStack(state=clone() / FOLDER, speed=speed, port=port, stack=connection.stack)
    out = Output(as_json)
    facts = {"endpoint": cloud.endpoint, "stack": cloud.stack, "state": str(cloud.state), "port": port}
    if stop:
        _stop(cloud)
        out.result(facts)
        return 0
    _refuse_a_second(cloud.state)
    try:
        with _stage("Building the functions (sam build), about a minute the first time", f"built {_python()}"):
            artefacts.for_local_cloud().build()
        with _stage("Starting the local cloud, a few seconds", f"it answers at {cloud.endpoint}"):
            cloud.start()
        with _stage(f"Deploying stack {cloud.stack} (sam deploy), about half a minute", "deployed"):
            cloud.deploy()
        out.say(welcome(cloud, background=background))
        out.result(facts)
        if not background and not _wait_for_the_end(cloud.notices, cloud.state / "localcloud.pid"):
            say("the local cloud was stopped from elsewhere, or has ended", sys.stderr)
            return 0
    except KeyboardInterrupt:
        _stop(cloud)
        return INTERRUPTED
    except BaseException:
        cloud.stop()
        raise
    if not background:
        _stop(cloud)
    return 0


def up(connection: Connection, speed: float, port: int, *, as_json: bool) -> int:
    """Starts it in the background, unless one runs already."""
    out, state = Output(as_json), clone() / FOLDER
    try:
        endpoint, _ = running(state)
    except CliError:
        return run(connection, speed, port, background=True, as_json=as_json)
    out.say(f'a local cloud runs already at {endpoint}: `eval "$(sluice env)"` points a shell at it')
    port = int(endpoint.rsplit(":", 1)[-1].rstrip("/"))
    out.result({"endpoint": endpoint, "stack": connection.stack, "state": str(state), "port": port})
    return 0


def stop(connection: Connection) -> None:
    """Stops the one that runs; returns when its process has ended."""
    _stop(local.LocalStack(state=clone() / FOLDER, stack=connection.stack))


def welcome(cloud: local.LocalStack, *, background: bool) -> str:
    """What to paste, at the end."""
    sluice = Path(sys.executable).parent / "sluice"
    shown = sluice.relative_to(clone()) if sluice.is_relative_to(clone()) else sluice
    other = "" if cloud.stack == "sluice" else f" --stack {cloud.stack}"
    end = "`sluice down` stops it" if background else "Ctrl-C stops it"
    where = "" if background else f"    cd {shlex.quote(str(clone()))}\n"
    return (
        f"\nSluice is deployed on a local cloud (stack {cloud.stack}). {end}; its data are then lost.\n"
        f"Paste into {'this' if background else 'another'} shell, then continue in README.md below `eval`:\n\n"
        f'{where}    eval "$({shown} env{other})"\n'
    )


@contextmanager
def _stage(doing: str, done: str) -> Iterator[None]:
    """Prints what begins, and how many seconds it took."""
    say(f"{doing} ...", sys.stderr)
    began = time.monotonic()
    yield
    say(f"  {done}, {time.monotonic() - began:.0f} s", sys.stderr)


def _python() -> str:
    """The Python of the functions where AWS has another one; docs/quick-start.md says what that means."""
    here, there = artefacts.HERE, artefacts.runtime()
    return f"for Python {here}" + ("" if here == there else f" (AWS has {there}; both work)")


def _stop(cloud: local.LocalStack) -> None:
    """Returns when the cloud's process has ended. Another Ctrl-C does not leave half of it behind."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        say("stopping the local cloud ...", sys.stderr)
        cloud.stop()
    finally:
        signal.signal(signal.SIGINT, before)
    say("the local cloud is stopped", sys.stderr)


def _refuse_a_second(state: Path) -> None:
    try:
        endpoint, _ = running(state)
    except CliError:
        return
    raise CliError(f"a local cloud runs already at {endpoint}: use it, or stop it with `sluice down`")


def _wait_for_the_end(notices: Path, pid: Path) -> bool:
    """Until Ctrl-C or SIGTERM, or until the cloud takes its `pid` away: False then. Prints what `notices` gets."""
    stood = pid.exists()
    ended = threading.Event()
    before = {each: signal.signal(each, lambda *_: ended.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        shown = 0
        while not ended.wait(1.0):
            lines = notices.read_text(encoding="utf-8").splitlines() if notices.exists() else []
            for line in lines[shown:]:
                say(line, sys.stderr)
            shown = len(lines)
            if stood and not pid.exists():
                return False
        return True
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
