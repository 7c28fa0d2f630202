"""Drift by scipy on raw rows: the peer of `compare`. Runs in an environment with scipy; imports nothing of ours."""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from scipy import stats


def main(rows: int) -> None:
    """15 columns of numbers (Kolmogorov–Smirnov, Wasserstein) and 5 of categories (χ²), `rows` beside `rows`."""
    random = np.random.default_rng(1)
    numbers = [[random.lognormal(3, 1, rows) for _ in range(2)] for _ in range(15)]
    names = [[random.zipf(1.7, rows).clip(max=40) for _ in range(2)] for _ in range(5)]
    before = time.process_time()
    for one, other in numbers:
        stats.ks_2samp(one, other, method="asymp")
        stats.wasserstein_distance(one, other)
    for one, other in names:
        counts = np.stack([np.bincount(each, minlength=41)[1:] for each in (one, other)])
        stats.chi2_contingency(counts[:, counts.sum(axis=0) > 0])
    print(json.dumps({"cpu": time.process_time() - before}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
