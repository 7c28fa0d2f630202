"""CPU of the intake and of the profile, relative to `pyarrow.csv.open_csv` over the same file, on one core.

`python -m benchmarks.intake_engine [ROWS]` measures on a generated file; each figure is of a process of its own.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from sluice.contract import Contract

ROWS = 300_000
MEASURED = ("import", "open_csv", "validate", "profile", "fused")
_WORDS = ("a lamp", "books for school", "garden chairs and a table", "tea", "a bicycle, used", "sound", "late delivery")


def columns() -> dict[str, dict[str, Any]]:
    """23 columns of the contract: what a table of customers or orders has."""
    return {
        "order_id": {"type": "text"},
        "customer": {"type": "integer", "min": 0},
        **{f"amount_{i}": {"type": "number", "nullable": i % 2 == 0} for i in range(8)},
        "age": {"type": "integer", "min": 0, "max": 130},
        "visits": {"type": "integer"},
        "days": {"type": "integer"},
        "channel": {"type": "category", "values": ["ads", "email", "shop", "phone"]},
        "country": {"type": "category"},
        "city": {"type": "category"},
        "product": {"type": "category"},
        "plan": {"type": "category"},
        "active": {"type": "boolean"},
        "ordered_at": {"type": "timestamp"},
        "paid_at": {"type": "timestamp"},
        "comment": {"type": "text"},
        "returned": {"type": "boolean"},
    }


def contract() -> Contract:
    problem = {"type": "binary", "target": "returned", "positive": True}
    data = {"key": ["order_id"], "columns": columns(), "time": "ordered_at", "expectations": {"max_invalid_rows": 0.5}}
    return Contract.model_validate({"project": "bench", "problem": problem, "data": data})


def write(path: Path, rows: int, seed: int = 1) -> None:
    """The file of the measurement: about 210 bytes a row, a hundredth of the values of some columns missing."""
    rng = np.random.default_rng(seed)
    with path.open("wb") as out:
        for start in range(0, rows, 50_000):
            count = min(50_000, rows - start)
            numbers = np.arange(start, start + count)
            table = pa.table(_table(rng, numbers, count))
            options = pa_csv.WriteOptions(include_header=start == 0, quoting_style="needed")
            pa_csv.write_csv(table, out, options)


def _table(rng: np.random.Generator, numbers: np.ndarray, count: int) -> dict[str, Any]:
    def some(values: Any) -> pa.Array:
        return pa.array(values, mask=rng.random(count) < 0.01)

    def texts(names: list[str]) -> pa.Array:
        return pa.array(names).take(pa.array((rng.random(count) ** 2 * len(names)).astype(np.int64)))

    def moments(first: int) -> pa.Array:
        seconds = pa.array(first + rng.integers(0, 31_536_000, count), pa.timestamp("s"))
        return pa.compute.strftime(seconds, "%Y-%m-%d %H:%M:%S")

    scales = (1, 10, 100, 1_000, 1, 50, 0.01, 1_000_000)
    amounts = [np.round(rng.lognormal(0, 1, count) * scale, 2 if scale >= 10 else 6) for scale in scales]
    return {
        "order_id": pa.array([f"order-{number:09d}" for number in numbers]),
        "customer": rng.integers(0, 1_000_000, count),
        **{f"amount_{i}": some(amounts[i]) if i % 2 == 0 else amounts[i] for i in range(8)},
        "age": some(rng.integers(18, 95, count)),
        "visits": rng.poisson(4, count),
        "days": rng.integers(-400, 4000, count),
        "channel": texts(["ads", "email", "shop", "phone"]),
        "country": texts([f"country {i}" for i in range(60)]),
        "city": texts([f"city of {i * 7919}" for i in range(3000)]),
        "product": texts([f"P-{i:04d}" for i in range(400)]),
        "plan": texts(["free", "basic", "plus", "business"]),
        "active": texts(["true", "false"]),
        "ordered_at": moments(1_700_000_000),
        "paid_at": moments(1_700_000_000),
        "comment": texts([f"{_WORDS[i % 7]} no {i // 7}" for i in range(50_000)]),
        "returned": texts(["true", "false"]),
    }


def _open_csv(path: Path) -> None:
    options = pa_csv.ReadOptions(use_threads=False)
    for batch in pa_csv.open_csv(path, read_options=options):
        assert len(batch)


def _validate(path: Path, scratch: Path, *, fused: bool = False) -> None:
    from sluice.intake.validation import validate_file
    from sluice.profile.profiler import Profiler

    profiler = Profiler(contract()) if fused else None
    outcome = validate_file(
        path, contract(), datetime(2026, 1, 1, tzinfo=UTC), scratch, count=profiler and profiler.add
    )
    assert outcome.rows
    if profiler is not None:
        assert profiler.profile("bench")["rows"] == outcome.rows


def _profile(path: Path) -> None:
    from sluice.profile.profiles import profile_parquet

    assert profile_parquet([path], contract(), "bench")["rows"]


def measure(what: str, path: Path, scratch: Path) -> dict[str, float]:
    """CPU seconds of this process for `what`, and its greatest memory in MB."""
    # what is loaded at the first use counts as an import, not as the work on a file
    few = scratch / "few.csv"
    write(few, 100)
    _validate(few, scratch, fused=True)
    before = time.process_time()
    if what == "open_csv":
        _open_csv(path)
    elif what in ("validate", "fused"):
        _validate(path, scratch, fused=what == "fused")
    elif what == "profile":
        _validate(path, scratch)
        before = time.process_time()
        _profile(scratch / "accepted.parquet")
    used = time.process_time() - before
    # getrusage would give the parent's peak too, which a child starts with
    peak = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return {"cpu": round(used, 3), "memory_mb": round(int(peak[1]) / 1024, 1) if peak else 0.0}


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.csv"
        write(path, rows)
        print(f"{rows:,} rows, {path.stat().st_size / 1e6:.1f} MB")
        base = 0.0
        for what in MEASURED:
            command = [sys.executable, "-m", "benchmarks.intake_engine", what, str(path), folder]
            found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
            base = found["cpu"] if what == "open_csv" else base
            ratio = f"{found['cpu'] / base:6.2f} ×" if base else ""
            print(f"{what:10} {found['cpu']:7.2f} s CPU {ratio:9} {found['memory_mb']:7.1f} MB")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))))
    else:
        main()
