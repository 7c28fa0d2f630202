"""Does the canary give other scores than it should? A sequential test on binned scores.

A new model may score differently from the champion, and how differently is known before the release: both scored the
same held-out rows (evaluation) or the same captured requests (replay). The test asks whether the live scores keep to
that. Of the requests whose score falls into bin b, a share π·r / (π·r + 1 - π) comes from the canary, where
r = expected share of the bin on the canary / on the champion. Counted as evidence is only what leaves this by more
than `tolerance`, so that drift, which both models see alike, and the noise of the expectation do not abort.

Bins must be fixed before the release. The mean over bins and directions of their e-values is an e-value.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sluice.release.evalue import log_evalue, log_evalue_below, log_mean

TOLERANCE = 1.5
BINS = 10


@dataclass(frozen=True)
class Scores:
    """Requests per bin. `expected_*`: the same for rows that both models scored; None expects equal models."""

    canary: Sequence[int]
    control: Sequence[int]
    expected_canary: Sequence[int] | None = None
    expected_control: Sequence[int] | None = None


def log_evalue_scores(scores: Scores, share: float, tolerance: float = TOLERANCE) -> float:
    """ln E against the expected scores; 0 without a control (share 1).

    Raises ValueError when the histograms do not have the same bins.
    """
    if share >= 1:
        return 0.0
    if tolerance < 1:
        raise ValueError(f"the tolerance is a factor of at least 1; got {tolerance:g}")
    ratios = _ratios(scores)
    values = []
    for canary, control, ratio in zip(scores.canary, scores.control, ratios, strict=True):
        n = canary + control
        values.append(log_evalue(canary, n, _share(share, ratio * tolerance)))
        values.append(log_evalue_below(canary, n, _share(share, ratio / tolerance)))
    return log_mean(values)


def edges(scores: Sequence[float], bins: int = BINS) -> list[float]:
    """Inner edges of bins that hold about equally many of `scores`; fewer where scores repeat."""
    ordered = sorted(scores)
    if not ordered:
        raise ValueError("bins need scores")
    return sorted({ordered[len(ordered) * i // bins] for i in range(1, bins)})


def histogram(scores: Iterable[float], inner_edges: Sequence[float]) -> list[int]:
    """Scores per bin; a bin holds its lower edge."""
    counts = [0] * (len(inner_edges) + 1)
    for score in scores:
        counts[bisect_right(inner_edges, score)] += 1
    return counts


def _share(share: float, ratio: float) -> float:
    return share * ratio / (share * ratio + 1 - share)


def _ratios(scores: Scores) -> list[float]:
    own, other = scores.expected_canary, scores.expected_control
    if own is None or other is None:
        return [1.0] * len(scores.canary)
    if len(own) != len(scores.canary) or len(other) != len(scores.canary):
        raise ValueError("expected and live scores must have the same bins")
    # half a row in every bin: an empty one says "rare", not "never"
    total_own, total_other = sum(own) + 0.5 * len(own), sum(other) + 0.5 * len(other)
    return [((a + 0.5) / total_own) / ((b + 0.5) / total_other) for a, b in zip(own, other, strict=True)]
