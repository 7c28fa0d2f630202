"""Drift by Evidently's preset on raw rows: a peer of `compare`. Runs in an environment of its own, without our code."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset


def table(rows: int, seed: int) -> pd.DataFrame:
    """15 columns of numbers and 5 of categories, as in scipy_peer.py."""
    random = np.random.default_rng(seed)
    columns: dict[str, object] = {f"number{i}": random.lognormal(3, 1, rows) for i in range(15)}
    for i in range(5):
        columns[f"category{i}"] = pd.Series(random.zipf(1.7, rows).clip(max=40)).map("value {}".format)
    return pd.DataFrame(columns)


def main(rows: int) -> None:
    definition = DataDefinition(
        numerical_columns=[f"number{i}" for i in range(15)], categorical_columns=[f"category{i}" for i in range(5)]
    )
    one, other = (Dataset.from_pandas(table(rows, seed), data_definition=definition) for seed in (1, 2))
    before = time.process_time()
    Report([DataDriftPreset()]).run(one, other)
    print(json.dumps({"cpu": time.process_time() - before}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
