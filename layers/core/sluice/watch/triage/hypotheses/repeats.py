"""Rows that came before come again: a cache, a batch that is sent twice, a join that finds several rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sluice.watch.triage import calendar
from sluice.watch.triage.comparison import Comparison
from sluice.watch.triage.finding import Finding
from sluice.watch.triage.profile import Profile, words_of
from sluice.watch.triage.row_hashes import hashes, total
from sluice.watch.triage.window import Reason, Window

SMALLEST_SHARE = 0.03
HEAVIEST = 10.0
"""How many times as often a window of another mix may have a common row."""
FEWEST = 6


@dataclass(frozen=True)
class Rows:
    """For each row a number that is equal where rows are, and the logarithm of the product of its values' shares in
    the reference: rows that coincide by chance have common values only."""

    hashed: np.ndarray
    common: np.ndarray


def repeated(comparison: Comparison) -> Iterator[Finding]:
    window = comparison.window
    names = [name for name in window.columns if window.types[name] != "timestamp"]
    if len(names) < 3 or len(window) < 20:
        return
    copies = Copies(comparison, names)
    if found := copies.excess():
        share, where = found
        yield Finding(
            Reason.REPEATED, (), f"{share:.0%} of the rows are exact copies of earlier ones", where, certain=True,
            evidence={"repeated": round(share, 4)},
        )  # fmt: skip
        return
    if comparison.in_sequence():
        return  # neighbours resemble each other, and the reference does not say how much they usually do
    without = [(*found, name) for name in names if (found := copies.excess(name))]
    best = max(without, key=lambda each: each[0], default=None)
    if best is not None and best[0] > 0.08:
        share, where, name = best
        yield Finding(
            Reason.REPEATED, (name,), f"is all that differs between {share:.0%} of the rows and earlier ones", where,
            certain=True, evidence={"repeated_but_for": name, "share": round(share, 4)},
        )  # fmt: skip


class Copies:
    """Equal rows of a window, beside those of its reference."""

    def __init__(self, comparison: Comparison, names: list[str]) -> None:
        self.reference, self.window = comparison.reference, comparison.window
        self.names = names
        base, kept = self.reference.window, self.reference.kept
        if "hashes" not in kept:
            kept["hashes"] = hashes(base, names)
        self.now, self.usual = {name: comparison.row_hashes[name] for name in names}, kept["hashes"]
        self.now_common: dict[str, np.ndarray] = {}
        self.usual_common: dict[str, np.ndarray] = kept.setdefault("log shares", {})
        # a column that is constant now tells rows apart no longer: the reference without the changed columns has as
        # many equal rows as they explain. If several did, whole rows are the cause.
        changed = [name for name in comparison.changed if name in self.now]
        blunt = [name for name in changed if coincide(self.now[name]) > 2 * coincide(self.usual[name]) + 0.05]
        self.told_apart_by = [name for name in names if name not in blunt] if len(blunt) <= 2 else names
        self.stretches: list[np.ndarray] = []
        if self.window.arrived is not None and self.reference.season.known:
            found = calendar.precedents(base, float(np.ptp(self.window.arrived)))
            self.stretches = [inside for inside, _ in found]

    def excess(self, but: str | None = None) -> tuple[float, np.ndarray] | None:
        """`excess` of the rows that are equal in every column, or in every column but one."""
        mine, theirs = ([name for name in some if name != but] for some in (self.names, self.told_apart_by))
        hashed = total({name: self.now[name] for name in mine})
        if copies_of(hashed) < max(FEWEST, SMALLEST_SHARE * len(hashed)):
            return None
        rows = Rows(hashed, self._common(self.window, theirs, self.now_common))
        common = self._common(self.reference.window, theirs, self.usual_common)
        reference = Rows(total({name: self.usual[name] for name in mine}), common)
        told_apart = total({name: self.usual[name] for name in theirs})
        if but is None:
            # the reference's rows of the same kinds; without a column, neighbours in time are too often alike for that
            told_apart = np.where(reference.common < limit_of(reference), told_apart, np.arange(len(told_apart)))
        return excess(rows, reference, told_apart, self.stretches)

    def _common(self, window: Window, names: list[str], known: dict[str, np.ndarray]) -> np.ndarray:
        """How common each row is by these columns; `known` keeps what was measured of each of them."""
        for name in names:
            if name not in known:
                known[name] = log_shares(self.reference, window, name)
        common: np.ndarray = np.sum([known[name] for name in names], axis=0)
        return common


def coincide(hashed: np.ndarray) -> float:
    """The probability that two rows have the same value."""
    shares = np.unique(hashed, return_counts=True)[1] / len(hashed)
    return float((shares**2).sum())


def copies_of(hashed: np.ndarray) -> int:
    return len(hashed) - len(np.unique(hashed))


def log_shares(reference: Profile, window: Window, name: str) -> np.ndarray:
    """The logarithm of the reference's share of each value of a column."""
    values = window.columns[name]
    if name in reference.numbers:
        column = reference.numbers[name]
        unique, shares = column.unique
        least = 0.5 / max(1, column.rows)
        if not len(unique):
            return np.full(len(values), np.log(least))
        place = np.minimum(np.searchsorted(unique, values), len(unique) - 1)
        share = np.where(unique[place] == values, shares[place], least)
        found: np.ndarray = np.log(np.where(np.isnan(values), max(column.missing, least), share))
        return found
    words = reference.words[name]
    least = 0.5 / max(1, words.rows)
    texts, absent = words_of(values).tolist(), max(words.missing, least)
    different = {word: absent if word is None else words.shares.get(word, least) for word in dict.fromkeys(texts)}
    return np.log(np.fromiter(map(different.__getitem__, texts), np.float64, len(texts)))


