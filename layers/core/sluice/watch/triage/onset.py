"""When a change began and whether it ended: the stretch of a window where a signal is farthest from its mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CUTS = 40
WHOLE = 0.93
"""From this share of the rows on, a stretch counts as the whole window."""


@dataclass(frozen=True)
class Stretch:
    """Rows `first` to `last` (exclusive) of `rows`; `z` is the signal's standard score in it."""

    first: int
    last: int
    rows: int
    z: float

    @property
    def places(self) -> np.ndarray:
        return np.arange(self.first, self.last)

    @property
    def whole(self) -> bool:
        return self.last - self.first >= WHOLE * self.rows

    @property
    def inner(self) -> np.ndarray:
        """The rows without the uncertain ones at a border within the window."""
        step = max(1, self.rows // CUTS)
        first = self.first + (step if self.first else 0)
        last = self.last - (step if self.last < self.rows else 0)
        return np.arange(first, last) if last - first >= 5 else self.places


def stretches(
    signals: np.ndarray, expected: np.ndarray, binary: np.ndarray, reference: int, shortest: float = 0.08
) -> list[Stretch]:
    """For each column of `signals` (rows × signals) the stretch that is farthest from `expected` (of the same shape).

    A stretch has at least `shortest` of the rows. Continuous signals have deviation 1; their score is the sum's
    distance ÷ √length. `binary` signals are 0 or 1; their score is the signed root of the binomial deviance, which is
    right for rare events, too. The usual mean is known from `reference` rows only, so the variance of a sum over n rows
    is (1 + n ÷ reference) times as large.
    Levin and Kline, The CUSUM test of homogeneity, Statistics in Medicine 4, 1985 (the epidemic alternative).
    """
    rows, number = signals.shape
    if not number:
        return []
    cuts = np.unique(np.linspace(0, rows, min(rows, CUTS) + 1).astype(np.int64))
    start = np.zeros(number)
    total = np.vstack([start, np.cumsum(signals, axis=0)])[cuts]
    usual = np.vstack([start, np.cumsum(expected, axis=0)])[cuts]
    first, last = np.triu_indices(len(cuts), 1)
    long_enough = cuts[last] - cuts[first] >= max(5, shortest * rows)
    if not long_enough.any():
        first, last = np.array([0]), np.array([len(cuts) - 1])
    else:
        first, last = first[long_enough], last[long_enough]
    length = np.maximum(cuts[last] - cuts[first], 1)[:, None].astype(np.float64)
    hits, lead = total[last] - total[first], usual[last] - usual[first]
    scores = (hits - lead) / np.sqrt(length)
    if binary.any():
        scores[:, binary] = deviance(hits[:, binary], lead[:, binary], length, reference)
    scores /= np.sqrt(1 + length / max(1, reference))
    best = np.abs(scores).argmax(axis=0)
    return [
        Stretch(int(cuts[first[k]]), int(cuts[last[k]]), rows, float(scores[k, column]))
        for column, k in enumerate(best)
    ]


def deviance(hits: np.ndarray, expected: np.ndarray, length: np.ndarray, reference: int) -> np.ndarray:
    """The signed root of the binomial deviance of `hits` among `length` rows. A rate of 0 or 1 in the reference may be
    one of 1 ÷ reference."""
    rate = np.clip(expected / length, 1 / (reference + 1), 1 - 1 / (reference + 1))
    hits = np.clip(hits, 0.0, length)
    share = hits / length
    with np.errstate(divide="ignore", invalid="ignore"):
        yes = np.where(hits > 0, hits * np.log(share / rate), 0.0)
        no = np.where(hits < length, (length - hits) * np.log((1 - share) / (1 - rate)), 0.0)
    return np.sign(share - rate) * np.sqrt(np.maximum(0.0, 2 * (yes + no)))


def shifted(signals: np.ndarray, reference: int, shortest: float = 0.08) -> list[Stretch]:
    """`stretches` of continuous signals with mean 0."""
    return stretches(signals, np.zeros(signals.shape), np.zeros(signals.shape[1], dtype=bool), reference, shortest)
