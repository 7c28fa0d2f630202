"""Rows that came before come again: a cache, a batch that is sent twice, a join that finds several rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sluice.watch.triage import calendar
from sluice.watch.triage.comparison import Comparison
from sluice.watch.triage.finding import Finding
from sluice.watch.triage.row_hashes import hashes, total
from sluice.watch.triage.window import Reason

SMALLEST_SHARE = 0.03


def repeated(comparison: Comparison) -> Iterator[Finding]:
    window, base = comparison.window, comparison.reference.window
    names = [name for name in window.columns if window.types[name] != "timestamp"]
    if len(names) < 3 or len(window) < 20:
        return
    kept = comparison.reference.kept
    if "hashes" not in kept:
        kept["hashes"] = hashes(base, names)
    now, usual = {name: comparison.row_hashes[name] for name in names}, kept["hashes"]
    # a column that is constant now tells rows apart no longer: the reference without the changed columns has as many
    # equal rows as they explain. If several did, whole rows are the cause.
    changed = comparison.changed
    blunt = [name for name in changed if name in now and coincide(now[name]) > 2 * coincide(usual[name]) + 0.05]
    told = [name for name in names if name not in blunt] if len(blunt) <= 2 else names
    every, usually = total(now), total({name: usual[name] for name in told})
    stretches = [np.arange(len(base))]
    if window.arrived is not None and comparison.reference.season.known:
        stretches += [inside for inside, _ in calendar.precedents(base, float(np.ptp(window.arrived)))]
    found = excess(every, [usually[places] for places in stretches])
    if found is not None:
        share, where = found
        yield Finding(
            Reason.REPEATED, (), f"{share:.0%} of the rows are exact copies of earlier ones", where, certain=True,
            evidence={"repeated": round(share, 4)},
        )  # fmt: skip
        return
    best: tuple[float, str, np.ndarray] | None = None
    for name in names:
        less = usually - usual[name] if name in told else usually
        without = excess(every - now[name], [less[places] for places in stretches])
        if without is not None and (best is None or without[0] > best[0]):
            best = without[0], name, without[1]
    if best is not None and best[0] > 0.08:
        share, name, where = best
        yield Finding(
            Reason.REPEATED, (name,), f"is all that differs between {share:.0%} of the rows and earlier ones", where,
            certain=True, evidence={"repeated_but_for": name, "share": round(share, 4)},
        )  # fmt: skip


def coincide(hashed: np.ndarray) -> float:
    """The probability that two rows have the same value."""
    shares = np.unique(hashed, return_counts=True)[1] / len(hashed)
    return float((shares**2).sum())


def excess(now: np.ndarray, groups: list[np.ndarray]) -> tuple[float, np.ndarray] | None:
    """(share of rows that are copies, their places) if there are far more copies than the reference leads to expect.

    `groups` are hashes of the reference, or of several stretches of it: neighbours in time resemble each other.
    """
    _, first, inverse, counts = np.unique(now, return_index=True, return_inverse=True, return_counts=True)
    share = 1 - len(counts) / len(now)
    if share * len(now) < 6 or share < SMALLEST_SHARE:
        return None
    pairs = float((counts * (counts - 1) / 2).sum())
    for usual in groups:
        base_counts = np.unique(usual, return_counts=True)[1]
        ratio = len(now) / max(1, len(usual))
        expected = float((base_counts * (base_counts - 1) / 2).sum()) * max(1.0, ratio**2)
        copies = (1 - len(base_counts) / max(1, len(usual))) * max(1.0, ratio)
        if share < SMALLEST_SHARE + 1.5 * copies or pairs < 4 * expected * min(1.0, ratio**2) + 6:
            return None
    return share, np.flatnonzero(first[inverse] != np.arange(len(now)))
