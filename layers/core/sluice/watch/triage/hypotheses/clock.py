"""The sender's clock: times that cannot be, or that lie a constant distance from the arrivals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sluice.watch.triage.clock_columns import units
from sluice.watch.triage.comparison import Comparison
from sluice.watch.triage.distance import allowed, ascending, kolmogorov
from sluice.watch.triage.finding import Finding
from sluice.watch.triage.profile import counts_of, words_of
from sluice.watch.triage.window import Reason

DAY = 86_400.0
ALL = 0.95
HOUR, QUARTER = 3600.0, 900.0
"""Time zones are whole quarters of an hour apart."""
FARTHEST_ZONE = 14.1 * HOUR
SMALL = 300.0
"""Seconds by which clocks may differ."""
FEWEST, APART = 60, 0.2
"""Rows, and the distance of their times from the usual ones, from which on a shift of all of them is looked for."""


def clocks(comparison: Comparison) -> Iterator[Finding]:
    """Compares each column of times with the arrivals, as far as the reference's times follow its arrivals."""
    window, base = comparison.window, comparison.reference.window
    if window.arrived is None or base.arrived is None:
        return
    for name in window.times:
        if name not in base.columns:
            continue
        usual = base.columns[name] - base.arrived
        usual = usual[np.isfinite(usual)]
        away = window.columns[name] - window.arrived
        if len(usual) < 30 or float(np.quantile(np.abs(usual), 0.99)) > 30 * DAY:
            continue  # a time that is not that of the request, such as a date of birth
        low, high = np.quantile(usual, [0.002, 0.998])
        slack = SMALL + 0.5 * (high - low)
        # what never lies after the arrival cannot, however long before it the times usually lie
        above = high + (SMALL if high <= SMALL else slack)
        wrong = np.isfinite(away) & ((away < low - slack) | (away > above))
        if wrong.sum() < 4 or float(wrong.mean()) < 0.01:
            yield from moved(comparison, name, np.sort(usual), away)
            continue
        what = said(away[wrong], window.columns[name][wrong], window.arrived[wrong])
        if what is None:
            continue
        kind = source(comparison, wrong)
        reason = Reason.ONE_SOURCE if kind else Reason.CLOCK
        columns = (name, *calendar_columns(comparison)) if not kind else (name,)
        yield Finding(
            reason, columns, f"{what} in {wrong.mean():.0%} of the rows{kind}", np.flatnonzero(wrong), 0.0, True,
            {"median_seconds_away": float(np.median(away[wrong]))},
        )  # fmt: skip
        return


def moved(comparison: Comparison, name: str, usual: np.ndarray, away: np.ndarray) -> Iterator[Finding]:
    """All times lie some quarters of an hour farther away than usual, and not too far for a single one to be wrong.
    Late deliveries are later by more or less, each by its own."""
    now = ascending(away)
    before = kolmogorov(usual, now)
    if len(now) < FEWEST or before < APART:
        return
    middle = QUARTER * round(float(np.median(now) - np.median(usual)) / QUARTER)
    shifts = [shift for shift in middle + QUARTER * np.arange(-2, 3) if HOUR <= abs(shift) <= FARTHEST_ZONE]
    left = {float(shift): kolmogorov(usual + shift, now) for shift in shifts}
    if left and min(left.values()) <= min(allowed(len(usual), len(now)), 0.3 * before):
        shift = min(left, key=left.__getitem__)
        what = f"is {shift / HOUR:+.4g} hours away, as in another time zone, in all rows"
        evidence = {"distance_before": round(before, 4), "distance_after": round(left[shift], 4)}
        yield Finding(Reason.CLOCK, (name,), what, np.arange(len(away)), left[shift], True, evidence)


