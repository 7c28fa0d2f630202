"""One client or one host alone: its rows differ, and those of all others are as usual."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sluice.watch.triage.comparison import Comparison
from sluice.watch.triage.distance import allowed, by_chance, chi_square, kolmogorov, shares_differ
from sluice.watch.triage.finding import Finding
from sluice.watch.triage.profile import counts_of, words_of
from sluice.watch.triage.window import Reason

FEWEST = 8
MAX_SOURCES = 50
DIFFERENT = 1e-7
"""The probability by chance of the difference between a source and the others."""


def one_source(comparison: Comparison) -> Iterator[Finding]:
    window = comparison.window
    for kind, sources in (("client", window.client), ("host", window.host)):
        if sources is None:
            continue
        counts = counts_of(sources)
        if not 2 <= len(counts) <= MAX_SOURCES:
            continue
        blamed: list[tuple[float, str, list[str], np.ndarray, str]] = []
        for source, count in counts.items():
            if count < FEWEST or count > 0.8 * len(window):
                continue
            mine = np.equal(sources, source)
            found = differing(comparison, mine)
            if found:
                blamed.append((-max(found.values())[0], source, list(found), mine, max(found.values())[1]))
        if len(blamed) == 1 or (len(blamed) == 2 and len(counts) == 2):
            _, source, names, mine, what = min(blamed, key=lambda each: each[0])
            yield Finding(
                Reason.ONE_SOURCE,
                tuple(names),
                f"of {kind} {source} alone {what}; all other {kind}s send the usual values",
                np.flatnonzero(mine),
                0.0,
                True,
                {"kind": kind, "source": source},
            )
            return


def differing(comparison: Comparison, mine: np.ndarray) -> dict[str, tuple[float, str]]:
    """Columns in which these rows differ, while the others are as the reference: (size, what is different)."""
    found: dict[str, tuple[float, str]] = {}
    rows = np.flatnonzero(mine)
    others = np.flatnonzero(~mine)
    others = others[(others >= rows[0]) & (others <= rows[-1])]  # of the same time
    if len(others) < FEWEST:
        return {}
    for name, base in comparison.reference.numbers.items():
        values = comparison.window.columns[name]
        one, rest = values[rows], values[others]
        gone, usual = np.isnan(one), np.isnan(rest)
        if shares_differ(gone.sum(), len(one), usual.sum(), len(rest)) > 5.5 and gone.mean() > usual.mean() + 0.1:
            if usual.mean() < base.missing + 0.05:
                found[name] = float(gone.mean()), "is missing"
            continue
        if not base.rows:
            continue
        outside, elsewhere = ((v < base.ordered[0]) | (v > base.ordered[-1]) for v in (one, rest))
        if (
            outside.sum() >= 3
            and shares_differ(outside.sum(), len(one), elsewhere.sum(), len(rest)) > 5.5
            and elsewhere.mean() < 0.01
        ):
            found[name] = float(outside.mean()), "lies outside the usual values"
            continue
        a, b = np.sort(one[~gone]), np.sort(rest[~usual])
        apart = kolmogorov(a, b)
        if apart > 0.15 and by_chance(apart, len(a), len(b)) < DIFFERENT:
            near = comparison.base_numbers(name, others)
            if kolmogorov(near.ordered, b) <= allowed(len(b), near.rows, 1e-4) + 0.03:
                found[name] = apart, "has other values"
    for name, words in comparison.reference.words.items():
        if words.free:
            continue
        values = words_of(comparison.window.columns[name])
        now, rest_counts = counts_of(values[rows]), counts_of(values[others])
        total, all_rest = max(1, sum(now.values())), max(1, sum(rest_counts.values()))
        strange = sum(count for word, count in now.items() if word not in words.shares)
        elsewhere_strange = sum(count for word, count in rest_counts.items() if word not in words.shares)
        if (
            strange >= 3
            and shares_differ(strange, total, elsewhere_strange, all_rest) > 5.5
            and elsewhere_strange < 0.02 * all_rest
        ):
            found[name] = strange / total, "has values that training never saw"
            continue
        every = sorted(now.keys() | rest_counts.keys())
        if len(every) < 100:
            chance = chi_square(*(np.array([each.get(w, 0) for w in every]) for each in (now, rest_counts)))
            apart = sum(abs(now.get(w, 0) / total - rest_counts.get(w, 0) / all_rest) for w in every) / 2
            if chance < DIFFERENT / 10 and apart > 0.2:
                found[name] = apart, "has another mix"
    return found
