"""How many rows count as one, since neighbours in time resemble each other.

Where the reference's rows have times, it says how long values usually last. Where they have none, its order is unknown,
and only the window's own rows can say it.
"""

from __future__ import annotations

import math

import numpy as np

from sluice.watch.triage.window import Window

PARTS = 8
FEWEST_OF_PART = 20


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


def correlations(signals: np.ndarray) -> np.ndarray:
    """The correlation of neighbours, for each signal, in each of up to PARTS parts of the rows: parts × signals.

    A change within the rows is in one part only, while a column whose values last does so in all of them. NaN in a part
    in which a signal is constant. Short parts bias the correlation downwards by (1 + 3r) ÷ rows, which is added
    (Kendall, Biometrika 41, 1954).
    """
    number = max(1, min(PARTS, len(signals) // FEWEST_OF_PART))
    size = len(signals) // number
    if size < 3:
        return np.full((1, signals.shape[1]), np.nan)
    parts = signals[: number * size].reshape(number, size, -1)
    centred = parts - parts.mean(axis=1, keepdims=True)
    power = (centred**2).mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        r = (centred[:, 1:] * centred[:, :-1]).mean(axis=1) / power
    return np.where(power > 1e-12, r + (1 + 3 * r) / size, np.nan)


def resemblance(signals: np.ndarray, where_constant: float = 0.0) -> np.ndarray:
    """The correlation of neighbours, for each signal: the median of the parts. 0 within chance, else with a margin.

    `where_constant` counts in the parts in which a signal is constant, which say nothing of it themselves. NaN: they do
    not count, and of a signal that is constant in all of them nothing is known (NaN).
    """
    r = correlations(signals)
    r = np.where(np.isnan(r), where_constant, r)
    unknown = np.isnan(r).all(axis=0)
    r = np.nanmedian(np.where(unknown, 0.0, r), axis=0)
    chance = 1 / math.sqrt(max(1, len(signals)))
    r = np.where(r < max(0.06, 4 * chance), 0.0, np.minimum(0.995, r + 2 * chance))
    return np.where(unknown, np.nan, r)


def lasting(signals: np.ndarray, where_constant: float = np.nan) -> np.ndarray:
    """How many rows count as one, for each signal, by these rows alone; infinite where nothing is known."""
    r = resemblance(signals, where_constant)
    return np.where(np.isnan(r), np.inf, (1 + r) / (1 - r))


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
