"""The memory of the demonstration, its local cloud and everything that runs in it."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

import psutil


class MemoryWatch:
    """Samples the proportional set size of this process, the cloud's and all their children; keeps the peak."""

    def __init__(self, pid_file: Path, every: float = 1.0) -> None:
        self._pid_file = pid_file
        self._every = every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> int:
        """The peak in bytes."""
        self._stop.set()
        self._thread.join(timeout=5)
        return self.peak

    def _watch(self) -> None:
        while not self._stop.wait(self._every):
            self.peak = max(self.peak, self._now())

    def _now(self) -> int:
        roots = [os.getpid()]
        with contextlib.suppress(OSError, ValueError):
            roots.append(int(self._pid_file.read_text()))
        processes: dict[int, psutil.Process] = {}
        for root in roots:
            with contextlib.suppress(psutil.Error):
                parent = psutil.Process(root)
                processes |= {process.pid: process for process in [parent, *parent.children(recursive=True)]}
        total = 0
        for process in processes.values():
            with contextlib.suppress(psutil.Error):
                # shared pages (the interpreter, numpy) are counted once, divided among those that share them
                total += process.memory_full_info().pss
        return total
