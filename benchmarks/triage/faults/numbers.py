"""Faults of one column of numbers: units, offsets, precision, limits, stand-ins for nothing, and foreign content."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.triage.faults.registry import Changed, best, column, fault, in_part, role, since
from benchmarks.triage.truth import NotApplicableError, Reason, Source
from benchmarks.triage.window import Window

ISSUE, BRIEF, OWN = Source
Chance = np.random.Generator


@column("amounts", Reason.SCALE, ISSUE, "an amount × 1000: grams for kilograms")
def scale_thousand(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return values * 1000


@column("durations", Reason.SCALE, ISSUE, "a duration ÷ 60: seconds reported as minutes")
def seconds_as_minutes(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return values / 60


@column("rates", Reason.SCALE, ISSUE, "a rate × 100: per cent for a share of one")
def rate_as_percent(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return values * 100


@column("amounts", Reason.SIGN, ISSUE, "the sign flipped: debits for credits")
def sign_flipped(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return -values


@column("amounts", Reason.OFFSET, ISSUE, "a constant added: another zero point", Reason.JUMP)
def offset_added(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return values + np.ceil(1 + (1 + 2 * severity) * np.nanstd(values) * 10) / 10


@column("amounts", Reason.CONSTANT, ISSUE, "one value for all rows: the usual one, or zero")
def constant_column(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    constant = 0.0 if chance.random() < 0.5 else np.nanmedian(values)
    return np.full(len(values), constant)


@column("decimals", Reason.RESOLUTION, ISSUE, "decimals cut: a number read as a whole number", Reason.CONSTANT)
def decimals_cut(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return np.trunc(values)


def for_a_while(window: Window, chance: Chance, severity: float) -> np.ndarray:
    """A stretch that ends within the window: the fault is over when the window is judged."""
    length = round((0.15 + 0.4 * severity) * len(window))
    first = int(chance.integers(1, max(2, round(0.9 * len(window)) - length)))
    return np.arange(first, first + length)


@column("amounts", Reason.SCALE, OWN, "an amount × 100 for a while; the fault is over before the window ends",
        Reason.MIXED_UNITS, places=for_a_while)  # fmt: skip
def scale_for_a_while(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return values * 100


SENTINELS = (-1.0, 9999.0, 99_999.0, -9999.0, 2_147_483_647.0)


@column("amounts", Reason.SENTINEL, ISSUE, "−999 for unknown", places=in_part(0.4))
def sentinel_minus_999(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return np.full(len(values), -999.0)


@column("amounts", Reason.SENTINEL, ISSUE, "another sentinel: −1, 9999, 99999, −9999, 2³¹ − 1", places=in_part(0.4))
def other_sentinel(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return np.full(len(values), chance.choice(SENTINELS))


@column("amounts", Reason.CLIPPED, ISSUE, "clipped at an upper limit of a field")
def clipped(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return np.minimum(values, np.nanquantile(values, 0.95 - 0.35 * severity))


@fault(Reason.JUMP, ISSUE, "from one instant on, one column lies higher; all others stand still", Reason.OFFSET)
def jump_in_one_column(window: Window, chance: Chance, severity: float) -> Changed:
    where = np.arange(round((0.8 - 0.5 * severity) * len(window)), len(window))
    names = role(window, "amounts")

    def changed(name: str) -> Changed:
        values = window.rows[name].to_numpy()
        step = max(1.0, (0.5 + 1.5 * severity) * np.nanstd(values))
        if window.rows[name].dtype.kind in "iu":
            step = np.rint(step)
        return window.with_values(name, where, values[where] + step), (name,)

    return best(window, (changed(names[k]) for k in chance.permutation(len(names))))


@column("amounts", Reason.MIXED_UNITS, BRIEF, "two units: × 1000 in part of the rows", places=in_part(0.6))
def units_mixed(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return values * 1000


@column("decimals", Reason.MIXED_UNITS, BRIEF, "a decimal comma read as a separator of thousands: 12,5 → 125",
        Reason.SCALE)  # fmt: skip
def decimal_comma(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    digits = pd.Series(values).map(lambda value: "" if pd.isna(value) else f"{value:.6f}".rstrip("0"))
    return pd.to_numeric(digits.str.replace(".", "", regex=False), errors="coerce").to_numpy(dtype=float)


@column("decimals", Reason.RESOLUTION, BRIEF, "rounded as float32: the seventh digit", harmless=True)
def float32_rounding(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return values.astype(np.float32).astype(np.float64)


@column("decimals", Reason.RESOLUTION, BRIEF, "rounded to the next whole number", Reason.CONSTANT)
def rounded_to_whole(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return np.rint(values)


@column("numbers", Reason.NULLS, BRIEF, "nulls in one column", places=in_part(0.8))
def nulls_in_one_column(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return np.full(len(values), np.nan)


@column("amounts", Reason.DEFAULT, BRIEF, "a default filled in: 0 or 1, which is an ordinary value", Reason.SENTINEL,
        places=in_part(0.7))  # fmt: skip
def default_filled_in(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return np.full(len(values), float(chance.integers(2)))


@column("amounts", Reason.SCALE, OWN, "a unit whose factor is near one: miles for kilometres (÷ 1.609344)")
def miles_for_kilometres(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return values / 1.609344


@column("amounts", Reason.SCALE, OWN, "a client sends log(1 + x), because its own model wants that")
def logarithm_sent(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return np.log1p(np.maximum(values, 0))


@column("numbers", Reason.SCALE, OWN, "a client standardises before it sends: z-scores", Reason.OFFSET)
def standardised_twice(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return (values - np.nanmean(values)) / max(float(np.nanstd(values)), 1e-9)


@column("amounts", Reason.SCALE, OWN, "a client sends values scaled to 0…1", Reason.OFFSET)
def scaled_to_one(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    low, high = np.nanmin(values), np.nanmax(values)
    return (values - low) / max(high - low, 1e-9)


@column("amounts", Reason.CLIPPED, OWN, "an integer overflows: what lies above 2^k starts at 0 again",
        Reason.MIXED_UNITS)  # fmt: skip
def integer_overflow(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    limit = 2.0 ** np.floor(np.log2(max(np.nanquantile(values, 0.9 - 0.4 * severity), 1e-6)))
    return np.mod(values, limit)


@column("amounts", Reason.FOREIGN, OWN, "a running total instead of the value: a counter that is never reset",
        Reason.SCALE)  # fmt: skip
def running_total(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return np.nancumsum(values)


@column("amounts", Reason.FOREIGN, OWN, "the number of the row stands in the column")
def row_number_sent(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return 1 + np.arange(len(values), dtype=np.float64) + float(chance.integers(1000, 50_000))


@column("numbers", Reason.CONSTANT, OWN, "a value that sticks: each reading is repeated for a run of rows",
        Reason.JOIN)  # fmt: skip
def sticking_sensor(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    length = round(5 + 35 * severity)
    return values[np.arange(len(values)) // length * length]


@column("amounts", Reason.NOISE, OWN, "noise added: a privacy mechanism, or a broken cable")
def noise_added(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    noisy = values + chance.normal(0, (0.4 + 1.2 * severity) * np.nanstd(values), len(values))
    return np.round(noisy, 4)


@column("amounts", Reason.CLIPPED, OWN, "values below a detection limit are reported as the limit")
def detection_limit(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    limit = np.nanquantile(values, 0.1 + 0.5 * severity)
    return np.maximum(values, limit if limit > np.nanmin(values) else np.nanquantile(values, 0.9))


@column("amounts", Reason.MIXED_UNITS, OWN, "the decimal point moved by one place in part of the rows",
        places=in_part(0.4))  # fmt: skip
def decimal_point_moved(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return values * 10


@column("counts", Reason.RESOLUTION, OWN, "the lowest bit sticks: all values are odd")
def bit_sticks(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return np.where(np.mod(values, 2) == 0, values + 1, values)


@column("numbers", Reason.RESOLUTION, OWN, "the middle of a class instead of the value, for privacy")
def classes_sent(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, round(9 - 5 * severity))))
    if len(edges) < 2:
        return values
    middles = (edges[:-1] + edges[1:]) / 2
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(middles) - 1)
    return np.where(np.isnan(values.astype(float)), np.nan, middles[place])


@column("numbers", Reason.DEFAULT, OWN, "an upstream job fills gaps with the mean: a spike inside the support",
        Reason.SENTINEL, places=in_part(0.6))  # fmt: skip
def mean_filled_in(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return np.full(len(values), np.round(np.nanmean(values), 6))


@fault(Reason.MIXED_UNITS, OWN, "one segment reports in another unit or currency (× 7.46)", Reason.SCALE)
def currency_of_one_segment(window: Window, chance: Chance, severity: float) -> Changed:
    segment = window.rows[chance.choice(role(window, "segments"))]
    later = since(window, chance, severity)
    share = segment.iloc[later].value_counts(normalize=True)
    if not len(share):
        raise NotApplicableError("the segments have no values")
    large = share.index[(share >= 0.15) & (share <= 0.6)]
    where = later[(segment.iloc[later] == (chance.choice(large) if len(large) else share.index[0])).to_numpy()]
    names = role(window, "amounts")

    def changed(name: str) -> Changed:
        values = window.rows[name].to_numpy()[where]
        return window.with_values(name, where, np.round(values * 7.46, 6)), (name,)

    return best(window, (changed(names[k]) for k in chance.permutation(len(names))))


@column("decimals", Reason.OFFSET, OWN, "one sensor loses its calibration: its offset grows slowly", Reason.JUMP)
def calibration_lost(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    return np.round(values + np.linspace(0.05, 1 + 2 * severity, len(values)) * np.nanstd(values), 6)


@column("large", Reason.MIXED_UNITS, OWN, "a separator of thousands read as the end of the number: 12,345 → 12",
        Reason.SCALE)  # fmt: skip
def thousands_cut(values: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    leading = np.floor(values / 1000.0 ** np.floor(np.log10(np.maximum(values, 1)) / 3))
    return np.where(values >= 1000, leading, values)


@fault(Reason.FOREIGN, OWN, "a total instead of a part: the value of another column is included")
def other_column_included(window: Window, chance: Chance, severity: float) -> Changed:
    where = since(window, chance, severity)
    names = role(window, "amounts")

    def changed(name: str, other: str) -> Changed:
        values = window.rows[name].to_numpy()[where] + window.rows[other].to_numpy()[where]
        return window.with_values(name, where, values), (name,)

    first = int(chance.integers(len(names)))
    turns = [(names[(first + k) % len(names)], names[(first + k + 1) % len(names)]) for k in range(len(names))]
    return best(window, (changed(one, other) for one, other in turns if one != other))


@fault(Reason.NULLS, OWN, "nulls where the value is high: a field is too narrow for it", Reason.CLIPPED)
def high_values_lost(window: Window, chance: Chance, severity: float) -> Changed:
    where = since(window, chance, severity)
    names = role(window, "amounts")

    def changed(name: str) -> Changed:
        values = window.rows[name].to_numpy()[where]
        high = where[values > np.nanquantile(values, 0.9 - 0.3 * severity)]
        return window.with_values(name, high, np.nan), (name,)

    return best(window, (changed(names[k]) for k in chance.permutation(len(names))))
