"""Part of the feed is missing: fewer rows than usual, a client or a segment that falls silent, hours without rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sluice.watch.triage.comparison import Comparison
from sluice.watch.triage.distance import shares_differ
from sluice.watch.triage.finding import Finding
from sluice.watch.triage.profile import counts_of, words_of
from sluice.watch.triage.window import Reason

FEWER = 0.93
"""Below this share of the usual number of rows, rows are missing, unless that is within chance."""
SILENT = 1e-7
"""The probability of a silence by chance, before it counts: there are many values that could be silent."""


def volume(comparison: Comparison) -> float | None:
    """Rows of the window ÷ rows that such a period has; None if that is unknown."""
    window = comparison.window
    return None if not window.usual else window.count / window.usual


def fewer(comparison: Comparison) -> bool:
    """Whether there are fewer rows than usual at all, beyond chance."""
    window = comparison.window
    return bool(window.usual and window.usual - window.count > 2.5 * np.sqrt(window.usual))


def missing_rows(comparison: Comparison) -> Iterator[Finding]:
    """Needs the usual number of rows; without it, a silence is not told from a change of the mix."""
    ratio = volume(comparison)
    if ratio is None or comparison.window.count >= comparison.window.usual:  # type: ignore[operator]
        return
    evidence = {"volume": round(ratio, 4)}
    none = np.zeros(0, dtype=np.int64)
    said = f"{1 - ratio:.0%} fewer rows than usual"
    for source, values in (("client", comparison.window.client), ("host", comparison.window.host)):
        silent = silent_values(comparison, values, getattr(comparison.reference.window, source))
        if silent:
            yield Finding(
                Reason.FEED,
                (),
                f"{said}: nothing comes from {source} {', '.join(silent[:3])}",
                none,
                0.0,
                True,
                evidence,
            )
            return
    if not fewer(comparison):
        return
    for name in comparison.reference.words:
        if comparison.follows_season(name):
            continue  # its values come and go with the season
        base = comparison.reference.window.columns[name]
        silent = silent_values(comparison, words_of(comparison.window.columns[name]), words_of(base), name)
        if silent:
            what = f"{said}: rows with {name} {', '.join(silent[:3])} are missing"
            yield Finding(Reason.FEED, (name,), what, none, 0.0, True, evidence)
            return
    if ratio > FEWER or leaving_group(comparison):
        return
    for name, column in comparison.changed.items():
        base_numbers = comparison.reference.numbers.get(name)
        if base_numbers is None:
            continue
        inner = column.stretch.inner
        values = comparison.window.columns[name][inner]
        values = values[~np.isnan(values)]
        near = comparison.base_numbers(name, inner)
        if len(values) and near.rows and float(np.mean(near.ordered > values.max())) > 0.05:
            what = f"{said}: rows with {name} above {values.max():g} are missing"
            yield Finding(Reason.FEED, (name,), what, none, 0.0, True, evidence)
            return
    yield Finding(Reason.FEED, (), said, none, 0.0, True, evidence)


def silent_values(
    comparison: Comparison, now: np.ndarray | None, base: np.ndarray | None, column: str = ""
) -> list[str]:
    """Values that came before and do not come any more, while no new value has taken their place.

    Values of a `column` may be silent because it is not their season.
    """
    if now is None or base is None:
        return []
    usual = counts_of(base)
    total = max(1, sum(usual.values()))
    if len(usual) > 400:
        return []
    rows = len(now)
    silent, lost, missed = [], 0.0, 0.0
    for word, count in usual.items():
        share = count / total
        mine = np.equal(now, word)
        at = np.flatnonzero(mine)
        after = rows - 1 - (int(at[-1]) if len(at) else -1)
        if column and after > 0.12 * rows:
            share = min(share, comparison.base_words(column, np.arange(rows - after, rows)).shares.get(word, 0.0))
        if share <= 0.004 or after <= 0.12 * rows:
            continue
        once = comparison.as_one(mine.astype(np.float64))
        if after / once * np.log1p(-min(share, 0.999)) < np.log(SILENT):
            silent.append(str(word))
            lost += share
            missed += share * after
    fresh = sum(count for word, count in counts_of(now).items() if word not in usual) / max(1, rows)
    window = comparison.window
    if not silent or fresh > 0.3 * lost or not window.usual:
        return []
    # the rows that are missing must be theirs
    return silent if window.usual - window.count > 0.4 * missed * window.count / max(1, rows) else []


def leaving_group(comparison: Comparison) -> str | None:
    """The column whose one value has become rare, though not absent, and little by little, with the rows that it had:
    a change of consent or of a market. None if there is none."""
    ratio = volume(comparison)
    if ratio is None or ratio > FEWER or not fewer(comparison):
        return None
    rows = len(comparison.window)
    for name, words in comparison.reference.words.items():
        if words.free:
            continue
        now = words_of(comparison.window.columns[name])
        for word, share in list(words.shares.items())[:6]:
            if share < 0.1:
                continue
            hit = np.equal(now, word)
            left = float(hit.mean()) * ratio
            if not 0 < left < 0.8 * share:
                continue
            if shares_differ(hit.sum(), rows, share * words.rows, words.rows) < 4.5 or hit.mean() > share:
                continue
            # what the group lost is what the window lost
            if abs((share - left) - (1 - ratio)) > 0.08 * (1 - ratio) + 2.5 * np.sqrt(share * (1 - share) / rows):
                continue
            last = hit[rows // 2 :]
            # it still comes until the end, and from the first third to the last its share falls
            expected = max(1.0, share * len(last))
            if last.sum() < max(2.0, 0.02 * expected) or hit[-max(10, rows // 5) :].sum() == 0:
                continue
            return name
    return None
