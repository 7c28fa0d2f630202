"""What is measured of Sluice, and the bare parsing beside it. Each function gets a process of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.csv as pa_csv
from pyarrow.parquet import ParquetWriter

from benchmarks.intake.columns import CONTRACT
from sluice.contract import Contract
from sluice.intake.validation import Outcome, validate_file
from sluice.profile.profiler import Profiler
from sluice.profile.profiles import profile_parquet


def open_csv(file: Path, folder: Path, cores: int) -> None:
    """Parses the file block by block with Arrow, types inferred, and does nothing with it."""
    pa.set_cpu_count(cores)
    for batch in pa_csv.open_csv(file, read_options=pa_csv.ReadOptions(use_threads=cores > 1)):
        assert len(batch)


def validate(file: Path, folder: Path, cores: int) -> dict[str, Any]:
    """Checks the file against the contract and writes the accepted rows, without their profile."""
    return _rows(_validated(file, folder, cores))


def fused(file: Path, folder: Path, cores: int) -> dict[str, Any]:
    """Checks, writes and profiles in one pass, as the function does."""
    profiler = Profiler(_contract())
    outcome = _validated(file, folder, cores, profiler)
    (folder / "profile.json").write_text(json.dumps(profiler.profile("bench")))
    return _rows(outcome)


def unwritten(file: Path, folder: Path, cores: int) -> dict[str, Any]:
    """The same pass, but the accepted rows go nowhere."""
    # not a mock, which would keep each group to show what it was called with
    with patch.object(ParquetWriter, "write_table", lambda *_: None):
        return fused(file, folder, cores)


def profile(file: Path, folder: Path, cores: int) -> dict[str, Any]:
    """Makes the profile of the accepted rows that `validate` wrote in `folder`."""
    pa.set_cpu_count(cores)
    return {"rows": profile_parquet([folder / "accepted.parquet"], _contract(), "bench")["rows"]}


def _rows(outcome: Outcome) -> dict[str, Any]:
    return {"rows": outcome.rows, "quarantined": outcome.quarantined}


def _validated(file: Path, folder: Path, cores: int, profiler: Profiler | None = None) -> Outcome:
    pa.set_cpu_count(cores)
    count = profiler.add if profiler else None
    outcome = validate_file(file, _contract(), datetime(2026, 1, 1, tzinfo=UTC), folder, count=count)
    if Path(outcome.accepted_path) != folder / "accepted.parquet":
        Path(outcome.accepted_path).replace(folder / "accepted.parquet")
    return outcome


def _contract() -> Contract:
    return Contract.model_validate(CONTRACT)
