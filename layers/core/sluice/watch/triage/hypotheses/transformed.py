"""One formula maps the usual values onto the new ones: factor, constant, sign, logarithm, standardisation, and so on.

Each candidate is applied to the reference's values. It explains the window if the result, or a mixture of it with the
unchanged reference, has the window's distribution. The share of the mixture says whether all rows are affected or a
part (mixed units). Where values recur, they must also be the transformed values of the reference exactly: a real
change gives each row its own factor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from sluice.watch.triage.comparison import Column, Comparison
from sluice.watch.triage.distance import allowed, ascending, by_chance, cdf, kolmogorov
from sluice.watch.triage.finding import Finding
from sluice.watch.triage.profile import Numbers, words_of
from sluice.watch.triage.window import Reason

FACTORS = {
    1000.0: "× 1000", 100.0: "× 100", 10.0: "× 10", 1e6: "× 1,000,000", 60.0: "× 60", 3600.0: "× 3600", 24.0: "× 24",
    86_400.0: "× 86,400", 7.0: "× 7", 12.0: "× 12", 1024.0: "× 1024", 2.0: "× 2", 1.609344: "× 1.609 (miles, km)",
    2.54: "× 2.54 (inches, cm)", 3.28084: "× 3.281 (metres, feet)", 2.204623: "× 2.205 (kg, pounds)",
    4.184: "× 4.184 (calories, joules)", 28.349523: "× 28.35 (ounces, grams)", 3.785412: "× 3.785 (gallons, litres)",
    3.6: "× 3.6 (m/s, km/h)", 1.852: "× 1.852 (nautical miles, km)", 57.29578: "× 57.3 (radians, degrees)",
    1440.0: "× 1440", 365.25: "× 365.25", 30.4375: "× 30.4", 4.0: "× 4", 16.0: "× 16", 255.0: "× 255", 1e4: "× 10,000",
}  # fmt: skip
"""Factors between units that people use, and how they are written. Each counts upward and downward."""
EXACT = 0.1
"""Values that recur exactly are worth this much distance."""
WHOLE = 0.88
"""From this share of the rows of a stretch on, all of it counts as affected: the borders are known to 2 % only."""

MAX_SEGMENTS = 12
DIFFERENT = 1e-6
"""The probability by chance of the difference of a segment from itself in the reference."""
FAR = 6.0
"""Standard score of the values that are far beyond the reference, from which on they alone are evidence."""


@dataclass(frozen=True)
class Candidate:
    """`apply` maps ascending reference values onto any order; `undo` maps back, where that is possible.

    `free`: its parameters were fitted to the window, so that it explains more by itself.
    """

    reason: Reason
    what: str
    apply: Callable[[np.ndarray], np.ndarray]
    undo: Callable[[np.ndarray], np.ndarray] | None = None
    free: bool = False
    partly: bool = True
    cost: float = 0.0


def transformed(comparison: Comparison) -> Iterator[Finding]:
    for name, column in comparison.changed.items():
        if name in comparison.reference.numbers:
            yield from of_column(comparison, name, column)


def of_column(comparison: Comparison, name: str, column: Column) -> Iterator[Finding]:
    values = comparison.window.columns[name]
    inner = column.stretch.inner
    base = comparison.base_numbers(name, inner)
    new = np.sort(values[inner][~np.isnan(values[inner])])
    if len(new) < 8 or base.rows < 30:
        return
    before = kolmogorov(base.ordered, new)
    best = best_candidate(comparison, column, base, new, before) if before >= 0.04 else None
    if best is None and base.share_of(0.0) > 0.2 and before < 0.5:
        # most formulas leave 0 where it is: the other values tell more
        base = Numbers(name, base.ordered[base.ordered != 0], 0.0)
        new = new[new != 0]
        before = kolmogorov(base.ordered, new)
        if len(new) >= 20 and base.rows >= 30 and before >= 0.1:
            best = best_candidate(comparison, column, base, new, before)
    if best is None:
        return
    candidate, share, misfit, exact, group = best
    reason, what = candidate.reason, candidate.what
    if share < WHOLE and reason is Reason.SCALE:
        reason, what = Reason.MIXED_UNITS, f"{what} in {share:.0%} of the rows{group}"
    yield Finding(
        reason,
        (name,),
        what,
        column.stretch.places,
        misfit,
        certain=sure(column, candidate, share, exact, before, misfit)
        # a warmer season is an offset as well, and values with few digits are usual values again after any
        and not (reason is Reason.OFFSET and comparison.without_precedent(name)),
        evidence={"distance_before": round(before, 4), "distance_after": round(misfit, 4), "share": round(share, 3)},
    )


def segment_of(comparison: Comparison, name: str, candidate: Candidate, share: float, rows: np.ndarray) -> str:
    """The value of another column whose rows have all changed by this formula, while the rows of all other values have
    not, in words; empty if there is none."""
    values, every = comparison.window.columns[name][rows], comparison.reference.window.columns[name]
    for other, base in comparison.reference.words.items():
        if base.free:
            continue
        now, usual = (
            words_of(comparison.window.columns[other])[rows],
            words_of(comparison.reference.window.columns[other]),
        )
        for word, part in list(base.shares.items())[:MAX_SEGMENTS]:
            if not 0.5 * share < part < 2 * share:
                continue
            inside, there = np.equal(now, word).astype(bool), np.equal(usual, word).astype(bool)
            mapped, rest = ascending(candidate.apply(ascending(every[there]))), ascending(every[~there])
            mine, others = ascending(values[inside]), ascending(values[~inside])
            if min(map(len, (mapped, rest, mine, others))) < 20:
                continue
            if by_chance(kolmogorov(ascending(every[there]), mine), int(there.sum()), len(mine)) > DIFFERENT:
                continue
            unexplained = kolmogorov(mapped, mine) > allowed(len(mapped), len(mine)) + 0.02
            if not unexplained and kolmogorov(rest, others) <= allowed(len(rest), len(others)) + 0.02:
                return f", all that have {other} {word!r}"
    return ""


def sure(column: Column, candidate: Candidate, share: float, exact: bool | None, before: float, misfit: float) -> bool:
    """Whether no real change looks like this: values recur exactly, or leave all that is usual by a known factor."""
    if share < WHOLE and column.scores.get("far", 0.0) < FAR:
        return False
    return bool(exact) or (not candidate.free and before > 0.5 and misfit < 0.1 * before)


def best_candidate(
    comparison: Comparison, column: Column, base: Numbers, new: np.ndarray, before: float
) -> tuple[Candidate, float, float, bool | None, str] | None:
    """(candidate, share of the rows, distance that is left, whether values recur exactly, the segment that these rows
    are) of the best that explains."""
    name = column.name
    at = np.unique(np.concatenate([quantiles(new, 160), quantiles(base.ordered, 60)]))
    now, usual = cdf(new, at), cdf(base.ordered, at)
    limit = max(allowed(len(new), base.rows) + 0.02, min(0.25, 0.8 * comparison.usual_size(name)))
    found = []
    for candidate in candidates(base.ordered, new):
        mapped = np.sort(candidate.apply(base.ordered))
        there = cdf(mapped, at)
        apart = there - usual
        power = float(apart @ apart)
        if power < 1e-6:
            continue
        share = float(np.clip((now - usual) @ apart / power, 0.0, 1.0))
        if share < 0.05 or (not candidate.partly and share < WHOLE):
            continue
        share = 1.0 if share >= 0.97 else share
        misfit = float(np.abs(now - usual - share * apart).max())
        if misfit <= min(limit, 0.4 * before):
            found.append((misfit + candidate.cost + (0.04 if share < WHOLE else 0.0), candidate, share, misfit))
    found.sort(key=lambda each: each[0])
    best: tuple[float, Candidate, float, float, bool | None, str] | None = None
    for score, candidate, share, misfit in found[:12]:
        exact = recurs(comparison.reference.numbers[name], candidate, new, share)
        score -= EXACT if exact else 0.0
        if exact is False or (best is not None and score >= best[0]):
            continue
        group = ""
        if share < WHOLE and candidate.reason is Reason.SCALE and not exact and column.scores.get("far", 0.0) <= FAR:
            # a factor and a share together fit the mixture of two real populations, too
            group = segment_of(comparison, name, candidate, share, column.stretch.inner)
            if not group:
                continue
        best = score, candidate, share, misfit, exact, group
    return None if best is None else best[1:]


def recurs(reference: Numbers, candidate: Candidate, new: np.ndarray, share: float) -> bool | None:
    """Whether the window's values, mapped back, are values of the reference; None if this cannot be tested."""
    if candidate.undo is None or reference.seen < 0.5:
        return None
    back = candidate.undo(new)
    nonzero = (back != 0) & (new != 0)
    usual = reference.ordered[reference.ordered != 0]
    if nonzero.sum() < 8 or len(usual) < 30:
        return None
    expected = Numbers("", usual, 0.0).seen
    if expected < 0.5:
        return None
    hits = float((reference.known(back[nonzero])).mean())
    direct = float((reference.known(new[nonzero])).mean())
    if hits < 0.75 * expected * share:
        return None if candidate.free else False
    # if the values as they are recur as often, recurrence says nothing
    return True if direct < expected * (1 - 0.5 * share) else None


