"""Environments that are made when a job first needs them, as a machine on AWS pulls an image that it does not have.

Progress goes to the cloud's log and, line by line, to `<state>/notices.log`, for a terminal that follows it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from localcloud import environments
from localcloud.environments import InstallError, Kind
from localcloud.settings import Settings

log = logging.getLogger(__name__)

PROGRESS_SECONDS = 30.0
NOTICES = "notices.log"
_locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
_failed: dict[str, str] = {}


def provide(kind: Kind, python: Path, closing: Callable[[], bool] = lambda: False) -> None:
    """Returns when `python` stands for `kind`; makes the environment where it does not, once at a time.

    When the cloud ends (`closing`), so does what is being made. Raises InstallError. What has failed is not tried again
    by this cloud: each job of a tuning would download it again.
    """
    with _locks[kind.name]:
        if environments.missing(kind, python) is None:
            return
        if why := _failed.get(kind.name):
            raise InstallError(why)
        command = _command(kind, python)
        _say(f"Making the environment that stands for {kind.stands_for}, in {python.parent.parent}; once, some minutes")
        began = time.monotonic()
        output = _run(kind, command, began, closing)
        if output is None and (why := environments.missing(kind, python)) is None:
            _say(f"The environment {kind.name} is made, {time.monotonic() - began:.0f} s")
            return
        _failed[kind.name] = (
            f"the environment that stands for {kind.stands_for} could not be made: "
            f"{output if output is not None else why} (tried: {shlex.join(command)}; after making it by hand, start "
            "the job again)"
        )
        _say(f"FAILED: {_failed[kind.name]}")
        raise InstallError(_failed[kind.name])


def _command(kind: Kind, python: Path) -> list[str]:
    if own := Settings.current().make_environment:
        return [part.replace("{name}", kind.name) for part in shlex.split(own)]
    folder = str(python.parent.parent)
    return [sys.executable, "-P", "-m", "localcloud", "environment", kind.name, "--folder", folder]


def _run(kind: Kind, command: list[str], began: float, closing: Callable[[], bool]) -> str | None:
    """The end of the output when the command fails, else None."""
    # a make in a make would take the flags of the one that started this cloud
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    root = str(Path(__file__).resolve().parent.parent)
    env["PYTHONPATH"] = os.pathsep.join(filter(None, [root, env.get("PYTHONPATH")]))
    try:
        process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    except OSError as error:
        return f"{command[0]} cannot be run: {error.strerror}"
    lines: list[str] = []

    def read() -> None:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            _say(f"  {kind.name}: {line.rstrip()}")

    reader = threading.Thread(target=read, name=f"make-{kind.name}", daemon=True)
    reader.start()
    told = began
    while (code := process.poll()) is None:
        if closing():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            return "the cloud was stopped meanwhile"
        if time.monotonic() - told >= PROGRESS_SECONDS:
            told = time.monotonic()
            _say(f"  {kind.name}: still at work, {told - began:.0f} s")
        time.sleep(0.1)
    reader.join(timeout=10)
    return None if code == 0 else "\n".join(lines[-8:]) or f"it ended with {code} and said nothing"


def _say(line: str) -> None:
    log.warning("%s", line)
    state = Settings.current().state
    state.mkdir(parents=True, exist_ok=True)
    with (state / NOTICES).open("a", encoding="utf-8") as notices:
        notices.write(line + "\n")
