"""What `make bench-intake` measures of Sluice."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pyarrow as pa
import pytest
from pyarrow.parquet import ParquetWriter

from benchmarks.intake import ours, table
from sluice.profile.profiler import Profiler


def test_the_pass_without_writing_does_not_keep_the_rows_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, seen = tmp_path / "orders.csv", list[object]()
    table.write(file, 100)
    monkeypatch.setattr(Profiler, "add", lambda *_: seen.append(ParquetWriter.write_table))
    cores = pa.cpu_count()
    try:
        assert ours.unwritten(file, tmp_path, 1)["rows"] == 100
    finally:
        pa.set_cpu_count(cores)
    # a mock has the arguments of each of its calls
    assert len(seen) == 1
    assert not isinstance(seen[0], Mock)
