"""The compressed clock: cloud seconds against real seconds."""

from __future__ import annotations

import threading

from localcloud.settings import Settings


def real_seconds(cloud_seconds: float) -> float:
    """Real seconds that `cloud_seconds` take at the current speed."""
    return cloud_seconds / Settings.current().speed


def cloud_seconds(real: float) -> float:
    """Cloud seconds that pass in `real` seconds."""
    return real * Settings.current().speed


class Stop:
    """A stop signal that background loops wait on instead of sleeping."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, real: float) -> bool:
        """Waits `real` seconds; True when asked to stop."""
        return self._event.wait(real)