def candidates(base: np.ndarray, new: np.ndarray) -> Iterator[Candidate]:
    """Every formula with its parameters; `base` and `new` are ascending."""
    for factor, text in FACTORS.items():
        yield scale(factor, text)
        yield scale(1 / factor, "÷" + text[1:])
    if (base[0] >= 0 and new[0] < 0 and new[-1] <= 0) or base[-1] > 0 > new[0]:
        yield Candidate(Reason.SIGN, "has the opposite sign", np.negative, np.negative, cost=-0.005)
    if base[0] == 0 and base[-1] == 1 and np.isin(base, (0.0, 1.0)).all():
        yield Candidate(Reason.INVERTED, "is inverted: 0 for 1", lambda v: 1 - v, lambda v: 1 - v, cost=-0.01)
    yield from constants(base, new)
    yield from curves(base, new)
    yield from digits(base)
    ratio = free_factor(base, new)
    if ratio is not None:
        yield scale(ratio, f"× {ratio:.4g}", free=True, cost=0.01)
    for factor in np.exp(np.linspace(-3.2, 3.2, 65)):
        if abs(np.log(factor)) > 0.3:
            yield scale(float(factor), f"about × {factor:.2g}", free=True, cost=0.015)
    for slope, shift in fits(base, new):
        yield Candidate(
            Reason.SCALE, f"is {slope:.4g} × the usual value {shift:+.4g}",
            line(slope, shift), None, free=True, partly=False, cost=0.015,
        )  # fmt: skip


