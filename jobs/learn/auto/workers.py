"""Processes that fit models beside each other, and that can be ended: a deadline is held by killing what runs over it.

They are forked, so that they share the rows that the parent has read. The parent itself fits nothing: a library whose
threads have once run does not survive a fork.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sluice.model.errors import ModelError

MAX_WORKERS = 8


class Outcome(NamedTuple):
    """`failure` says in words why there is no `answer`."""

    job: Any
    answer: Any = None
    failure: str | None = None


class _Worker:
    def __init__(self, work: Callable[[Any], Any]) -> None:
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self.process.start()
        theirs.close()
        self.job: Any = None


class Workers:
    """`work` answers a job, which like its answer must be picklable. Use as a context manager."""

    def __init__(self, work: Callable[[Any], Any], count: int | None = None) -> None:
        self._work = work
        self._all = [_Worker(work) for _ in range(count or min(MAX_WORKERS, cores()))]

    def __len__(self) -> int:
        return len(self._all)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._all:
            worker.process.kill()
            worker.process.join()
            worker.pipe.close()

    @property
    def running(self) -> list[Any]:
        return [worker.job for worker in self._all if worker.job is not None]

    @property
    def idle(self) -> bool:
        return any(worker.job is None for worker in self._all)

    def start(self, job: Any) -> None:
        """Raises StopIteration where no worker is idle."""
        worker = next(each for each in self._all if each.job is None)
        worker.job = job
        worker.pipe.send(job)

    def wait(self, until: float) -> list[Outcome]:
        """What has ended, as soon as anything has; [] at `until` (`time.monotonic()`)."""
        busy = [worker for worker in self._all if worker.job is not None]
        timeout = max(0.0, min(until - time.monotonic(), 3600.0))
        ready = multiprocessing.connection.wait([worker.pipe for worker in busy], timeout)
        found = []
        for place, worker in enumerate(self._all):
            if worker.pipe not in ready:
                continue
            job, worker.job = worker.job, None
            try:
                answer, failure = worker.pipe.recv()
            except (EOFError, OSError):
                worker.process.join()
                answer, failure = None, f"its process ended with {worker.process.exitcode} (out of memory?)"
                worker.pipe.close()
                self._all[place] = _Worker(self._work)
            found.append(Outcome(job, answer, failure))
        return found

    def end_running(self) -> list[Any]:
        """Kill what runs, and answer those jobs; their workers are replaced."""
        jobs = []
        for place, worker in enumerate(self._all):
            if worker.job is not None:
                jobs.append(worker.job)
                worker.process.kill()
                worker.process.join()
                worker.pipe.close()
                self._all[place] = _Worker(self._work)
        return jobs


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _serve(pipe: Any, work: Callable[[Any], Any]) -> None:
    while True:
        try:
            job = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        failure = None
        answer: Any = None
        try:
            answer = work(job)
        except Exception as error:  # a library that refuses a configuration loses that trial, not the job
            # the text of another error than our own may quote a row
            own = str(error) if isinstance(error, ModelError) else type(error).__name__
            failure = f"{own} ({getattr(job, 'family', 'the fit')})"
        pipe.send((answer, failure))
