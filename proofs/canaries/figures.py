"""From what clients and watches saw to figures. Pure.

Between two sights that say the same an endpoint was so all the time: a change takes longer than a look. Only requests
sent within such an interval are compared with it, so that no request is judged by a state that it may not have met.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from proofs.canaries.client import Request
from proofs.canaries.sight import Sight
from sluice.release.evalue import log_evalue_apart


class Span(NamedTuple):
    """`sight` held from `begin` to `end`."""

    begin: float
    end: float
    sight: Sight


@dataclass(frozen=True)
class Exposure:
    """Requests of both variants while the canary had `weight` of them, and the canary's own."""

    weight: float
    both: int
    canary: int


class Requests:
    """By the time at which they were sent."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self.all = sorted(requests, key=lambda one: one.sent)
        self._sent = [one.sent for one in self.all]

    def sent(self, begin: float, end: float) -> list[Request]:
        return self.all[bisect_left(self._sent, begin) : bisect_right(self._sent, end)]


def spans(sights: Sequence[Sight]) -> Iterator[Span]:
    for before, after in itertools.pairwise(sights):
        same = (before.status, before.config, before.weights) == (after.status, after.config, after.weights)
        if same and before.heard < after.asked:
            yield Span(before.heard, after.asked, before)


def answers_by_removed(requests: Requests, sights: Sequence[Sight]) -> list[Request]:
    """Requests that a variant answered although the endpoint, in service, did not have it or gave it no weight.

    While it is Updating a variant may answer before DescribeEndpoint knows it, so only settled spans are looked at.
    """
    settled = (span for span in spans(sights) if span.sight.status == "InService")
    return [
        one
        for span in settled
        for one in requests.sent(span.begin, span.end)
        if one.variant is not None and not span.sight.weights.get(one.variant)
    ]


def exposures(requests: Requests, sights: Sequence[Sight], canary: str) -> list[Exposure]:
    """One entry a weight of the canary between 0 and 1."""
    counts: dict[float, tuple[int, int]] = {}
    for span in spans(sights):
        weights = span.sight.weights
        share = weights.get(canary, 0.0) / (sum(weights.values()) or 1.0)
        if 0 < share < 1:
            sent = [one for one in requests.sent(span.begin, span.end) if one.variant is not None]
            both, own = counts.get(share, (0, 0))
            counts[share] = both + len(sent), own + sum(one.variant == canary for one in sent)
    return [Exposure(share, both, own) for share, (both, own) in sorted(counts.items())]


def exposure_z(found: Sequence[Exposure]) -> float:
    """How many standard deviations the canaries' requests are from what the weights say. 0 without requests.

    Releases that abort do so after their canary was chosen, but the difference is a martingale: stopping it does not
    move its mean.
    """
    variance = sum(one.both * one.weight * (1 - one.weight) for one in found)
    off = sum(one.canary - one.both * one.weight for one in found)
    return off / math.sqrt(variance) if variance else 0.0


def exposure_evidence(found: Sequence[Exposure]) -> float:
    """ln E that a release's requests did not fall as the weights say; it holds however the release was stopped."""
    return sum(log_evalue_apart(one.canary, one.both, one.weight) for one in found)


def back_at(requests: Requests, sights: Sequence[Sight], canary: str, after: float) -> float | None:
    """The first moment at or after `after` from which on the canary gets nothing any more; None when it never does.

    By both witnesses: DescribeEndpoint gives it no weight or does not have it, and no later request was its answer.
    """
    weightless = [sight for sight in sights if sight.heard >= after and not sight.weights.get(canary)]
    if not weightless:
        return None
    last = max((one.sent for one in requests.all if one.variant == canary), default=after)
    return max(weightless[0].heard, last, after)
