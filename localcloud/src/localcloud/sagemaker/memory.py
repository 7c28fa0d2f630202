"""The memory of an instance: a serving process that takes more is killed, as a container's OOM killer would.

Only the process itself counts, not what it may have started: its resident set is one read of /proc.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from localcloud.settings import Settings

EVERY = 0.2  # real seconds between two checks
DEFAULT_GIB = 8.0
GIB = {
    "ml.t2.medium": 4.0,
    "ml.t2.large": 8.0,
    "ml.t2.xlarge": 16.0,
    "ml.t2.2xlarge": 32.0,
    "ml.m4.xlarge": 16.0,
    "ml.m5.large": 8.0,
    "ml.m5.xlarge": 16.0,
    "ml.m5.2xlarge": 32.0,
    "ml.m5.4xlarge": 64.0,
    "ml.m6g.large": 8.0,
    "ml.m6i.large": 8.0,
    "ml.m6i.xlarge": 16.0,
    "ml.m7i.large": 8.0,
    "ml.c5.large": 4.0,
    "ml.c5.xlarge": 8.0,
    "ml.c5.2xlarge": 16.0,
    "ml.c6g.large": 4.0,
    "ml.c6i.large": 4.0,
    "ml.c6i.xlarge": 8.0,
    "ml.c7g.large": 4.0,
    "ml.r5.large": 16.0,
    "ml.r5.xlarge": 32.0,
    "ml.r6i.large": 16.0,
}

_PAGE = os.sysconf("SC_PAGE_SIZE")
_watched: dict[subprocess.Popen[bytes], tuple[int, Callable[[str], None]]] = {}
_lock = threading.Lock()
_any = threading.Event()
_thread: threading.Thread | None = None


def of(instance_type: str) -> int:
    """Bytes of one instance; the cloud's setting, when it has one, goes for every type."""
    if mib := Settings.current().instance_memory_mib:
        return mib * 1024**2
    return int(GIB.get(instance_type, DEFAULT_GIB) * 1024**3)


def watch(process: subprocess.Popen[bytes], limit: int, say: Callable[[str], None]) -> None:
    """Kills `process` and its group once it holds more than `limit` bytes, and says so; until `forget`."""
    global _thread
    with _lock:
        _watched[process] = (limit, say)
        _any.set()
        if _thread is None:
            _thread = threading.Thread(target=_look, name="memory", daemon=True)
            _thread.start()


def forget(process: subprocess.Popen[bytes]) -> None:
    with _lock:
        _watched.pop(process, None)
        if not _watched:
            _any.clear()


def resident(pid: int) -> int:
    """Bytes of memory that the process holds; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _look() -> None:
    while _any.wait():
        for process, (limit, say) in list(_watched.items()):
            if (used := resident(process.pid)) > limit and process.poll() is None:
                say(f"OOMKilled: the container held {used / 1024**2:.0f} MiB, the instance has {limit / 1024**2:.0f}")
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
        time.sleep(EVERY)
