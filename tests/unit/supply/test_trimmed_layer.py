"""What trimmed.txt takes out of a layer is nothing that a function needs: each runs without it, on slim libraries."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow
import pytest

from proofs.project import Project
from scripts.slim_libraries import is_trimmed, slim, slim_file

ROOT = Path(__file__).resolve().parents[3]
TRIMMED = [line for layer in ("core", "data") for line in (ROOT / "layers" / layer / "trimmed.txt").read_text().split()]
LAYERS = ("pyarrow", "numpy", "numpy.libs", "aws_lambda_powertools", "pydantic")
NEEDED = ("pyarrow/_json*", "pyarrow/json.py", "pyarrow/_csv*", "pyarrow/_parquet.*", "pyarrow/_compute.*")
"""Never to be trimmed, since the intake reads with them."""

RUN = """
import importlib.util, io, pathlib, sys
from datetime import UTC, datetime
import numpy, pyarrow
import aws_lambda_powertools, pydantic
copied = (numpy, pyarrow, aws_lambda_powertools, pydantic)
assert all(each.__file__.startswith(sys.argv[1]) for each in copied), "the trimmed copy is not what runs"
for at, app in enumerate(sys.argv[3:]):
    spec = importlib.util.spec_from_file_location(f"app{at}", app)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
import bz2, gzip, json
import pyarrow as pa, pyarrow.parquet as pq
from sluice.contract import Contract
from sluice.intake.validation import validate_file
from sluice.profile.profiler import Profiler
columns = {"id": {"type": "text"}, "n": {"type": "integer"}, "x": {"type": "number"}, "c": {"type": "category"},
           "b": {"type": "boolean"}, "t": {"type": "timestamp"}}
contract = Contract.model_validate({"project": "shop", "problem": {"type": "clustering"}, "data": {"columns": columns}})
rows = [{"id": f"r{n}", "n": n, "x": n / 4, "c": "ab"[n % 2], "b": n % 3 == 0, "t": f"2026-01-{n % 28 + 1:02}"}
        for n in range(300)]
text = "".join(",".join(map(str, each)) + "\\n" for each in [list(columns), *(row.values() for row in rows)]).encode()
lines = "".join(json.dumps(row) + "\\n" for row in rows).encode()
table = pa.Table.from_pylist([{**row, "t": datetime.fromisoformat(row["t"])} for row in rows])
def parquet(**options):
    out = io.BytesIO()
    pq.write_table(table, out, **options)
    return out.getvalue()
def zstd(body):
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as packed:
        packed.write(body)
    return out.getvalue().to_pybytes()
files = {"csv": text, "gzip": gzip.compress(text), "bz2": bz2.compress(text), "zstd": zstd(text), "lines": lines,
         "array": json.dumps(rows).encode(), "int96": parquet(use_deprecated_int96_timestamps=True)}
codecs = ("none", "snappy", "gzip", "zstd", "lz4", "brotli")
files |= {f"parquet {codec}": parquet(compression=codec) for codec in codecs}
found = set()
for name, body in files.items():
    folder = pathlib.Path(sys.argv[2]) / name
    folder.mkdir()
    (folder / "arrival").write_bytes(body)
    profiler = Profiler(contract)
    outcome = validate_file(folder / "arrival", contract, datetime(2026, 1, 1, tzinfo=UTC), folder, count=profiler.add)
    assert (outcome.rows, outcome.quarantined) == (300, 0), (name, outcome)
    written = pq.read_table(outcome.accepted_path)
    assert written.num_rows == 300, name
    found.add(json.dumps(profiler.profile("d1"), sort_keys=True))
    assert numpy.random.default_rng(0).random() < 1
assert len(found) == 1, "every form of the same rows has the same profile"
print("ran", len(files))
"""


def _trimmed_copy(to: Path) -> Path:
    spec = importlib.util.find_spec("pyarrow")
    assert spec is not None
    assert spec.origin is not None
    packages = Path(spec.origin).parents[1]
    for name in LAYERS:
        for folder, _, files in os.walk(packages / name):
            for file in files:
                source = Path(folder, file)
                path = source.relative_to(packages).as_posix()
                if "__pycache__" in path or is_trimmed(path, TRIMMED):
                    continue
                (to / path).parent.mkdir(parents=True, exist_ok=True)
                if ".so" in file:
                    (to / path).write_bytes(slim_file(path, source.read_bytes(), TRIMMED))
                    continue
                try:
                    os.link(source, to / path)
                except OSError:  # another file system
                    shutil.copyfile(source, to / path)
    return to


def test_the_functions_run_and_read_every_form_without_what_is_trimmed(tmp_path: Path) -> None:
    copy, scratch = _trimmed_copy(tmp_path / "layer"), tmp_path / "scratch"
    scratch.mkdir()
    functions = [
        each["Properties"]["CodeUri"]
        for each in Project.load().source["Resources"].values()
        if each["Type"] == "AWS::Serverless::Function"
    ]
    assert len(functions) >= 20
    apps = [str(ROOT / folder / "app.py") for folder in functions]
    path = os.pathsep.join([str(copy), str(ROOT / "layers" / "core")])
    ran = subprocess.run(
        [sys.executable, "-c", RUN, str(copy), str(scratch), *apps],
        env={**os.environ, "PYTHONPATH": path, "AWS_DEFAULT_REGION": "us-east-1", "POWERTOOLS_TRACE_DISABLED": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2_000:]
    assert ran.stdout == "ran 13\n"


@pytest.mark.parametrize("needed", NEEDED)
def test_what_reads_files_is_kept(needed: str) -> None:
    assert not is_trimmed(needed.replace("*", ".cpython-313-x86_64-linux-gnu.so"), TRIMMED)
    assert needed not in TRIMMED


def test_a_slim_library_has_its_segments_and_no_trimmed_one_in_its_needs() -> None:
    library = next((Path(pyarrow.__file__).parent).glob("libarrow_python.so.*00")).read_bytes()
    slimmed = slim(library, lambda name: name.startswith("libarrow_acero"))
    assert len(slimmed) < 0.9 * len(library)
    assert b".symtab" in library
    assert b".symtab" not in slimmed
    changed = [at for at, (one, other) in enumerate(zip(slimmed, library, strict=False)) if one != other]
    assert changed[0] == 40, "the place of the section headers, in the file's header"
    assert changed[-1] - next(at for at in changed if at > 64) < 1_000, "all else is in the table of needs"
    assert slim(slimmed, lambda name: name.startswith("libarrow_acero")) == slimmed
    assert slim(b"text") == b"text"
