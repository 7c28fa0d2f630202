"""What the pages read from: one stack, through the command line's connection; answers are kept a moment."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from cli.target import Target
from sluice.bootstrap import World

T = TypeVar("T")
SERVICES = (
    *("dynamodb", "s3", "stepfunctions", "sagemaker", "cloudwatch", "cloudformation", "logs", "lambda", "events"),
    *("sns", "sqs"),
)
"""Clients that are made before the first request: boto3 may not make them in several threads."""


class Stack(Protocol):
    """The part of `cli.connection.Connection` that pages use."""

    @property
    def stack(self) -> str: ...

    @property
    def target(self) -> Target: ...

    @property
    def world(self) -> World: ...

    def client(self, service: str) -> Any: ...


@dataclass
class Kept:
    """Answers by key, each for a while; one question at a time for each key, whichever threads want it."""

    most: int = 2_000
    _values: OrderedDict[Any, tuple[float, Any]] = field(default_factory=OrderedDict)
    _locks: dict[Any, threading.Lock] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Any, make: Callable[[], T], seconds: float) -> T:
        """`make()`, or what it answered for `key` less than `seconds` ago. What it raises is not kept."""
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            with self._guard:
                at, value = self._values.get(key, (float("-inf"), None))
            if time.monotonic() - at < seconds:
                return value
            made = make()
            with self._guard:
                self._values[key] = (time.monotonic(), made)
                self._values.move_to_end(key)
                while len(self._values) > self.most:
                    old, _ = self._values.popitem(last=False)
                    self._locks.pop(old, None)
            return made

    def forget(self) -> None:
        """After an action: the next question is asked anew."""
        with self._guard:
            self._values.clear()


@dataclass
class Source:
    """One stack as the pages see it."""

    connection: Stack
    kept: Kept = field(default_factory=Kept)

    @property
    def world(self) -> World:
        return self.connection.world

    @property
    def stack(self) -> str:
        return self.connection.stack

    def client(self, service: str) -> Any:
        return self.connection.client(service)

    def warm(self) -> None:
        """Makes the clients, and asks who and where the stack is. Raises what the command line explains."""
        _ = self.connection.target
        _ = self.connection.world
        for service in SERVICES:
            self.connection.client(service)

    def records(self, project: str) -> list[dict[str, Any]]:
        """Every run of the project, newest first; read at most once in 0.4 s."""
        return self.kept.get(("runs", project), lambda: self.world.ledger.runs(project), 0.4)
