"""Does the canary give other scores than it should? A sequential test on binned scores.

A new model may score differently from the champion, and how differently is known before the release: both scored the
same held-out rows (evaluation) or the same captured requests (replay). The test asks whether the live scores keep to
that. Of the requests whose score falls into bin b, a share π·r / (π·r + 1 - π) comes from the canary, where
r = expected share of the bin on the canary / on the champion. Counted as evidence is only what leaves this by more
than `tolerance`, so that drift, which both models see alike, and the noise of the expectation do not abort.

The same is asked of all lower and of all higher bins together: a shift empties several neighbours, which show together
what each of them only hints at. Bins must be fixed before the release. The mean over groups of bins and
directions of their e-values is an e-value.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sluice.records.evaluation import ExpectedScores
from sluice.release.evalue import log_evalue, log_evalue_below, log_mean

TOLERANCE = 1.5
PAIRED_TOLERANCE = 2.0
FAR = 3
"""Bins between two scores that are far apart, as in `sluice.model.score_bins`."""
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
    own, other = _expected(scores)
    values = []
    for group in bin_groups(len(scores.canary)):
        k = sum(scores.canary[group])
        n = k + sum(scores.control[group])
        ratio = _part(own, group) / _part(other, group)
        values.append(log_evalue(k, n, _share(share, ratio * tolerance)))
        values.append(log_evalue_below(k, n, _share(share, ratio / tolerance)))
    return log_mean(values)


def bin_groups(bins: int) -> list[slice]:
    """Each bin, and the two sides of each edge between them, every set of bins once.

    >>> [(group.start, group.stop) for group in bin_groups(3)]
    [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3)]
    """
    singles = [slice(number, number + 1) for number in range(bins)]
    lower = [slice(0, edge) for edge in range(2, bins)]
    return [*singles, *lower, *(slice(edge, bins) for edge in range(1, bins - 1))]


def log_evalue_paired(
    pairs: Sequence[tuple[int, int]], expected: ExpectedScores, tolerance: float = PAIRED_TOLERANCE
) -> float:
    """ln E against the expected scores, of requests that both models answered: (canary's bin, control's bin) each.

    Two questions, half the evidence each. Bin by bin: of the pairs of which exactly one lies in it, is the canary's
    share that of the evaluation's rows (McNemar)? And are more pairs far apart than evaluation saw, which scores that
    are turned around are though their bins fill alike?
    """
    if tolerance < 1:
        raise ValueError(f"the tolerance is a factor of at least 1; got {tolerance:g}")
    values = []
    for number, (own, other) in enumerate(expected.discordant):
        only_canary = sum(a == number != b for a, b in pairs)
        only_control = sum(b == number != a for a, b in pairs)
        n, odds = only_canary + only_control, (own + 0.5) / (other + 0.5)
        high, low = odds * tolerance, odds / tolerance
        values.append(log_evalue(only_canary, n, high / (1 + high)))
        values.append(log_evalue_below(only_canary, n, low / (1 + low)))
    far = sum(abs(a - b) >= FAR for a, b in pairs)
    # one row more than were seen: a rare event that evaluation happened to miss is not a surprise
    rate = min(0.95, tolerance * (expected.apart + 1) / (sum(expected.candidate) + 1))
    return log_mean([log_mean(values), log_evalue(far, len(pairs), rate)])


def bin_of(score: float, inner_edges: Sequence[float]) -> int:
    """A bin holds its lower edge."""
    return bisect_right(inner_edges, score)


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
        counts[bin_of(score, inner_edges)] += 1
    return counts


def _share(share: float, ratio: float) -> float:
    return share * ratio / (share * ratio + 1 - share)


def _expected(scores: Scores) -> tuple[Sequence[int], Sequence[int]]:
    own, other = scores.expected_canary, scores.expected_control
    if len(scores.canary) != len(scores.control):
        raise ValueError("the scores of both variants must have the same bins")
    if own is None or other is None:
        even = [1] * len(scores.canary)
        return even, even
    if len(own) != len(scores.canary) or len(other) != len(scores.canary):
        raise ValueError("expected and live scores must have the same bins")
    return own, other


def _part(expected: Sequence[int], group: slice) -> float:
    # half a row in every bin: an empty one says "rare", not "never"
    return (sum(expected[group]) + 0.5 * len(expected[group])) / (sum(expected) + 0.5 * len(expected))
