"""The benchmark's own measures: exact profiles have no error, and a wrong figure has the error that it should have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.csv as pa_csv
import pytest

from benchmarks.intake.accuracy import moment_error, rank_error
from benchmarks.intake.columns import COLUMNS
from benchmarks.intake.table import write


def column(*values: float) -> dict:
    """Ascending numbers as a profile has them, ten of them by their middle one."""
    return {"quantiles": {"values": values[5::10], "counts": [10] * (len(values) // 10)}}


def test_a_rank_is_off_by_the_share_of_rows_between() -> None:
    numbers = np.arange(1.0, 1001.0)
    assert rank_error(column(*numbers), numbers, 0.5) < 0.01
    assert rank_error(column(*numbers), numbers + 100, 0.5) == pytest.approx(0.1, abs=0.01)


def test_moments_are_compared_with_exact_sums() -> None:
    numbers = np.array([1e9, 1e9 + 1, 1e9 + 2])
    assert moment_error({"mean": 1e9 + 1, "m2": 2.0}, numbers) == 0
    assert moment_error({"mean": 1e9 + 1, "m2": 2.2}, numbers) == pytest.approx(0.1)


def test_the_file_is_the_same_for_ever_and_has_the_columns_of_the_contract(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, 60_000)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    table = pa_csv.read_csv(tmp_path / "one")
    assert (table.num_rows, table.column_names) == (60_000, list(COLUMNS))
