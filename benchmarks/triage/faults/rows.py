"""Faults of whole rows and of the dependence between columns: joins, swaps, repeats, and a feed in part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.triage.faults.registry import Changed, best, fault, role, since, some
from benchmarks.triage.truth import NotApplicableError, Reason, Source
from benchmarks.triage.window import TIME, Window

ISSUE, BRIEF, OWN = Source
Chance = np.random.Generator


def moved(window: Window, columns: tuple[str, ...], where: np.ndarray, origins: np.ndarray) -> Changed:
    """The values of `columns` at `origins` stand at `where`."""
    for name in columns:
        window = window.with_values(name, where, window.rows[name].to_numpy()[origins])
    return window, columns


@fault(Reason.SWAPPED, ISSUE, "two columns that are alike are swapped")
def columns_swapped(window: Window, chance: Chance, severity: float) -> Changed:
    where = since(window, chance, severity)
    pairs = role(window, "pairs")

    def changed(one: str, other: str) -> Changed:
        first, second = (window.rows[name].to_numpy()[where] for name in (one, other))
        return window.with_values(one, where, second).with_values(other, where, first), (one, other)

    return best(window, (changed(*pairs[k]) for k in chance.permutation(len(pairs))))


@fault(Reason.JOIN, ISSUE, "a join by the wrong key: the columns of the other table belong to other rows")
def broken_join(window: Window, chance: Chance, severity: float) -> Changed:
    where = since(window, chance, severity)
    joins = role(window, "joins")
    order = chance.permutation(where)
    return best(window, (moved(window, joins[k], where, order) for k in chance.permutation(len(joins))))


@fault(Reason.JOIN, OWN, "one column lags: each row has the value of a few rows before", Reason.CONSTANT)
def column_lags(window: Window, chance: Chance, severity: float) -> Changed:
    where = since(window, chance, severity)
    names = role(window, "numbers")
    earlier = np.maximum(where - round(1 + 8 * severity), 0)
    return best(window, (moved(window, (names[k],), where, earlier) for k in chance.permutation(len(names))))


@fault(Reason.JOIN, OWN, "one column of a spreadsheet is sorted without the others", Reason.CONSTANT)
def sorted_alone(window: Window, chance: Chance, severity: float) -> Changed:
    where = since(window, chance, severity)
    names = role(window, "numbers")

    def changed(name: str) -> Changed:
        values = np.sort(window.rows[name].to_numpy()[where])
        return window.with_values(name, where, values), (name,)

    return best(window, (changed(names[k]) for k in chance.permutation(len(names))))


@fault(Reason.NULLS, OWN, "a join finds nothing: its columns are null together", Reason.JOIN)
def join_finds_nothing(window: Window, chance: Chance, severity: float) -> Changed:
    where = some(since(window, chance, min(1.0, severity + 0.2)), chance, 0.2 + 0.6 * severity)
    joins = role(window, "joins")
    columns = joins[int(chance.integers(len(joins)))]
    for name in columns:
        numbers = window.rows[name].dtype.kind in "iuf"
        window = window.with_values(name, where, np.nan if numbers else None)
    return window, columns


@fault(Reason.REPEATED, OWN, "a join finds many: rows come two or three times, with one column different",
       Reason.JOIN)  # fmt: skip
def join_finds_many(window: Window, chance: Chance, severity: float) -> Changed:
    where = some(since(window, chance, min(1.0, severity + 0.2)), chance, 0.2 + 0.5 * severity)
    if not len(where):
        raise NotApplicableError("no row is repeated")
    times = np.ones(len(window), dtype=np.int64)
    times[where] += chance.integers(1, 3, len(where))
    places = np.repeat(np.arange(len(window)), times)
    again = np.flatnonzero(places[1:] == places[:-1]) + 1
    name = str(chance.choice(role(window, "categories")))
    values = window.rows[name].to_numpy()
    return window.take(places).with_values(name, again, values[chance.integers(0, len(window), len(again))]), (name,)


@fault(Reason.SHIFTED, BRIEF, "numbers shifted by one column: a field was added before them")
def numbers_shifted(window: Window, chance: Chance, severity: float) -> Changed:
    return shifted(window, [name for name in window.rows.columns if window.rows[name].dtype.kind in "iuf"], severity)


@fault(Reason.SHIFTED, BRIEF, "categories shifted by one column", Reason.RENAMED, Reason.SWAPPED)
def categories_shifted(window: Window, chance: Chance, severity: float) -> Changed:
    names = [name for name in window.rows.columns if window.rows[name].dtype == object and name != TIME]
    return shifted(window, names, severity)


def shifted(window: Window, names: list[str], severity: float) -> Changed:
    """Each column has the values of the one before; the first has those of the last."""
    if len(names) < 2:
        raise NotApplicableError("fewer than two columns of one type")
    where = since(window, np.random.default_rng(0), severity)
    old = {name: window.rows[name].to_numpy()[where] for name in names}
    for name, before in zip(names, [names[-1], *names[:-1]], strict=True):
        window = window.with_values(name, where, old[before])
    return window, tuple(names)


@fault(Reason.REPEATED, ISSUE, "one row again and again: a cache that is never cleared", Reason.CONSTANT)
def one_row_again(window: Window, chance: Chance, severity: float) -> Changed:
    where = since(window, chance, severity)
    places = np.arange(len(window))
    places[where] = max(0, where[0] - 1)
    return window.sent_again(places), ()


@fault(Reason.REPEATED, ISSUE, "stale rows: earlier requests are sent once more instead of new ones")
def stale_rows(window: Window, chance: Chance, severity: float) -> Changed:
    half = round((1 - 0.5 * severity) * len(window))
    places = np.arange(len(window))
    places[half:] = np.arange(len(window) - half) + int(chance.integers(0, max(1, 2 * half - len(window) + 1)))
    return window.sent_again(places), ()


@fault(Reason.REPEATED, BRIEF, "a batch is delivered twice: its rows come again after it")
def batch_twice(window: Window, chance: Chance, severity: float) -> Changed:
    length = max(2, round(0.5 * severity * len(window)))
    first = int(chance.integers(0, len(window) - length + 1))
    batch = np.arange(first, first + length)
    places = np.concatenate([np.arange(first + length), batch, np.arange(first + length, len(window))])
    twice = window.take(places)
    arrived = twice.arrived.copy()
    arrived[first + length : first + 2 * length] = window.arrived[first + length - 1]
    return replace(twice, arrived=arrived), ()


@fault(Reason.REPEATED, OWN, "a load test sends the same few rows among the requests, from one client",
       Reason.ONE_SOURCE)  # fmt: skip
def load_test(window: Window, chance: Chance, severity: float) -> Changed:
    where = some(since(window, chance, min(1.0, severity + 0.2)), chance, 0.15 + 0.5 * severity)
    rows = chance.integers(0, len(window), 4)
    places = np.arange(len(window))
    places[where] = rows[chance.integers(0, 4, len(where))]
    client = window.client.copy()
    client[where] = "load-test"
    return replace(window.sent_again(places), client=client), ()


@fault(Reason.FEED, ISSUE, "half of the feed is missing: from one instant on, usual segments send nothing")
def segments_missing(window: Window, chance: Chance, severity: float) -> Changed:
    later = since(window, chance, min(0.9, severity))
    names = role(window, "segments")

    def changed(name: str) -> Changed:
        values = window.rows[name]
        share = values.iloc[later].value_counts(normalize=True).iloc[::-1].cumsum()
        rare = share.index[share <= 0.6]
        lost = set(rare) if len(rare) else {share.index[0]}
        return without(window, later[values.iloc[later].isin(lost).to_numpy()]), ()

    return best(window, (changed(names[k]) for k in chance.permutation(len(names))))


def without(window: Window, places: np.ndarray) -> Window:
    kept = np.setdiff1d(np.arange(len(window)), places)
    if not len(kept):
        raise NotApplicableError("no row would be left")
    return window.take(kept)


@fault(Reason.FEED, OWN, "one client's requests do not arrive any more")
def client_missing(window: Window, chance: Chance, severity: float) -> Changed:
    later = since(window, chance, min(0.9, severity))
    lost = str(chance.choice(np.unique(window.client)[:3]))
    return without(window, later[window.client[later] == lost]), ()


@fault(Reason.FEED, OWN, "a filter that is too eager refuses rows with a high value", Reason.CLIPPED)
def high_rows_refused(window: Window, chance: Chance, severity: float) -> Changed:
    later = since(window, chance, min(0.9, severity))
    names = role(window, "amounts")

    def changed(name: str) -> Changed:
        values = window.rows[name].to_numpy()
        return without(window, later[values[later] > np.nanquantile(values, 0.9 - 0.4 * severity)]), (name,)

    return best(window, (changed(names[k]) for k in chance.permutation(len(names))))


@fault(Reason.FEED, OWN, "a limit on rows: of each stretch of arrivals, only the first part comes")
def rows_limited(window: Window, chance: Chance, severity: float) -> Changed:
    later = since(window, chance, min(0.9, severity))
    stretch = max(10, len(window) // 30)
    kept = round(stretch * (0.8 - 0.6 * severity))
    return without(window, later[(later - later[0]) % stretch >= kept]), ()


@fault(Reason.FEED, OWN, "a nightly job fails: rows of some hours of the day never come")
def hours_lost(window: Window, chance: Chance, severity: float) -> Changed:
    hour = (window.arrived.astype("datetime64[h]").astype(np.int64)) % 24
    present, counts = np.unique(hour, return_counts=True)
    first = int(chance.choice(present[counts >= np.median(counts)]))
    lost = (hour - first) % 24 < round(2 + 8 * severity)
    return without(window, np.flatnonzero(lost)), ()


@fault(Reason.FEED, OWN, "a page of the export is cut: the rows whose key comes last are missing", Reason.CLIPPED)
def export_cut(window: Window, chance: Chance, severity: float) -> Changed:
    later = since(window, chance, min(0.9, severity))
    name = str(chance.choice(role(window, "segments")))
    keys = window.rows[name].iloc[later].astype(str)
    order = np.lexsort((later, keys.to_numpy(dtype=str)))
    lost = later[order[round(len(later) * (1 - 0.5 * severity)) :]]
    return without(window, lost), ()


def of_source(window: Window, sources: np.ndarray, chance: Chance, severity: float) -> np.ndarray:
    """The rows of one client or host from the instant on."""
    later = since(window, chance, severity)
    one = chance.choice(np.unique(sources))
    return later[sources[later] == one]


@fault(Reason.ONE_SOURCE, ISSUE, "one client alone sends an amount × 100", Reason.MIXED_UNITS, Reason.SCALE)
def one_client(window: Window, chance: Chance, severity: float) -> Changed:
    where = of_source(window, window.client, chance, severity)
    names = role(window, "amounts")

    def changed(name: str) -> Changed:
        return window.with_values(name, where, window.rows[name].to_numpy()[where] * 100), (name,)

    return best(window, (changed(names[k]) for k in chance.permutation(len(names))))


@fault(Reason.ONE_SOURCE, ISSUE, "one host alone loses a column: its release is old", Reason.NULLS)
def one_host(window: Window, chance: Chance, severity: float) -> Changed:
    where = of_source(window, window.host, chance, severity)
    name = str(chance.choice(role(window, "numbers")))
    return window.with_values(name, where, np.nan), (name,)


@fault(Reason.ONE_SOURCE, OWN, "one client fills every category with its own spelling", Reason.RENAMED)
def one_client_spells_differently(window: Window, chance: Chance, severity: float) -> Changed:
    where = of_source(window, window.client, chance, severity)
    names = role(window, "categories")
    for name in names:
        texts = pd.Series(window.rows[name].to_numpy(dtype=object)[where], dtype=object)
        window = window.with_values(name, where, texts.map(lambda text: text + " ", na_action="ignore").to_numpy())
    return window, names
