"""The serving processes behind an endpoint: one fleet per production variant, one process per instance."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from localcloud.sagemaker import isolation, memory

SERVE = Path(__file__).resolve().parent.parent / "containers" / "serve.py"
BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds before the n-th restart in a row
STEADY = 10.0  # a process that lived this long restarts the backoff
LOADS = 3  # how often a process may end before its first answer; what ends at import does so again


class WorkerFailed(Exception):  # noqa: N818 - says what happened
    """A serving process did not come up; the message ends with the last lines that it printed."""


@dataclass(frozen=True)
class ServingSpec:
    """What every process of a fleet is started with."""

    python: Path
    model_dir: Path
    environment: Mapping[str, str]
    isolated: bool = False
    """Without network; the listening socket comes from outside."""
    memory: int = 0
    """Bytes that the instance has; 0: as many as the machine."""


class Worker:
    """One serving process, kept alive by its own thread until `stop`."""

    def __init__(self, instance: str, spec: ServingSpec, log: Callable[[str, str], None]) -> None:
        self.instance, self.spec, self._log = instance, spec, log
        self.port = 0
        self.pid = 0
        self.ready = False
        self.in_flight = 0
        self.generation = 0  # changes with every process, so that the router drops connections to the last one
        self.idle: list[Any] = []  # the router's keep-alive connections; touched in the event loop only
        self.last_lines: deque[str] = deque(maxlen=30)
        self._process: subprocess.Popen[bytes] | None = None
        self._first = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"worker-{instance}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wait_ready(self, seconds: float) -> None:
        """Returns when the process answers /ping.

        Raises:
            WorkerFailed: it ended, or did not answer within `seconds`.
        """
        came = self._first.wait(seconds)
        if not self.ready:
            silent = f"did not answer /ping within {seconds:.0f} s"
            what = f"ended {LOADS} times while it was loading" if came else silent
            raise WorkerFailed(f"the serving process {what}: " + "\n".join(self.last_lines))

    def stop(self, patience: float = 5.0) -> None:
        self.ready = False
        self._stopping.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                _kill(process)
        self._first.set()

    def _run(self) -> None:
        loads = failures = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            with contextlib.suppress(OSError):
                self._serve_once()
            self.ready = False
            if not self._first.is_set():  # the first answer decides whether the variant exists at all
                loads += 1
                if loads == LOADS:
                    self._first.set()
                    return
            if time.monotonic() - started > STEADY:
                failures = 0
            self._stopping.wait(BACKOFF[min(failures, len(BACKOFF) - 1)])
            failures += 1

    def _serve_once(self) -> None:
        """One life of the process."""
        process = self._spawn()
        self._process = process
        reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        reader.start()
        if self.spec.memory:
            memory.watch(process, self.spec.memory, lambda line: self._log(self.instance, line))
        if self._stopping.is_set():
            process.terminate()
        while process.poll() is None and not self._stopping.is_set():
            if _pings(self.port):
                self.pid, self.generation, self.ready = process.pid, self.generation + 1, True
                self._first.set()
                break
            time.sleep(0.015)
        code = process.wait()
        self.ready = False
        memory.forget(process)
        _kill(process)  # whatever the process has started goes with it
        reader.join(2)
        if not self._stopping.is_set():
            self._log(self.instance, f"the serving process ended with exit code {code}")

    def _spawn(self) -> subprocess.Popen[bytes]:
        listener = socket.socket()
        try:
            # Bound here and inherited: no other process can take the port between choosing and using it.
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
            command = [str(self.spec.python), str(SERVE), "--model-dir", str(self.spec.model_dir)]
            command += ["--fd", str(listener.fileno()), "--end-with-stdin"]
            environment = dict(self.spec.environment)
            if self.spec.isolated:
                command, environment = isolation.isolated(command, self.spec.python), isolation.environment(environment)
                if not isolation.possible():
                    self._log(self.instance, isolation.NOT_ENFORCED)
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=self.spec.model_dir,
                pass_fds=(listener.fileno(),),
                start_new_session=True,
            )
        finally:
            listener.close()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        for raw in process.stdout or ():
            line = raw.decode("utf-8", "replace").rstrip()
            self.last_lines.append(line)
            self._log(self.instance, line)


class Fleet:
    """The instances of one variant under one endpoint configuration."""

    def __init__(self, variant: str, spec: ServingSpec, log: Callable[[str, str], None], config: str = "") -> None:
        self.variant, self.config, self._spec, self._log = variant, config, spec, log
        self.workers: tuple[Worker, ...] = ()
        self.in_flight = 0  # guarded by the router's lock

    def start(self, count: int, seconds: float) -> None:
        """Brings the fleet to `count` instances and waits until each answers /ping.

        Raises:
            WorkerFailed: one of them did not; the instances that were there before stay.
        """
        added = [Worker(f"i-{uuid4().hex[:17]}", self._spec, self._log) for _ in range(count - len(self.workers))]
        for worker in added:
            worker.start()
        end = time.monotonic() + seconds
        try:
            for worker in added:
                worker.wait_ready(max(0.0, end - time.monotonic()))
        except WorkerFailed:
            for worker in added:
                worker.stop()
            raise
        surplus = self.workers[count:]
        self.workers = (*self.workers[:count], *added)
        _drain(surplus)

    def pick(self) -> Worker | None:
        """The living instance with the fewest requests on (AWS's LEAST_OUTSTANDING_REQUESTS)."""
        best: Worker | None = None
        for worker in self.workers:
            if worker.ready and (best is None or worker.in_flight < best.in_flight):
                best = worker
        return best

    def stop(self, patience: float = 60.0) -> None:
        """Waits until no request is on, then ends every process."""
        end = time.monotonic() + patience
        while self.in_flight and time.monotonic() < end:
            time.sleep(0.01)
        workers, self.workers = self.workers, ()
        threads = [threading.Thread(target=worker.stop, daemon=True) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    @property
    def pids(self) -> list[int]:
        return [worker.pid for worker in self.workers if worker.ready]


def _drain(workers: tuple[Worker, ...], patience: float = 60.0) -> None:
    """Ends instances that the router can no longer pick, each when its last request is answered."""
    end = time.monotonic() + patience
    for worker in workers:
        while worker.in_flight and time.monotonic() < end:
            time.sleep(0.01)
        worker.stop()


def _pings(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)
