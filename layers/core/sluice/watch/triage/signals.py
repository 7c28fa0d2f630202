"""Signals of a column: for each row, numbers whose mean moves when something happens to the column."""

from __future__ import annotations

import numpy as np

from sluice.watch.triage.profile import Numbers, Words, counts_of, known_to, strange_to
from sluice.watch.triage.window import absent

OF_THEIR_OWN = frozenset({"missing", "unseen", "far", "new", "sign"})
"""Signals that do not follow the column's own history: no cold day makes a value that is impossible."""
CONTINUOUS = frozenset({"location", "spread", "others"})
"""Signals with mean 0 and deviation 1 in the reference. All others are 1 where something holds of a row, else 0."""

MOSTLY = 0.3
"""The share of one value from which on the other values are looked at by themselves as well."""

Signals = dict[str, np.ndarray]


def spike_of(column: Numbers, values: np.ndarray) -> float | None:
    """The value whose share has grown most; None if no value occurs."""
    present = values[~np.isnan(values)]
    if not len(present):
        return None
    found, counts = np.unique(present, return_counts=True)
    top = np.argsort(-counts)[:12]
    grown = [counts[k] / len(present) - column.share_of(found[k]) for k in top]
    return float(found[top[int(np.argmax(grown))]])


def of_numbers(column: Numbers, values: np.ndarray) -> Signals:
    """Signals of a column of numbers that do not depend on what is compared."""
    missing = np.isnan(values)
    found: Signals = {"missing": missing.astype(np.float64)}
    if not column.rows:
        return found
    rank = column.rank(values)
    mean, spread, away, away_spread = column.scales
    found["location"] = np.where(missing, 0.0, (rank - mean) / spread)
    found["spread"] = np.where(missing, 0.0, (np.abs(rank - 0.5) - away) / away_spread)
    found["outside"] = ((values < column.ordered[0]) | (values > column.ordered[-1])).astype(np.float64)
    reach = 0.5 * (column.ordered[-1] - column.ordered[0])
    found["far"] = ((values < column.ordered[0] - reach) | (values > column.ordered[-1] + reach)).astype(np.float64)
    if column.ordered[0] >= 0 or column.ordered[-1] <= 0:
        found["sign"] = ((values < 0) if column.ordered[0] >= 0 else (values > 0)).astype(np.float64)
    top, share = column.usual
    found["usual"] = (values == top).astype(np.float64)
    if share > MOSTLY and column.others.rows:
        # among many zeros, the location hardly tells where the other values lie
        mean, spread, _, _ = column.others.scales
        away = (column.others.rank(values) - mean) / (spread * np.sqrt(1 - share))
        found["others"] = np.where(missing | (values == top), 0.0, away)
    if column.seen > 0.3:
        unknown = ~missing & ~column.known(values)
        if column.seen < 0.98:
            found["unknown"] = unknown.astype(np.float64)
        else:
            found["new"] = (unknown & column.amid(values)).astype(np.float64)
    return found


def unknown_again(column: Numbers, values: np.ndarray) -> np.ndarray:
    """The signal `unknown` of the reference's own values: unknown is what occurs once."""
    unique, shares = column.unique
    once = shares * column.rows < 1.5
    if not len(unique):
        return np.zeros(len(values))
    return np.where(np.isnan(values), 0.0, once[np.clip(np.searchsorted(unique, values), 0, len(unique) - 1)])


def of_words(column: Words, words: np.ndarray, followed: list[str]) -> Signals:
    """Signals of categories, texts or booleans: missing, unseen, and each of the `followed` values."""
    unseen = strange_to(words, column.shares).astype(np.float64)
    found = {"missing": absent(words).astype(np.float64), "unseen": unseen}
    for word in followed:
        found[f"={word}"] = np.equal(words, word).astype(np.float64)
    return found


def unseen_again(column: Words, words: np.ndarray) -> np.ndarray:
    """The signal `unseen` of the reference's own values: unseen is what occurs once."""
    once = {word: share for word, share in column.shares.items() if share * column.rows < 1.5}
    return known_to(words, once).astype(np.float64)


def followed(column: Words, words: np.ndarray) -> list[str]:
    """The values whose shares moved most, and the usual ones; none of a column of free text."""
    if column.free:
        return []
    counts = counts_of(words)
    total = max(1, sum(counts.values()))
    moved = sorted(column.shares, key=lambda word: -abs(counts.get(word, 0) / total - column.shares[word]))[:5]
    usual = [word for word, share in list(column.shares.items())[:5] if share >= 0.05]
    return list(dict.fromkeys([*moved, *usual]))
