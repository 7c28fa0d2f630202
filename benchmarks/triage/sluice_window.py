"""The bench's windows as the monitor gives them to the triage of Sluice: typed columns, and samples of 5,000 rows."""

from __future__ import annotations

import weakref
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.triage.window import Seen
from sluice.watch.triage.window import NUMERIC, Window

MOST = 5_000
"""Rows of the reference, and of the window, as the monitor keeps them."""

_references: weakref.WeakKeyDictionary[Seen, Window] = weakref.WeakKeyDictionary()
_unordered: weakref.WeakKeyDictionary[Seen, Window] = weakref.WeakKeyDictionary()


def reference_of(training: Seen) -> Window:
    """The training window as a reference, made once for each training object."""
    if training not in _references:
        _references[training] = window_of(training)
    return _references[training]


def unordered_reference_of(training: Seen) -> Window:
    """The training window as a reference in any order, without times; made once for each training object."""
    if training not in _unordered:
        known = reference_of(training)
        shuffled = known.take(np.random.default_rng(0).permutation(len(known)))
        _unordered[training] = replace(shuffled, arrived=None, labelled=None, total=known.total)
    return _unordered[training]


def window_of(seen: Seen) -> Window:
    """At most MOST rows, drawn uniformly. Texts stay as they were sent; what is not of its type is missing."""
    count = len(seen.rows)
    places = np.arange(count)
    if count > MOST:
        places = np.sort(np.random.default_rng(count).choice(count, MOST, replace=False))
    rows = seen.rows.iloc[places]
    types = {name: seen.types[name] for name in rows.columns if name in seen.types}
    labels = seen.labels.iloc[places]
    if seen.kind == "binary":
        known = np.where(labels.isna(), np.nan, (labels == seen.positive).astype(float))
    else:
        known = pd.to_numeric(labels, errors="coerce").to_numpy(dtype=np.float64)
    return Window(
        columns={name: column(rows[name], kind) for name, kind in types.items()},
        types=types,
        arrived=seconds(seen.arrived[places]),
        client=seen.client[places],
        host=seen.host[places],
        labels=known.astype(np.float64),
        labelled=seconds(seen.labelled[places]),
        problem=seen.kind,
        total=count,
        usual=float(seen.usual),
        now=float(np.datetime64(seen.now, "s").astype(np.int64)),
    )


def column(values: pd.Series, kind: str) -> np.ndarray:
    if kind == "timestamp":
        return seconds(values.to_numpy(dtype="datetime64[s]"))
    if kind in NUMERIC:
        return pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64)
    found = values.to_numpy(dtype=object).copy()
    found[pd.isna(found)] = None
    return np.array([None if value is None else str(value) for value in found], dtype=object)


def seconds(times: np.ndarray) -> np.ndarray:
    """datetime64 → epoch seconds, NaN for NaT."""
    whole = times.astype("datetime64[s]")
    return np.where(np.isnat(whole), np.nan, whole.astype(np.int64).astype(np.float64))
