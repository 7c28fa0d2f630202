"""Stand-ins and losses in one column: nulls, sentinels, defaults, constants, values that stick, limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

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
"""A value that stays: the least number of other runs in the window, of its rows, and its share of the window; how many
times as long as any other run it lasts; and its greatest share of the reference."""
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


@dataclass(frozen=True)
class Spike:
    """One number that has become frequent in a column."""

    name: str
    value: float
    share: float
    usual: float
    """Its share in the reference."""
    present: np.ndarray
    base: Numbers
    """The reference's values of the same stretch."""
    low: float
    high: float
    """Ends of the whole reference."""
    where: np.ndarray

    @property
    def more(self) -> float:
        """The share of the other rows whose place it has taken."""
        return (self.share - self.usual) / max(1e-9, 1 - self.usual)

    @cached_property
    def rest(self) -> np.ndarray:
        """The other values, ascending."""
        return np.sort(self.present[self.present != self.value])

    @cached_property
    def left(self) -> float:
        """How far the other values are from the reference's other values."""
        others = self.base.ordered[self.base.ordered != self.value]
        return kolmogorov(others, self.rest) if len(self.rest) else 0.0

    @cached_property
    def fits(self) -> bool:
        others = int((self.base.ordered != self.value).sum())
        return self.left <= allowed(len(self.rest), others) + 0.02

    def found(self, reason: Reason, what: str, misfit: float = 0.0, *, certain: bool = False) -> Finding:
        evidence = {"value": self.value, "share": round(self.share, 4), "usual_share": round(self.usual, 4)}
        return Finding(reason, (self.name,), what, self.where, misfit, certain=certain, evidence=evidence)


def spike(comparison: Comparison, name: str, column: Column) -> Finding | None:
    values = comparison.window.columns[name]
    whole = comparison.reference.numbers[name]
    inner = values[column.stretch.inner]
    value = spike_of(whole, inner)
    if value is None:
        return None
    present = inner[~np.isnan(inner)]
    base = comparison.base_numbers(name, column.stretch.inner)
    where = column.stretch.places[values[column.stretch.places] == value]
    share, usual = float((present == value).mean()), base.share_of(value)
    seen = Spike(name, value, share, usual, present, base, whole.ordered[0], whole.ordered[-1], where)
    # neighbours that resemble each other count as one, unless the value itself is a new one
    once = column.together if usual > 0 else 1.0
    hits, rows, base_rows = (count / once for count in ((present == value).sum(), len(present), base.rows))
    if seen.more < 0.04 or shares_differ(hits, rows, usual * base_rows, base_rows) < CERTAIN_Z:
        return None
    return constant(seen, comparison) or sentinel(seen) or clipped(seen) or default(seen)


def constant(seen: Spike, comparison: Comparison) -> Finding | None:
    if seen.share < 0.97 or seen.usual >= 0.8:
        return None
    # the number of the month is constant as well, and a new one each month
    outside = seen.value < seen.low or seen.value > seen.high
    certain = (outside or seen.usual < 0.5) and not comparison.without_precedent(seen.name)
    return seen.found(Reason.CONSTANT, f"is {seen.value:g} in every row", certain=certain)


def sentinel(seen: Spike) -> Finding | None:
    """A value that stands for unknown: it lies apart from the others, or is one that people use for it."""
    value, low, high = seen.value, seen.low, seen.high
    known = value in SENTINELS
    outside = value < low or value > high
    alone = float(np.mean((seen.present < low) | (seen.present > high))) < 1.2 * seen.share + 0.01
    if outside and alone and (known or seen.fits):
        gap = min(abs(value - low), abs(value - high))
        if known or gap > 0.02 * max(1e-12, high - low):
            what = f"is {value:g}, outside the usual values, in {seen.share:.0%} of the rows"
            return seen.found(Reason.SENTINEL, what, seen.left, certain=True)
    if known and seen.usual < 0.02 and seen.fits and abs(value) > 50:
        what = f"is {value:g}, a value for unknown, in {seen.share:.0%} of the rows"
        return seen.found(Reason.SENTINEL, what, seen.left, certain=True)
    return None


def clipped(seen: Spike) -> Finding | None:
    """The value is a limit, which all values beyond it have become."""
    value, base, present = seen.value, seen.base, seen.present
    for above in (True, False):
        beyond = float(np.mean(base.ordered > value) if above else np.mean(base.ordered < value))
        past = float(np.mean(present > value) if above else np.mean(present < value))
        if (
            beyond > 0.02
            and past <= 0.02 * beyond + 1e-9
            and 0.5 * (beyond + seen.usual) <= seen.share <= 1.6 * (beyond + seen.usual) + 0.03
        ):
            limited = np.minimum(base.ordered, value) if above else np.maximum(base.ordered, value)
            misfit = kolmogorov(np.sort(limited), np.sort(present))
            if misfit <= allowed(len(present), base.rows) + 0.03:
                what = f"is never {'above' if above else 'below'} {value:g}, where {beyond:.0%} used to be"
                return seen.found(Reason.CLIPPED, what, misfit)
    return None


def default(seen: Spike) -> Finding | None:
    """It has taken the place of values of every size."""
    if not seen.fits or seen.more < 0.06 or stood_beside(seen.value, seen.base, np.sort(seen.present)):
        return None
    what = f"is {seen.value:g} in {seen.share:.0%} of the rows instead of {seen.usual:.0%}"
    return seen.found(Reason.DEFAULT, what, seen.left)


def stood_beside(value: float, base: Numbers, present: np.ndarray) -> bool:
    """Whether half of a value's new rows had values close to it before; `present`: ascending.

    Then the values stand where they stood, and are rounded or converted otherwise, as 10.1 km that become 9.9. A
    default takes the place of values of every size, so its neighbours lose no more than all others.
    """
    least, most = np.quantile(base.ordered, [0.05, 0.95])
    reach = NEAR * float(most - least)

    def shares(values: np.ndarray) -> tuple[float, float]:
        """The shares of the value itself, and of what is close to it."""
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