def scale(factor: float, text: str, free: bool = False, cost: float = 0.0) -> Candidate:
    return Candidate(Reason.SCALE, text, lambda v: v * factor, lambda v: v / factor, free, cost=cost)


Formula = Callable[[np.ndarray], np.ndarray]


def line(slope: float, shift: float) -> Formula:
    return lambda v: slope * v + shift


def growing(most: float) -> Formula:
    """Each value with every offset from 0 to `most`."""
    part = np.linspace(0, most, 21)
    return lambda v: (v[:: max(1, len(v) // 400)][:, None] + part).ravel()


def overflowing(limit: float) -> Formula:
    return lambda v: np.mod(v, limit)


def constants(base: np.ndarray, new: np.ndarray) -> Iterator[Candidate]:
    tops = [np.unique(values, return_counts=True) for values in (base, new)]
    shifts = [float(np.median(new) - np.median(base)), float(new[0] - base[0])]
    shifts.append(float(tops[1][0][tops[1][1].argmax()] - tops[0][0][tops[0][1].argmax()]))
    spread = float(base.std())
    for shift in dict.fromkeys(round(each, 9) for each in shifts):
        if abs(shift) > 0.1 * spread > 0:
            yield Candidate(
                Reason.OFFSET, f"has {shift:+.4g} added", line(1.0, shift), line(1.0, -shift),
                free=True, partly=False, cost=0.004,
            )  # fmt: skip
    growth = 2 * float(new.mean() - base.mean())
    if abs(growth) > 0.3 * spread > 0:
        yield Candidate(
            Reason.OFFSET, f"has an offset that grows up to {growth:.4g}",
            growing(growth), free=True, partly=False, cost=0.012,
        )  # fmt: skip
    yield Candidate(
        Reason.SCALE, "is in °F instead of °C", lambda v: v * 1.8 + 32, lambda v: (v - 32) / 1.8, partly=False
    )
    yield Candidate(
        Reason.SCALE, "is in °C instead of °F", lambda v: (v - 32) / 1.8, lambda v: v * 1.8 + 32, partly=False
    )
    yield Candidate(Reason.OFFSET, "is in K instead of °C", lambda v: v + 273.15, lambda v: v - 273.15, partly=False)


def curves(base: np.ndarray, new: np.ndarray) -> Iterator[Candidate]:
    yield Candidate(
        Reason.SCALE, "is the logarithm log(1 + x)", lambda v: np.log1p(np.maximum(v, 0)), np.expm1, partly=False
    )
    if base[0] > 0:
        yield Candidate(Reason.SCALE, "is the natural logarithm", np.log, np.exp, partly=False)
        yield Candidate(
            Reason.SCALE, "is the decimal logarithm", np.log10, lambda v: 10.0 ** np.clip(v, -300, 300), partly=False
        )
    if base[0] >= 0:
        yield Candidate(Reason.SCALE, "is the square root", np.sqrt, np.square, partly=False)
    deviation, mean, reach = float(base.std()), float(base.mean()), float(base[-1] - base[0])
    if deviation > 0:
        yield Candidate(
            Reason.SCALE, "is standardised", lambda v: (v - mean) / deviation, None, free=True, partly=False, cost=0.004
        )
    if reach > 0 and new[0] >= -1e-9 and new[-1] <= 1 + 1e-9 and base[-1] > 1:
        yield Candidate(
            Reason.SCALE, "is scaled to 0…1", lambda v: (v - base[0]) / reach, None, free=True, partly=False, cost=0.004
        )
    for power in range(1, 41):
        limit = 2.0**power
        if np.quantile(base, 0.25) < limit < base[-1] and new[-1] < limit:
            yield Candidate(Reason.CLIPPED, f"starts at 0 again above {limit:.0f}", overflowing(limit))


def digits(base: np.ndarray) -> Iterator[Candidate]:
    if base[-1] >= 1000:
        yield Candidate(
            Reason.MIXED_UNITS, "is cut at the separator of thousands",
            lambda v: np.where(np.abs(v) >= 1000, np.trunc(v / 1000), v),
        )  # fmt: skip
    yield Candidate(
        Reason.MIXED_UNITS, "has its decimal point moved by one place, up or down",
        lambda v: np.concatenate([v[::2] * 10, v[1::2] / 10]), cost=0.003,
    )  # fmt: skip
    if (base != np.rint(base)).any():
        yield Candidate(Reason.MIXED_UNITS, "has lost its decimal point", without_point, cost=0.002)


def without_point(values: np.ndarray) -> np.ndarray:
    """The digits of each value without the decimal point: 12.5 → 125."""
    unique, inverse = np.unique(values, return_inverse=True)
    found = [float(f"{value:.6f}".rstrip("0").replace(".", "") or 0) for value in unique]
    return np.array(found)[inverse]


def free_factor(base: np.ndarray, new: np.ndarray) -> float | None:
    """The median ratio of quantiles that are not 0."""
    at = np.linspace(0.05, 0.95, 37)
    one, other = np.quantile(base, at), np.quantile(new, at)
    kept = (one != 0) & (other != 0) & (np.sign(one) == np.sign(other))
    if kept.sum() < 8:
        return None
    ratio = float(np.median(other[kept] / one[kept]))
    return ratio if abs(np.log(abs(ratio))) > 0.08 else None


def fits(base: np.ndarray, new: np.ndarray) -> Iterator[tuple[float, float]]:
    """Straight lines through the quantiles of both samples, or by their deviations and medians."""
    if base.std() > 0 and new.std() > 0:
        slope = float(new.std() / base.std())
        if abs(slope - 1) > 0.12:  # else it is an offset
            yield slope, float(np.median(new) - slope * np.median(base))
    at = np.linspace(0.03, 0.97, 48)
    one, other = np.quantile(base, at), np.quantile(new, at)
    if np.ptp(one) > 0 and np.ptp(other) > 0 and np.corrcoef(one, other)[0, 1] > 0.99:
        slope, shift = np.polyfit(one, other, 1)
        if slope > 0 and abs(slope - 1) > 0.12 and abs(shift) > 1e-9:
            yield float(slope), float(shift)


def quantiles(values: np.ndarray, number: int) -> np.ndarray:
    """`number` of the ascending values, evenly spaced."""
    return values[np.unique(np.linspace(0, len(values) - 1, number).astype(np.int64))]
