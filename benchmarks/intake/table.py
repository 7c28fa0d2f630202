"""The generated file of the benchmark: 23 columns, about 215 bytes a row, written as a stream of blocks.

It is a table of orders: keys, amounts of several scales, whole numbers, categories of 4 to 3,000 values, free text,
times and booleans. About 1 % of the values of some columns are missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from benchmarks.intake.columns import CATEGORIES

ROWS = 2_350_000
"""About 0.5 GB."""
BLOCK = 50_000
SCALES = (1, 10, 100, 1_000, 1, 50, 0.01, 1_000_000)
WORDS = ("a lamp", "books for school", "garden chairs, folding", "tea", "a bicycle, used", "sound", "late delivery")


def write(path: Path, rows: int, seed: int = 1) -> None:
    """Writes the file. Memory is bounded by the block; the same rows and seed give the same bytes."""
    with path.open("wb") as out:
        for number, block in enumerate(blocks(rows, seed)):
            options = pa_csv.WriteOptions(include_header=number == 0, quoting_style="needed")
            pa_csv.write_csv(block, out, options)


def blocks(rows: int, seed: int) -> Iterator[pa.Table]:
    """Yields the table in blocks of BLOCK rows."""
    rng = np.random.default_rng(seed)
    for start in range(0, rows, BLOCK):
        yield _block(rng, start, min(BLOCK, rows - start))


def _block(rng: np.random.Generator, start: int, count: int) -> pa.Table:
    def some(values: Any) -> pa.Array:
        return pa.array(values, mask=rng.random(count) < 0.01)

    def skewed(names: list[str]) -> pa.Array:
        return pa.array(names).take(pa.array((rng.random(count) ** 2 * len(names)).astype(np.int64)))

    def times() -> pa.Array:
        seconds = pa.array(1_700_000_000 + rng.integers(0, 31_536_000, count), pa.timestamp("s"))
        return pc.strftime(seconds, "%Y-%m-%d %H:%M:%S")

    amounts = [np.round(rng.lognormal(0, 1, count) * scale, 2 if scale >= 10 else 6) for scale in SCALES]
    columns = {
        "order_id": pa.array([f"order-{number:010}" for number in range(start, start + count)]),
        "customer": rng.integers(0, 1_000_000, count),
        **{f"amount_{i}": some(amount) if i % 2 == 0 else amount for i, amount in enumerate(amounts)},
        "age": some(rng.integers(18, 95, count)),
        "visits": rng.poisson(4, count),
        "days": rng.integers(-400, 4_000, count),
        **{name: skewed([f"{name} {i}" for i in range(size)]) for name, size in CATEGORIES.items()},
        "active": skewed(["true", "false"]),
        "ordered_at": times(),
        "paid_at": times(),
        "comment": skewed([f"{WORDS[i % len(WORDS)]} no {i // len(WORDS)}" for i in range(50_000)]),
        "returned": skewed(["true", "false"]),
    }
    return pa.table(columns)
