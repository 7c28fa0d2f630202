"""Requests of one client in a burst count once.

A client that retries sends one problem many times, and a stall of one instance fails a handful of requests at once.
Counting each would make much evidence of one event. A burst is what one client sends within `gap` seconds, to whatever
variant; who sends without a pause, as a service with a name of its own, counts once in that time. Its first failed
request stands for it, else its first slow one, else its first. The choice does not look at the variant, so that under
equal models the one that stands for a burst falls on the canary with the probability of any other request, which is
what the sequential test needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

GAP_SECONDS = 30.0


@dataclass(frozen=True)
class Request:
    """`client` is whatever names the sender; None is a sender of its own. `number` is the caller's own mark."""

    at: float
    variant: str
    failed: bool = False
    slow: bool = False
    client: str | None = None
    number: int = 0


def episodes(requests: Iterable[Request], gap: float = GAP_SECONDS) -> list[Request]:
    """The requests that stand for a burst each, in the order in which the bursts began."""
    standing: list[Request] = []
    open_bursts: dict[str, tuple[int, float]] = {}  # client → place in `standing`, time of its first request
    for request in sorted(requests, key=lambda one: one.at):
        burst = open_bursts.get(request.client) if request.client is not None else None
        if burst is None or request.at - burst[1] > gap:
            if request.client is not None:
                open_bursts[request.client] = (len(standing), request.at)
            standing.append(request)
        elif _worse(request, standing[burst[0]]):
            standing[burst[0]] = request
    return standing


def _worse(new: Request, old: Request) -> bool:
    return (new.failed, new.slow and not new.failed) > (old.failed, old.slow and not old.failed)