def limit_of(base: Rows) -> float:
    """How common rows are that coincide by chance: 19 of 20 that do so in the reference. Infinite if hardly any do."""
    _, inverse, counts = np.unique(base.hashed, return_inverse=True, return_counts=True)
    again = counts[inverse] > 1
    return float(np.quantile(base.common[again], 0.05)) if again.sum() >= FEWEST else np.inf


def excess(now: Rows, base: Rows, told: np.ndarray, stretches: list[np.ndarray]) -> tuple[float, np.ndarray] | None:
    """(share of rows that are copies, their places) if there are far more copies than the reference leads to expect.
    `told` are hashes of the reference's rows by the columns in which the window's rows differ.

    Copies of rows that the reference has, or that are as common as those that coincide in it, say nothing: a window of
    another mix has more of them. Only one that comes more than HEAVIEST times as often as there counts nevertheless.
    There must be far more of the others than the reference has copies at all, or a stretch of it, since neighbours in
    time resemble each other.
    """
    limit = limit_of(base)
    values, first, inverse, counts = np.unique(now.hashed, return_index=True, return_inverse=True, return_counts=True)
    ordered = np.sort(base.hashed)
    usual = np.searchsorted(ordered, values, "right") - np.searchsorted(ordered, values, "left")
    often = HEAVIEST * np.maximum(1, usual) * len(now.hashed) / len(ordered)
    rare = (usual == 0) & (now.common[first] < limit)
    copies = np.where(rare, counts - 1.0, np.maximum(0.0, counts - 1 - often))
    share = float(copies.sum()) / len(now.hashed)
    if share * len(now.hashed) < FEWEST or share < SMALLEST_SHARE:
        return None
    pairs = float((copies * (copies + 1) / 2).sum())
    for places in [np.arange(len(ordered)), *stretches]:
        base_counts = np.unique(told[places], return_counts=True)[1]
        ratio = len(now.hashed) / max(1, len(places))
        expected = float((base_counts * (base_counts - 1) / 2).sum()) * ratio**2
        copied = float((base_counts - 1).sum()) / max(1, len(places)) * max(1.0, ratio)
        if share < SMALLEST_SHARE + 1.5 * copied or pairs < 4 * expected + FEWEST:
            return None
    return share, np.flatnonzero((first[inverse] != np.arange(len(now.hashed))) & (copies[inverse] > 0))
