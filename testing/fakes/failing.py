"""A world that dies or fails at a chosen port call, to show that a retried step finishes what was begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from sluice.bootstrap import World

# these look at nothing outside the process, so a crash there would be no case of its own
_LOCAL = {"settings", "clock"}
_PURE = {"uri", "bucket", "key"}


class Crash(BaseException):
    """The process died. Not an Exception, so that no handler of the product can swallow it."""


def failing(world: World, after: int) -> World:
    """`world`, but the `after`-th port call (1 is the first) and each later one raise Crash, before any effect.

    State is shared: repeat the step with the plain `world` to play the retry. When a step ends without
    Crash, it made fewer than `after` calls.
    """

    def die(count: int, name: str) -> None:
        if count >= after:
            raise Crash(name)

    return _watched(world, die)


def failing_once(world: World, at: int) -> World:
    """`world`, but the `at`-th port call (1 is the first) raises OSError, before any effect: a fault that passes."""

    def fail(count: int, name: str) -> None:
        if count == at:
            raise OSError(f"{name} failed once")

    return _watched(world, fail)


def interrupted(world: World, before: int, other: Callable[[], None]) -> World:
    """`world`, but `other` happens right before the `before`-th port call (1 is the first): two steps at once."""

    def interrupt(count: int, _: str) -> None:
        if count == before:
            other()

    return _watched(world, interrupt)


def _watched(world: World, before: Callable[[int, str], None]) -> World:
    """`world`, with `before` called right before each port call, with its number and name."""
    count = 0

    class Port:
        def __init__(self, port: Any) -> None:
            self._port = port

        def __getattr__(self, name: str) -> Any:
            value = getattr(self._port, name)
            if name in _PURE or not callable(value):
                return value

            def call(*args: Any, **kwargs: Any) -> Any:
                nonlocal count
                count += 1
                before(count, f"{type(self._port).__name__}.{name}")
                return value(*args, **kwargs)

            return call

    ports: dict[str, Any] = {
        part.name: Port(getattr(world, part.name)) for part in fields(world) if part.name not in _LOCAL
    }
    return replace(world, **ports)
