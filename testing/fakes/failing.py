"""A world that dies at a chosen port call, to show that a retried step finishes what was begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from sluice.bootstrap import World

# these look at nothing outside the process, so a crash there would be no case of its own
_LOCAL = {"settings", "clock"}
_PURE = {"uri", "bucket", "key"}


class Crash(BaseException):
    """The process died. Not an Exception, so that no handler of the product can swallow it."""


@dataclass
class _Countdown:
    left: int


class _Port:
    def __init__(self, port: Any, countdown: _Countdown) -> None:
        self._port = port
        self._countdown = countdown

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        if name in _PURE or not callable(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            self._countdown.left -= 1
            if self._countdown.left <= 0:
                raise Crash(f"{type(self._port).__name__}.{name}")
            return value(*args, **kwargs)

        return call


def failing(world: World, after: int) -> World:
    """`world`, but the `after`-th port call (1 is the first) and each later one raise Crash, before any effect.

    State is shared: repeat the step with the plain `world` to play the retry. When a step ends without
    Crash, it made fewer than `after` calls.
    """
    countdown = _Countdown(after)
    ports: dict[str, Any] = {
        part.name: _Port(getattr(world, part.name), countdown) for part in fields(world) if part.name not in _LOCAL
    }
    return replace(world, **ports)


def interrupted(world: World, before: int, other: Callable[[], None]) -> World:
    """`world`, but `other` happens right before the `before`-th port call (1 is the first): two steps at once."""
    count = 0

    def wrap(value: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            count += 1
            if count == before:
                other()
            return value(*args, **kwargs)

        return call

    class Port:
        def __init__(self, port: Any) -> None:
            self._port = port

        def __getattr__(self, name: str) -> Any:
            value = getattr(self._port, name)
            return value if name in _PURE or not callable(value) else wrap(value)

    ports: dict[str, Any] = {
        part.name: Port(getattr(world, part.name)) for part in fields(world) if part.name not in _LOCAL
    }
    return replace(world, **ports)
