"""What all kinds of jobs share: the running job's stop signal and its thread."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable

from localcloud.sagemaker.containers import Container

log = logging.getLogger(__name__)

_threads: set[threading.Thread] = set()
_events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
_sender: threading.Thread | None = None


class Stop:
    """A job's stop signal, passed on to the container once there is one."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self._container: Container | None = None

    def set(self) -> None:
        self.event.set()
        if self._container:
            self._container.request_stop()

    @property
    def is_set(self) -> bool:
        return self.event.is_set()

    def watch(self, container: Container) -> None:
        """From now on a stop reaches `container`, one that came before as well."""
        self._container = container
        if self.event.is_set():
            container.request_stop()


def run(name: str, work: Callable[[], None]) -> threading.Thread:
    """Runs `work` in a daemon thread that `join_all` waits for."""

    def target() -> None:
        try:
            work()
        except Exception:
            log.exception("%s ended because of a bug in the local cloud", name)
        finally:
            _threads.discard(threading.current_thread())

    thread = threading.Thread(target=target, name=name, daemon=True)
    _threads.add(thread)
    thread.start()
    return thread


def join_all(seconds: float) -> None:
    """Waits at most `seconds` in all for the jobs' threads, after their containers have been ended."""
    deadline = time.monotonic() + seconds
    for thread in list(_threads):
        thread.join(timeout=max(0.0, deadline - time.monotonic()))


def later(send: Callable[[], None]) -> None:
    """Runs `send` after those before it, in one thread: events keep their order and no job waits for a target."""
    global _sender
    _events.put(send)
    if _sender is None:
        _sender = threading.Thread(target=_send, name="sagemaker-events", daemon=True)
        _sender.start()


def _send() -> None:
    while True:
        try:
            _events.get()()
        except Exception:
            log.exception("an event was not sent")
