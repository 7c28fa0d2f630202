"""How many rows count as one, since neighbours in time resemble each other.

Where the reference's rows have times, it says how long values usually last. Where they have none, its order is unknown,
and only the window's own rows can say it.
"""

from __future__ import annotations

import math

import numpy as np

from sluice.watch.triage.window import Window

PARTS, FEWEST_PARTS, FEWEST_OF_PART = 16, 8, 20
MEDIAN_OF_SQUARE = 0.455
"""The median of the square of a standard normal number (χ² with one degree of freedom)."""
FAR_BEYOND = 4.0


def persistence(signals: np.ndarray, arrived: np.ndarray | None, gap: float) -> np.ndarray:
    """How many rows count as one, for each signal, since neighbours in time resemble each other: (1 + r) ÷ (1 − r).

    r is the correlation of neighbours in the reference, carried over from their distance in time to `gap` seconds (an
    autoregressive process of order 1). Correlations within chance count as none.
    """
    if arrived is None or len(arrived) < 50 or not np.isfinite(arrived).all():
        return np.ones(signals.shape[1])
    order = np.argsort(arrived, kind="stable")
    ordered = signals[order]
    centred = ordered - ordered.mean(axis=0)
    power = (centred**2).mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(power > 1e-12, (centred[1:] * centred[:-1]).mean(axis=0) / power, 0.0)
    r = np.where(r < max(0.06, 4 / math.sqrt(len(order))), 0.0, np.minimum(r, 0.995))
    between = max(float(np.median(np.diff(arrived[order]))), 1.0)
    r = np.where(r > 0, np.maximum(r, 1e-9) ** min(4.0, max(0.1, gap / between)), 0.0)
    return (1 + r) / (1 - r)


def lasting(signals: np.ndarray, where_constant: float = np.nan) -> np.ndarray:
    """How many rows count as one, for each signal, by these rows alone; 1 within chance.

    The greater of two answers: that of the correlation of neighbours, and that of the means of PARTS parts of the rows,
    since rows that came at one instant are in any order. Both are medians: a change within the rows is in one part or
    between two, while values that last do so in all of them.

    `where_constant` counts for a signal that is constant in most parts, which say nothing of it; else it is infinite.
    """
    number = max(1, min(PARTS, len(signals) // FEWEST_OF_PART))
    size = len(signals) // number
    if size < 3:
        return np.full(signals.shape[1], where_constant if np.isfinite(where_constant) else np.inf)
    parts = signals[: number * size].reshape(number, size, -1)
    power = parts.var(axis=1)
    told = power > 1e-12
    r = np.where(told, _correlations(parts, np.maximum(power, 1e-12)), np.nan)
    # of a flag that is the same for whole parts, all rows in sequence say more
    whole = signals[None, : number * size]
    varies = whole.var(axis=1) > 1e-12
    seldom = varies[0] & (told.mean(axis=0) < 0.5)
    r = np.where(seldom, np.where(told, r, _correlations(whole, np.maximum(whole.var(axis=1), 1e-12))), r)
    if np.isfinite(where_constant):
        r = np.where(np.isnan(r), (where_constant - 1) / (where_constant + 1), r)
    unknown = np.isnan(r).all(axis=0)
    r = np.nanmedian(np.where(unknown, 0.0, r), axis=0)
    chance = 1 / math.sqrt(len(signals))
    r = np.where(r < max(0.06, 4 * chance), 0.0, np.minimum(0.995, r + 2 * chance))
    found = np.maximum((1 + r) / (1 - r), _by_means(parts, power))
    return np.where(unknown, np.inf, found)


def _correlations(parts: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Correlations of neighbours in each part. Short parts bias them by -(1 + 3r) ÷ rows, which is added (Kendall,
    Biometrika 41, 1954)."""
    centred = parts - parts.mean(axis=1, keepdims=True)
    r = (centred[:, 1:] * centred[:, :-1]).mean(axis=1) / power
    found: np.ndarray = r + (1 + 3 * r) / parts.shape[1]
    return found


def _by_means(parts: np.ndarray, power: np.ndarray) -> np.ndarray:
    """The variance of the parts' means ÷ that of means of so many independent rows, from the differences of parts that
    follow each other (von Neumann, Annals of Mathematical Statistics 12, 1941). 1 up to FAR_BEYOND: they are few."""
    if len(parts) < FEWEST_PARTS:
        return np.ones(parts.shape[2])
    steps = np.median(np.diff(parts.mean(axis=1), axis=0) ** 2, axis=0) / (2 * MEDIAN_OF_SQUARE)
    within = np.maximum(power.mean(axis=0), 1e-12)
    found = parts.shape[1] * steps / within
    return np.where(found > FAR_BEYOND, found, 1.0)


def together(
    base: np.ndarray, now: np.ndarray, reference: Window, window: Window, where_constant: float = np.nan
) -> tuple[np.ndarray, np.ndarray]:
    """How many rows of the window count as one, for each signal: in the reference, and at most by the window itself.

    A reference may lie in another order than requests come, so the window's own neighbours count, too. A signal that is
    constant in the window says nothing of them: infinite.

    Of a reference without times, only the window says for how long values usually last (`lasting`): both are what it
    says. A signal that the reference never shows counts row by row, as it does with times.
    """
    if reference.arrived is None and len(now) >= 3:
        own = np.where(base.std(axis=0) > 1e-9, lasting(now, where_constant), 1.0)
        return own, own
    at = window.arrived
    gap = 0.0 if at is None or len(at) < 2 else float(np.ptp(at)) / (len(at) - 1)
    usual = persistence(base, reference.arrived if len(base) == len(reference) else None, gap)
    centred = now - now.mean(axis=0) if len(now) else now
    if len(now) < 3:
        return usual, np.full(len(usual), np.inf)
    power = (centred**2).mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(power > 1e-12, (centred[1:] * centred[:-1]).mean(axis=0) / power, 0.0)
    r = np.minimum(0.995, np.maximum(r, 0.0) + 2 / math.sqrt(len(now)))
    return usual, np.where(power > 1e-12, (1 + r) / (1 - r), np.inf)