def contradicted(comparison: Comparison) -> Iterator[Finding]:
    """Categories that no longer say what the clock says: one value stands for all, or each for another one. If rows
    come in any order, neither holds."""
    for name in comparison.reference.clock:
        agrees = comparison.by_clock(name)
        if name not in comparison.reference.words or agrees is None or (~agrees).sum() < max(10, 0.05 * len(agrees)):
            continue
        words = words_of(comparison.window.columns[name])
        unit, values, _ = comparison.reference.clock[name]
        moment = units(comparison.window.arrived[~agrees])[unit]  # type: ignore[index]
        given: dict[object, dict[str, int]] = {}
        for number in np.unique(moment):
            there = counts_of(words[~agrees][moment == number])
            expected = given.setdefault(values.get(int(number)), {})
            for word, count in there.items():
                expected[word] = expected.get(word, 0) + count
        every = counts_of(words[~agrees])
        total = max(1, sum(every.values()))
        evidence = {"rows": int((~agrees).sum())}
        if max(every.values(), default=0) > ALL * total:
            word = max(every, key=lambda each: every[each])
            what = f"is {word!r} in {total:,} rows that came at other times"
            yield Finding(Reason.DEFAULT, (name,), what, np.flatnonzero(~agrees), 0.0, True, evidence)
        elif sum(max(each.values(), default=0) for each in given.values()) > ALL * total and len(given) > 1:
            what = "has for each value another one than the clock says"
            yield Finding(Reason.RENAMED, (name,), what, np.flatnonzero(~agrees), 0.0, True, evidence)


def said(away: np.ndarray, times: np.ndarray, arrived: np.ndarray) -> str | None:
    """What is wrong with these times; None if they may be late deliveries."""
    if float(np.mean(np.abs(times) < DAY)) > 0.5:
        return "is 1970-01-01, which stands for an unknown time,"
    if float(np.mean(np.abs(times * 1000 - arrived) < 30 * DAY)) > 0.5:
        return "is in seconds read as milliseconds"
    if float(np.mean(np.abs(times / 1000 - arrived) < 30 * DAY)) > 0.5:
        return "is in milliseconds read as seconds"
    years = away / (365.2425 * DAY)
    if float(np.mean(np.abs(np.abs(years) - 100) < 0.1)) > 0.5:
        return "is a century away"
    middle = float(np.median(away))
    if float(np.mean(np.abs(away - middle) < 90)) > 0.8:
        if abs(middle / QUARTER - round(middle / QUARTER)) < 0.1 and abs(middle) <= FARTHEST_ZONE:
            return f"is {middle / 3600:+.4g} hours away, as in another time zone,"
        return f"is {middle / DAY:+.3g} days away"
    if swapped(times, arrived) > 0.7:
        return "has day and month swapped"
    if float(np.mean(away > 60)) > 0.3:
        return "lies in the future"
    if len(np.unique(times)) < 0.3 * len(times):
        return "is the same for many rows, as of a batch,"
    if float(np.mean(np.abs(away) > 366 * DAY)) > 0.5:
        return "is more than a year away"
    return None


def swapped(times: np.ndarray, arrived: np.ndarray) -> float:
    """The share of times that are near the arrival when day and month are exchanged."""
    whole = times.astype("datetime64[s]")
    months = whole.astype("datetime64[M]")
    day = (whole.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64) + 1
    month = months.astype(np.int64) % 12 + 1
    fits = day <= 12
    years = months.astype("datetime64[Y]")
    back = (years.astype("datetime64[M]") + (day - 1)).astype("datetime64[D]") + (month - 1)
    moment = whole - whole.astype("datetime64[D]")
    seconds = (back.astype("datetime64[s]") + moment).astype(np.int64)
    return float(np.mean(fits & (np.abs(seconds - arrived) < 2 * DAY)))


def source(comparison: Comparison, wrong: np.ndarray) -> str:
    """Which client or host all wrong rows have, if it is one of several."""
    for kind, sources in (("client", comparison.window.client), ("host", comparison.window.host)):
        if sources is None:
            continue
        blamed = counts_of(sources[wrong])
        if len(blamed) == 1 and len(counts_of(sources)) > 1 and wrong.sum() >= 6:
            one = next(iter(blamed))
            if float(np.mean(np.equal(sources, one))) < 0.9:
                return f", all of {kind} {one}"
    return ""


def calendar_columns(comparison: Comparison) -> tuple[str, ...]:
    """Nothing yet names the columns that are computed from the clock; they are left to the reader."""
    return ()
