"""A clock that stands until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FixedClock:
    def __init__(self, now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float = 0, **more: float) -> datetime:
        """`advance(90)`, `advance(hours=1)`."""
        self._now += timedelta(seconds=seconds, **more)
        return self._now
