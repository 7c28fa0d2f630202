"""New values of a category: a new segment brings rows of its own; under a new name, the rows stay the same."""

from __future__ import annotations

import numpy as np

from sluice.watch.triage.comparison import Comparison
from sluice.watch.triage.distance import allowed, ascending, by_chance, kolmogorov, shares_differ
from sluice.watch.triage.finding import Finding
from sluice.watch.triage.profile import counts_of, words_of
from sluice.watch.triage.window import Reason

OTHER_VALUES = frozenset(
    {Reason.SCALE, Reason.OFFSET, Reason.MIXED_UNITS, Reason.DEFAULT, Reason.NOISE, Reason.FOREIGN}
)
OTHER_HABITS = 0.15
"""The distance in a number from which on rows are not the same ones."""
BY_CHANCE = 1e-4
NEARER = 0.4


def newcomer(comparison: Comparison, name: str) -> str:
    """A value that the reference never had, with a share of the window; empty if there is none."""
    base = comparison.reference.words.get(name)
    if base is None or base.free:
        return ""
    words = words_of(comparison.window.columns[name])
    counts = {word: count for word, count in counts_of(words).items() if word not in base.shares}
    if not counts:
        return ""
    total = sum(counts.values())
    if shares_differ(total, len(words), base.singletons * base.rows, base.rows) < 5 or total < 0.02 * len(words):
        return ""
    return max(counts, key=lambda word: counts[word])


def new_segment(comparison: Comparison, finding: Finding) -> bool:
    """Whether a finding is the doing of a single new value that has come with rows of its own.

    Not where the reference knows the seasons, since the rows of a value follow them.
    """
    if (
        comparison.places is not None
        or len(finding.columns) != 1
        or finding.reason not in {Reason.RENAMED, *OTHER_VALUES}
    ):
        return False
    for name, base in comparison.reference.words.items():
        word = newcomer(comparison, name)
        if not word:
            continue
        words = words_of(comparison.window.columns[name])
        new = np.equal(words, word)
        if sum(count for each, count in counts_of(words).items() if each not in base.shares) > 1.1 * new.sum():
            continue  # several new values are new names
        # a spelling that can be undone is one, whichever rows have it; else it may be one absent value's new name
        one = finding.columns == (name,) and len(finding.evidence.get("absent", ())) == 1
        if finding.reason is Reason.RENAMED and one and other_habits(comparison, name, new):
            return True
        if finding.reason in OTHER_VALUES and usual_without(comparison, finding.columns[0], new):
            return True
    return False


def other_habits(comparison: Comparison, name: str, new: np.ndarray) -> bool:
    """Whether rows with the new value differ from those of the value that has lost most, in any number."""
    base = comparison.reference.words[name]
    now = counts_of(words_of(comparison.window.columns[name]))
    rows = max(1, sum(now.values()))
    old = max(base.shares, key=lambda word: base.shares[word] - now.get(word, 0) / rows)
    theirs = np.equal(words_of(comparison.reference.window.columns[name]), old)
    for number in comparison.reference.numbers:
        before = ascending(comparison.reference.window.columns[number][theirs])
        after = ascending(comparison.window.columns[number][new])
        apart = kolmogorov(before, after)
        chance = by_chance(apart, len(before), len(after)) * len(comparison.reference.numbers)
        if apart > OTHER_HABITS and chance < BY_CHANCE:
            return True
    return False


def usual_without(comparison: Comparison, number: str, new: np.ndarray) -> bool:
    """Whether a number is as usual in the other rows, or far nearer to it than in those with the new value."""
    base = comparison.reference.numbers.get(number)
    if base is None or not base.rows:
        return False
    values = comparison.window.columns[number]
    theirs, rest = ascending(values[new]), ascending(values[~new])
    limit = max(allowed(len(rest), base.rows) + 0.02, NEARER * kolmogorov(base.ordered, theirs))
    return len(rest) >= 30 and kolmogorov(base.ordered, rest) <= limit
