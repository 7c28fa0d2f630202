"""Stand-ins and losses in one column: nulls, sentinels, defaults, constants, values that stick, limits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sluice.watch.triage.comparison import Column, Comparison
from sluice.watch.triage.distance import allowed, kolmogorov, shares_differ
from sluice.watch.triage.finding import Finding
from sluice.watch.triage.onset import stretches
from sluice.watch.triage.profile import Numbers
from sluice.watch.triage.signals import spike_of
from sluice.watch.triage.window import Reason, absent

SENTINELS = frozenset(
    {
        -1.0,
        -9.0,
        -99.0,
        -999.0,
        -9999.0,
        -99999.0,
        99.0,
        999.0,
        9999.0,
        99999.0,
        999999.0,
        2147483647.0,
        -2147483648.0,
        32767.0,
        65535.0,
        4294967295.0,
    }
)
"""Numbers that programs write for "unknown"."""
CERTAIN_Z = 5.0
NEAR = 0.05
"""How far a close value is, as a share of the distance between the 5th and the 95th percentile."""
FEWEST_OTHERS, FEWEST_STUCK, SHORTEST, FAR_LONGER, RARE = 20, 20, 0.08, 8.0, 0.1
"""Of a value that stays: other runs in the window, rows and the share of the window that it has at least, how many
times as long as any other run it lasts, and its share of the reference at most."""
LATEST = 0.95
"""The quantile of the reference above which a value is newer than nearly all of it."""


def nulls(comparison: Comparison) -> Iterator[Finding]:
    """More missing values than usual; columns that are missing in the same rows are named together."""
    found: list[tuple[str, np.ndarray, float]] = []
    for name, column in comparison.columns.items():
        missing = comparison.missing(name)
        usual = (comparison.reference.numbers.get(name) or comparison.reference.words[name]).missing
        now = float(missing.mean())
        if now - usual < 0.03:
            continue
        # missing values may last; that there are any where there were none does not depend on time
        once = comparison.as_one(missing.astype(np.float64)) if usual else 1.0
        rows = comparison.reference.window.count
        z = shares_differ(missing.sum() / once, len(missing) / once, usual * rows, rows)
        if z > CERTAIN_Z or (column.signal == "missing" and column.z > 6):
            found.append((name, missing, now - usual))
    if not found:
        return
    found.sort(key=lambda each: -each[2])
    first = found[0][1]
    together = [name for name, missing, _ in found if (missing & first).sum() > 0.5 * missing.sum()]
    name, missing, more = found[0]
    where = np.flatnonzero(missing)
    why = high_ones(comparison, name, missing)
    usual = float(missing.mean()) - more
    # a real change of mix also moves a share of missing values that there was before
    certain = usual < 0.005 or more > 0.15
    yield Finding(
        Reason.NULLS,
        tuple(together),
        f"is missing in {missing.mean():.0%} of the rows, {more:.0%} more than usual{why}",
        where,
        certain=certain,
        evidence={"more_missing": round(more, 4)},
    )


def high_ones(comparison: Comparison, name: str, missing: np.ndarray) -> str:
    base = comparison.reference.numbers.get(name)
    if base is None or not base.rows:
        return ""
    present = comparison.window.columns[name][~missing]
    if len(present) > 20 and float(np.mean(base.ordered > present.max())) > 0.5 * float(missing.mean()):
        return "; the high values are those that are missing"
    return ""


def spikes(comparison: Comparison) -> Iterator[Finding]:
    """One value takes the place of others."""
    for name, column in comparison.changed.items():
        if name not in comparison.reference.numbers:
            continue
        finding = spike(comparison, name, column)
        if finding is not None:
            yield finding


def spike(comparison: Comparison, name: str, column: Column) -> Finding | None:
    values = comparison.window.columns[name]
    whole = comparison.reference.numbers[name]
    value = spike_of(whole, values[column.stretch.inner])
    if value is None:
        return None
    inner = values[column.stretch.inner]
    present = inner[~np.isnan(inner)]
    base = comparison.base_numbers(name, column.stretch.inner)
    share, usual = float((present == value).mean()), base.share_of(value)
    more = (share - usual) / max(1e-9, 1 - usual)
    # neighbours that resemble each other count as one, unless the value itself is a new one
    once = column.together if usual > 0 else 1.0
    hits = (present == value).sum() / once
    if more < 0.04 or shares_differ(hits, len(present) / once, usual * base.rows / once, base.rows / once) < CERTAIN_Z:
        return None
    where = column.stretch.places[values[column.stretch.places] == value]
    evidence = {"value": value, "share": round(share, 4), "usual_share": round(usual, 4)}
    low, high = whole.ordered[0], whole.ordered[-1]
    rest, others = np.sort(present[present != value]), base.ordered[base.ordered != value]
    outside = value < low or value > high
    if share >= 0.97 and usual < 0.8:
        # the number of the month is constant as well, and a new one each month
        certain = (outside or usual < 0.5) and not comparison.without_precedent(name)
        return Finding(
            Reason.CONSTANT, (name,), f"is {value:g} in every row", where, certain=certain, evidence=evidence
        )
    left = kolmogorov(others, rest) if len(rest) else 0.0
    fits = left <= allowed(len(rest), len(others)) + 0.02
    alone = float(np.mean((present < low) | (present > high))) < 1.2 * share + 0.01
    if outside and alone and (value in SENTINELS or fits) and (len(rest) == 0 or fits or value in SENTINELS):
        gap = min(abs(value - low), abs(value - high))
        if value in SENTINELS or gap > 0.02 * max(1e-12, high - low):
            return Finding(
                Reason.SENTINEL,
                (name,),
                f"is {value:g}, outside the usual values, in {share:.0%} of the rows",
                where,
                left,
                certain=True,
                evidence=evidence,
            )
    if value in SENTINELS and usual < 0.02 and fits and abs(value) > 50:
        return Finding(
            Reason.SENTINEL,
            (name,),
            f"is {value:g}, a value for unknown, in {share:.0%} of the rows",
            where,
            left,
            certain=True,
            evidence=evidence,
        )
    for above in (True, False):
        beyond = float(np.mean(base.ordered > value) if above else np.mean(base.ordered < value))
        past = float(np.mean(present > value) if above else np.mean(present < value))
        if (
            beyond > 0.02
            and past <= 0.02 * beyond + 1e-9
            and 0.5 * (beyond + usual) <= share <= 1.6 * (beyond + usual) + 0.03
        ):
            limited = np.minimum(base.ordered, value) if above else np.maximum(base.ordered, value)
            misfit = kolmogorov(np.sort(limited), np.sort(present))
            if misfit <= allowed(len(present), base.rows) + 0.03:
                what = f"is never {'above' if above else 'below'} {value:g}, where {beyond:.0%} used to be"
                return Finding(Reason.CLIPPED, (name,), what, where, misfit, certain=False, evidence=evidence)
    if fits and more >= 0.06 and not stood_beside(value, base, np.sort(present)):
        return Finding(
            Reason.DEFAULT,
            (name,),
            f"is {value:g} in {share:.0%} of the rows instead of {usual:.0%}",
            where,
            left,
            evidence=evidence,
        )
    return None


def stood_beside(value: float, base: Numbers, present: np.ndarray) -> bool:
    """Whether half of a value's new rows had values close to it before; `present`: ascending.

    Then the values stand where they stood, and are rounded or converted otherwise, as 10.1 km that become 9.9. A
    default takes the place of values of every size, so its neighbours lose no more than all others.
    """
    least, most = np.quantile(base.ordered, [0.05, 0.95])
    reach = NEAR * float(most - least)

    def shares(values: np.ndarray) -> tuple[float, float]:
        """Of the value, and of what is close to it."""
        low, own = np.searchsorted(values, [value - reach, value]).tolist()
        beyond, high = np.searchsorted(values, [value, value + reach], side="right").tolist()
        return (beyond - own) / len(values), (high - low - (beyond - own)) / len(values)

    (usual, near), (share, left) = shares(base.ordered), shares(present)
    return near - left >= 0.5 * (share - usual)


def sticking(comparison: Comparison) -> Iterator[Finding]:
    """A value that is repeated for a run of rows: neighbours are equal far more often than in the reference.

    A reference without times does not say how often neighbours are equal. Then they must not be alike in any other
    column: a weekday is the same for hours, and so is the weather.
    """
    window, base = comparison.window, comparison.reference.window
    if window.arrived is None or len(window) < 30:
        return
    for name in [*comparison.reference.numbers, *comparison.reference.words]:
        values = window.columns[name]
        equal = equal_neighbours(values)
        usual = usual_equality(comparison, name)
        if comparison.unordered and (stuck := stuck_at(comparison, name, values)) is not None:
            yield stuck
            continue
        if float(equal.mean()) < usual + 0.15:
            continue
        if comparison.in_sequence(name):
            continue
        signal = equal.astype(np.float64)[:, None]
        best = stretches(signal, np.full(signal.shape, usual), np.array([True]), len(base))[0]
        inside = equal[best.first : max(best.first + 1, best.last - 1)]
        there = values[best.first : best.last]
        different = len(set(there[:4000].tolist()))
        runs = 1 + int((~inside).sum())
        # one usual value again and again does not stick: there must be several runs of different values
        if (
            best.z < 9
            or inside.mean() < 0.6 + 0.4 * usual
            or different < 3
            or runs < 4
            or different < 0.4 * min(runs, 12)
        ):
            continue
        if len(inside) / runs < 3 / max(0.05, 1 - usual):
            continue
        counts = np.unique(there.astype(str), return_counts=True)[1] / len(there)
        if inside.mean() < float((counts**2).sum()) + 0.3:
            continue  # neighbours are equal because one value is frequent
        yield Finding(
            Reason.CONSTANT,
            (name,),
            f"repeats each value for a run of about {len(inside) / runs:.0f} rows",
            best.places,
            certain=True,
            evidence={"equal_neighbours": round(float(inside.mean()), 3), "usual": round(usual, 3)},
        )


def stuck_at(comparison: Comparison, name: str, values: np.ndarray) -> Finding | None:
    """One value for a run of rows that is far longer than all others of the window, and that is rare in the reference:
    a sensor whose last reading stays, also where each of its readings lasts for a while."""
    edges = np.flatnonzero(np.concatenate([[True], ~equal_neighbours(values), [True]]))
    lengths = np.diff(edges)
    if len(lengths) < FEWEST_OTHERS:
        return None
    longest = int(lengths.argmax())
    first, length = int(edges[longest]), int(lengths[longest])
    others = np.delete(lengths, longest)
    value = values[first]
    if length < max(FEWEST_STUCK, SHORTEST * len(values)) or length < FAR_LONGER * others.max():
        return None
    numbers, words = comparison.reference.numbers.get(name), comparison.reference.words.get(name)
    usual = numbers.share_of(value) if numbers is not None else words.shares.get(value, 0.0) if words is not None else 1
    if usual > RARE:
        return None
    said = f"{value:g}" if numbers is not None else repr(value)
    evidence = {"rows": length, "longest_before": int(others.max()), "usual_share": round(float(usual), 4)}
    what = f"is {said} in {length:,} rows in sequence, where no other value lasts for more than {others.max():,}"
    return Finding(Reason.CONSTANT, (name,), what, np.arange(first, first + length), certain=True, evidence=evidence)


def equal_neighbours(values: np.ndarray) -> np.ndarray:
    if values.dtype == object:
        return np.equal(values[1:], values[:-1]) & ~absent(values[1:])
    return values[1:] == values[:-1]


def usual_equality(comparison: Comparison, name: str) -> float:
    """How often neighbours are equal in the reference: in its order, or if the rows were in any order."""
    kept = comparison.reference.kept
    key = f"equal {name}"
    if key not in kept:
        window = comparison.reference.window
        shares = (
            comparison.reference.numbers[name].unique[1]
            if name in comparison.reference.numbers
            else np.array(list(comparison.reference.words[name].shares.values()))
        )
        by_chance = float((shares**2).sum())
        ordered = 0.0
        if window.arrived is not None and len(window) > 1:
            order = np.argsort(window.arrived, kind="stable")
            ordered = float(equal_neighbours(window.columns[name][order]).mean())
        kept[key] = {"": np.array([max(by_chance, ordered)])}
    return float(kept[key][""][0])


def counters(comparison: Comparison) -> Iterator[Finding]:
    """A counter, a running total or a number of the row: the values follow the order of arrival."""
    for name, column in comparison.changed.items():
        base: Numbers | None = comparison.reference.numbers.get(name)
        if base is None:
            continue
        inner = column.stretch.inner
        values = comparison.window.columns[name][inner]
        values = values[~np.isnan(values)]
        if len(values) < 20 or len(np.unique(values)) < 0.3 * min(len(values), 50):
            continue
        steps = np.diff(values)
        rising = float((steps >= 0).mean())
        every = comparison.window.columns[name]
        if kolmogorov(base.ordered, np.sort(every[~np.isnan(every)])) < 0.08:
            continue  # the usual values, sorted
        if rising < 0.97 or float((steps > 0).mean()) < 0.2:
            continue
        if usual_rising(comparison, name) > 0.93:
            continue
        if comparison.unordered and float(values.min()) >= float(np.quantile(base.ordered, LATEST)):
            continue  # what has always risen goes on where the reference ends
        yield Finding(
            Reason.FOREIGN,
            (name,),
            "rises from row to row like a counter",
            column.stretch.places,
            certain=True,
            evidence={"rising": round(rising, 3)},
        )


def usual_rising(comparison: Comparison, name: str) -> float:
    window = comparison.reference.window
    if window.arrived is None:
        return 0.5
    values = window.columns[name][np.argsort(window.arrived, kind="stable")]
    return float((np.diff(values[~np.isnan(values)]) >= 0).mean())
