"""Have other rows come, or the same rows with other values in one column?

If other rows came because of a column, or of something that it depends on, the columns that depend on it move as well,
and the reference says how far. Let w(x) be the density of the column in the window ÷ that in the reference, and g any
function of the other columns. If other rows came, the mean of g in the window is the reference's mean of
w · g (importance weighting; Shimodaira, Journal of Statistical Planning and Inference 90, 2000). If only the values of
the column are others, g has its usual mean. The most telling g is the regression of w on the other columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sluice.watch.triage import neighbours
from sluice.watch.triage.comparison import Comparison
from sluice.watch.triage.profile import words_of
from sluice.watch.triage.window import absent

BINS = 16
FEWEST = 60
HEAVIEST = 10.0
"""A weight above this counts as this: a few rows of the reference must not decide."""
SURE = 3.0
"""Standard score; there are one or two such tests in a window."""


@dataclass(frozen=True)
class Moved:
    """`ratio`: how far the other columns moved ÷ how far they must move if other rows came: 1 then, 0 if only values
    of the column changed. `error`: its standard error."""

    ratio: float
    error: float

    @property
    def rows(self) -> bool | None:
        """True: other rows came. False: only the column's values changed. None: these rows cannot tell."""
        if self.ratio > 0.5 and self.ratio > SURE * self.error:
            return True
        return False if self.ratio < min(1 - SURE * self.error, SURE * self.error) else None


def moved(comparison: Comparison, name: str, rows: np.ndarray) -> Moved | None:
    """How the other columns moved in these rows of the window, beside what the column `name` demands.

    None if no other column depends on it, or with too few rows.
    """
    dependence = comparison.reference.dependence
    others = np.array([owner != name for owner in dependence.owners], dtype=bool)
    if len(rows) < FEWEST or not others.any():
        return None
    here, there = places(comparison, name, rows)
    count = int(max(here.max(), there.max())) + 1
    base_counts = np.bincount(there, minlength=count) + 0.5
    now_counts = np.bincount(here, minlength=count) + 0.5 * base_counts / base_counts.sum()
    weights = np.minimum(HEAVIEST, (now_counts / now_counts.sum()) / (base_counts / base_counts.sum()))[there]
    weights = weights - weights.mean()
    base = curved(dependence.features_of_reference[:, others])
    said, line = regression(base, weights)
    demanded = said * weights
    must = float(demanded.mean())
    unsure = float(demanded.std()) / np.sqrt(len(base))
    if must <= max(SURE * unsure, 1e-9):
        return None
    usual_g, now_g = (base @ line)[:, None], (curved(comparison.features[:, others]) @ line)[:, None]
    together = float(
        np.minimum(*neighbours.together(usual_g, now_g, comparison.reference.window, comparison.window))[0]
    )
    expected = [float(usual_g.mean())]
    # as for the columns, season and time of the day only excuse
    expected += [float(each[rows].mean()) for each in comparison.excuses(usual_g, mixed=rows)]
    shift = min((float(now_g[rows].mean()) - each for each in expected), key=abs)
    spread = float(now_g[rows].std()) ** 2 * together / len(rows) + float(said.std()) ** 2 / len(base)
    before = [
        float((curved(dependence.features(each.window)[:, others]) @ line).mean()) - expected[0]
        for each in comparison.precedents
    ]
    error = np.sqrt(spread + unsure**2 + (float(np.mean(np.square(before))) if before else 0.0)) / must
    return Moved(shift / must, float(error))


def curved(features: np.ndarray) -> np.ndarray:
    """Features and their squares less 1: both have the mean 0 in the reference."""
    return np.hstack([features, features**2 - 1])


def regression(features: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(answers out of fold, line of all rows) of a ridge regression without a constant; two folds, in turn."""

    def solved(rows: np.ndarray) -> np.ndarray:
        part = features[rows]
        penalty = np.eye(part.shape[1]) * (1.0 + 0.01 * len(rows))
        found: np.ndarray = np.linalg.solve(part.T @ part + penalty, part.T @ target[rows])
        return found

    fold = np.arange(len(target)) % 2
    said = np.empty(len(target))
    for each in (0, 1):
        said[fold == each] = features[fold == each] @ solved(np.flatnonzero(fold != each))
    return said, solved(np.arange(len(target)))


def places(comparison: Comparison, name: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bin of each of these rows of the window, and of each row of the reference. Missing values have their own."""
    values, base = comparison.window.columns[name][rows], comparison.reference.window.columns[name]
    if name in comparison.reference.numbers:
        edges = np.unique(np.nanquantile(base, np.linspace(0, 1, BINS + 1)[1:-1]))
        return tuple(  # type: ignore[return-value]
            np.where(np.isnan(each), len(edges) + 1, np.searchsorted(edges, each, "right")) for each in (values, base)
        )
    known = {word: place for place, word in enumerate(list(comparison.reference.words[name].shares)[:BINS])}
    return tuple(  # type: ignore[return-value]
        np.where(absent(each), BINS + 1, np.fromiter((known.get(word, BINS) for word in each), np.int64, len(each)))
        for each in (words_of(values), words_of(base))
    )
