"""One container as this machine can have it: a job folder with the `/opt/ml` contract and a subprocess beside it.

The folder `<state>/sagemaker/<kind>/<job>/` is what the container would see as `/opt/ml`. Entry points that a request
names see it there where this machine can mount (`mounts`). Elsewhere, and in script mode, whose toolkit takes the
folder from a variable, `mounted` rewrites `/opt/ml` in the entry point, the arguments and the environment: then a
program that has `/opt/ml` in its own text will not find it.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud import identity
from localcloud.sagemaker import isolation, mounts
from localcloud.sagemaker.logstream import LogStream
from localcloud.settings import Settings

log = logging.getLogger(__name__)

GRACE_SECONDS = 120.0  # AWS sends SIGTERM and kills two minutes later, so that a script can save its model
SESSION = "SageMaker"  # the name of the role's sessions, as on AWS
_MOUNT = re.compile(r"(?<![\w.\-/])/opt/ml(?=/|$|[\s\"':;,])")

# As many containers at a time as there are processors; the others wait in `Starting`.
_slots = threading.BoundedSemaphore(os.cpu_count() or 1)
_live: set[Container] = set()
_live_lock = threading.Lock()
_closing = threading.Event()


class ClientError(Exception):
    """What AWS reports as `ClientError: ...` in a job's FailureReason: the caller's data or permissions."""


class Stopped(Exception):  # noqa: N818 - a signal, not an error
    """The job was stopped before its container ran."""


def new_folder(kind: str, job: str) -> Path:
    """A fresh, empty `/opt/ml` for `job`."""
    root = Settings.current().state.resolve() / "sagemaker" / kind / job
    if root.exists():  # left by an earlier process: names are unique only within one
        shutil.rmtree(root)
    root.mkdir(parents=True)
    return root


def write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def mounted(text: str, root: Path) -> str:
    """`text` with `/opt/ml` replaced by `root` wherever a path begins with it."""
    return _MOUNT.sub(lambda _: str(root), text)


def environment(python: Path, root: Path, role_arn: str, user: dict[str, str] | None = None) -> dict[str, str]:
    """What the container's process sees: nothing of this machine's own environment but the locale.

    One thread per container for the numeric libraries, as each one holds one of the machine's processors.
    """
    scratch = root / "tmp"
    scratch.mkdir(exist_ok=True)
    return {
        "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "1",
        **identity.environment(role_arn, SESSION),
        **{k: mounted(v, root) for k, v in (user or {}).items()},
    }


def entry(
    command: list[str], env: dict[str, str], user: dict[str, str], root: Path
) -> tuple[list[str], dict[str, str]]:
    """Command and environment of an entry point that a request names; `user` is the request's own environment.

    With `root` as `/opt/ml` where this machine can mount, else with rewritten paths.
    """
    rewritten = [mounted(part, root) for part in command]
    known = shutil.which(rewritten[0], path=env["PATH"])
    # one that does not exist is left to `start`, which says so
    if known is None or not mounts.possible():
        return rewritten, env
    return mounts.as_opt_ml(root, command), {**env, **user}


@dataclass
class Outcome:
    """How a container ended. `ended` is `exited`, `stopped` or `timeout`."""

    ended: str
    exit_code: int


@dataclass(eq=False)
class Container:
    """One subprocess in its own process group; its output goes to a file, to CloudWatch Logs and to `on_line`.

    `isolated_by` is the container's interpreter when the request asks for network isolation; `inherited` is a socket
    that the process gets with its number.
    """

    command: list[str]
    env: dict[str, str]
    cwd: Path
    log_file: Path
    stream: LogStream | None = None
    on_line: Callable[[str], None] | None = None
    grace: float = GRACE_SECONDS
    isolated_by: Path | None = None
    inherited: socket.socket | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _reader: threading.Thread | None = field(default=None, init=False)

    def start(self) -> None:
        """Raises ClientError when the command cannot be run at all."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        known = shutil.which(self.command[0], path=self.env["PATH"])
        command, env = [known or self.command[0], *self.command[1:]], self.env
        if self.isolated_by and known:
            command, env = isolation.isolated(command, self.isolated_by), isolation.environment(env)
        try:
            self._process = subprocess.Popen(
                command,
                cwd=self.cwd,
                env=env,
                pass_fds=(self.inherited.fileno(),) if self.inherited else (),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise ClientError(f"the entry point {self.command[0]!r} cannot be run: {error.strerror}") from error
        finally:
            if self.inherited:
                self.inherited.close()  # the process has it now; when it ends, nobody listens
        with _live_lock:
            _live.add(self)
        self._reader = threading.Thread(target=self._read, name=f"log-{self._process.pid}", daemon=True)
        self._reader.start()
        if self.isolated_by and self.stream and not isolation.possible():
            self.stream.write(isolation.NOT_ENFORCED)
        if _closing.is_set():
            self.kill()

    @property
    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("start() first")
        return self._process

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if self._process else None

    def request_stop(self) -> None:
        """Asks for a graceful end; `wait` does it."""
        self._stop.set()

    def wait(self, max_seconds: float) -> Outcome:
        """Waits for the end; ends it when asked to stop or after `max_seconds`."""
        process = self._started
        deadline = time.monotonic() + max_seconds
        ended = "exited"
        while process.poll() is None:
            if self._stop.is_set() or time.monotonic() >= deadline:
                ended = "stopped" if self._stop.is_set() else "timeout"
                self.end()
                break
            # A stop is seen within this wait; the end of the process within it too.
            self._await_exit(min(0.5, max(0.0, deadline - time.monotonic())))
        return self._finish(ended)

    def _await_exit(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self._stop.is_set():
            try:
                self._started.wait(timeout=0.1)
                return
            except subprocess.TimeoutExpired:
                continue

    def end(self) -> None:
        """SIGTERM to the group, SIGKILL after the grace period."""
        self._signal(signal.SIGTERM)
        try:
            self._started.wait(timeout=self.grace)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """Ends a container that serves, and waits for its log."""
        self.end()
        self._finish("stopped")

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # the group has ended
                os.killpg(self._process.pid, number)

    def _finish(self, ended: str) -> Outcome:
        code = self._started.wait()
        self.kill()  # children that outlived the entry point go with their container
        if self._reader:
            self._reader.join(timeout=10)
        with _live_lock:
            _live.discard(self)
        if self.stream:
            self.stream.close()
        return Outcome(ended, code)

    def _read(self) -> None:
        pipe = self._started.stdout
        if pipe is None:
            raise RuntimeError("the container was started without a pipe for its output")
        with self.log_file.open("ab") as file:
            for raw in iter(pipe.readline, b""):
                file.write(raw)
                file.flush()
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                if self.stream:
                    self.stream.write(line)
                if self.on_line:
                    try:
                        self.on_line(line)
                    except Exception:
                        log.exception("a log line could not be evaluated")


class slot:  # noqa: N801 - reads as a statement: `with slot(stop):`
    """One of the machine's container slots. Raises Stopped when `stop` is set while waiting."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def __enter__(self) -> None:
        while not _slots.acquire(timeout=0.1):
            if self._stop.is_set() or _closing.is_set():
                raise Stopped
        if self._stop.is_set() or _closing.is_set():
            _slots.release()
            raise Stopped

    def __exit__(self, *_: object) -> None:
        _slots.release()


def open_all() -> None:
    """Allows containers again, for a new cloud in the same process."""
    _closing.clear()


def closing() -> bool:
    """Whether the cloud is ending: nothing new is started."""
    return _closing.is_set()


def shutdown() -> None:
    """Ends every container at once."""
    _closing.set()
    with _live_lock:
        running = list(_live)
    for container in running:
        container.request_stop()
        container.kill()
