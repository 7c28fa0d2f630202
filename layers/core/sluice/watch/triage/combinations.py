"""Combinations of two categories that the reference never had.

Another mix of rows makes rare combinations frequent, but it does not make what cannot be. How many rows of a window may
have a combination that is not in the reference is known from the reference alone: as many of its own rows have one that
no other row has (Good, Biometrika 40, 1953).
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from sluice.watch.triage.comparison import Comparison
from sluice.watch.triage.distance import shares_differ
from sluice.watch.triage.onset import stretches
from sluice.watch.triage.profile import Profile, words_of

MAX_COLUMNS = 16
MAX_VALUES = 64
HEAVIEST = 10.0
"""How many times as often a window of another mix may have a combination that is rare."""
SMALLEST = 0.05
BY_CHANCE = 6.0


def impossible(comparison: Comparison) -> dict[str, np.ndarray]:
    """Columns of categories that stand beside values beside which they never stood, with the places of these rows.

    Only the column that is to blame: without it, the others have no such combinations.
    """
    if "combinations" not in comparison.found:
        comparison.found["combinations"] = [dict(_impossible(comparison))]
    found: dict[str, np.ndarray] = comparison.found["combinations"][0]
    return found


def _impossible(comparison: Comparison) -> list[tuple[str, np.ndarray]]:
    profile = comparison.reference
    names = [name for name, words in profile.words.items() if 2 <= len(words.shares) <= MAX_VALUES][:MAX_COLUMNS]
    if len(names) < 2 or not comparison.covered:
        return []
    usual = _codes(profile, names)
    mine = [coded(words_of(comparison.window.columns[name]), list(profile.words[name].shares)) for name in names]
    unseen = np.zeros((len(names), len(names), len(comparison.window)))
    alone = np.zeros((len(names), len(names), len(profile.window)), dtype=bool)
    lasts = [comparison.columns[name].together for name in names]
    for i in range(len(names)):
        for j in range(i):
            counts, there = _pairs(profile, names, usual, i, j)
            known = (mine[i] >= 0) & (mine[j] >= 0)
            pair = np.where(known, mine[i] * MAX_VALUES + mine[j], 0)
            # both last: the rows of a holiday in a month are one observation
            unseen[i, j] = unseen[j, i] = (known & (counts[pair] == 0)) / max(1.0, min(lasts[i], lasts[j]))
            alone[i, j] = alone[j, i] = there
    found: list[tuple[str, np.ndarray]] = []
    left = list(range(len(names)))
    while len(left) > 1:
        weights = [unseen[k][left].max(axis=0) for k in left]
        # two columns of a pair are equally strange: the one that has changed is to blame
        worst = max(
            range(len(left)),
            key=lambda place: (
                float((weights[place] > 0).mean()) * (1.25 if names[left[place]] in comparison.changed else 1.0)
            ),
        )
        weight, base = weights[worst], alone[left[worst]][left].any(axis=0)
        rows = weight > 0
        if not rows.any() or not beyond(rows, base, float(rows.sum() / weight.sum())):
            break
        found.append((names[left.pop(worst)], np.flatnonzero(rows)))
    return found if len(left) > 1 or len(names) == 2 else []


def beyond(rows: np.ndarray, base: np.ndarray, once: float = 1.0) -> bool:
    """Whether far more of these rows have such a combination, in all of them or in a stretch; `once` rows count as
    one."""
    rate = float(base.mean())
    signal = rows.astype(np.float64)[:, None]
    where = stretches(signal, np.full(signal.shape, rate), np.array([True]), len(base))[0]
    there = rows[where.inner]
    if float(there.mean()) < SMALLEST + HEAVIEST * rate or there.sum() < 5 * once:
        return False
    return shares_differ(there.sum() / once, len(there) / once, float(base.sum()), len(base)) > BY_CHANCE


def coded(words: np.ndarray, known: list[str]) -> np.ndarray:
    """The place of each word among the known ones; -1 of others."""
    place = defaultdict(lambda: -1, {word: k for k, word in enumerate(known)})
    return np.fromiter(map(place.__getitem__, words.tolist()), np.int64, len(words))


def _codes(profile: Profile, names: list[str]) -> list[np.ndarray]:
    found = []
    for name in names:
        key = f"codes {name}"
        if key not in profile.kept:
            known = list(profile.words[name].shares)
            profile.kept[key] = {"": coded(words_of(profile.window.columns[name]), known)}
        found.append(profile.kept[key][""])
    return found


def _pairs(
    profile: Profile, names: list[str], codes: list[np.ndarray], i: int, j: int
) -> tuple[np.ndarray, np.ndarray]:
    """(how often each pair of codes occurs, which rows have one that occurs once)."""
    key = f"pairs {names[i]}\0{names[j]}"
    if key not in profile.kept:
        known = (codes[i] >= 0) & (codes[j] >= 0)
        pair = np.where(known, codes[i] * MAX_VALUES + codes[j], 0)
        counts = np.bincount(pair[known], minlength=MAX_VALUES**2)
        profile.kept[key] = {"counts": counts, "once": known & (counts[pair] == 1)}
    return profile.kept[key]["counts"], profile.kept[key]["once"]
