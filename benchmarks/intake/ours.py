"""What is measured of Sluice, and the bare parsing beside it. Each function gets a process of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from benchmarks.intake.columns import CONTRACT
from sluice.contract import Contract
from sluice.intake.validation import Outcome, validate_file
from sluice.profile.profiles import profile_parquet


def open_csv(file: Path, folder: Path, cores: int) -> None:
    """Parses the file block by block with Arrow, types inferred, and does nothing with it."""
    pa.set_cpu_count(cores)
    for batch in pa_csv.open_csv(file, read_options=pa_csv.ReadOptions(use_threads=cores > 1)):
        assert len(batch)


def validate(file: Path, folder: Path, cores: int) -> dict[str, Any]:
    """Checks the file against the contract and writes the accepted rows; in the same pass it may make the profile."""
    outcome = _validated(file, folder, cores)
    profile = getattr(outcome, "profile", None)
    if profile is not None:
        (folder / "profile.json").write_text(json.dumps(profile))
    return {"rows": outcome.rows, "quarantined": outcome.quarantined, "fused": profile is not None}


def profile(file: Path, folder: Path, cores: int) -> dict[str, Any]:
    """Makes the profile of the accepted rows that `validate` wrote in `folder`."""
    pa.set_cpu_count(cores)
    made = profile_parquet(folder / "accepted.parquet", _contract(), "bench")
    (folder / "profile.json").write_text(json.dumps(made))
    return {"rows": made["rows"]}


def _validated(file: Path, folder: Path, cores: int) -> Outcome:
    pa.set_cpu_count(cores)
    outcome = validate_file(file, _contract(), datetime(2026, 1, 1, tzinfo=UTC), folder)
    if Path(outcome.accepted_path) != folder / "accepted.parquet":
        Path(outcome.accepted_path).replace(folder / "accepted.parquet")
    return outcome


def _contract() -> Contract:
    return Contract.model_validate(CONTRACT)
