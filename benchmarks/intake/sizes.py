"""What a function of the intake costs before its first row: the layers' bytes and its import; and a drift's time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

from benchmarks.intake.process import ROOT, Environment, NotMeasuredError
from proofs.project import Project

LAYERS = ("core", "data")
FUNCTIONS = ("validate_dataset", "profile_dataset")
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six.py")
"""What Lambda's Python has of itself."""
IMPORT = """
import importlib.util, sys, time
started = time.process_time()
spec = importlib.util.spec_from_file_location("app", sys.argv[1])
spec.loader.exec_module(importlib.util.module_from_spec(spec))
print(time.process_time() - started)
"""


def built_layers(folder: Path, python: str = "") -> list[Path]:
    """Builds the layers with layers/Makefile for Lambda, or for `python`. Raises NotMeasuredError."""
    built = []
    for layer in LAYERS:
        sources, target = folder / f"sources-{layer}{python}", folder / f"layer-{layer}{python}"
        shutil.copytree(ROOT / "layers" / layer, sources, ignore=shutil.ignore_patterns("__pycache__"))
        make = [
            "make",
            "-s",
            "-C",
            str(sources),
            "-f",
            str(ROOT / "layers" / "Makefile"),
            f"build-{layer.title()}Layer",
        ]
        variables = [f"ARTIFACTS_DIR={target}", *([f"LAYER_PYTHON={python}"] if python else [])]
        done = subprocess.run([*make, *variables], capture_output=True, text=True)
        if done.returncode:
            raise NotMeasuredError(f"the layer {layer} could not be built: {done.stderr.strip()[-300:]}")
        built.append(target / "python")
    return built


def as_on_lambda(folder: Path) -> Environment:
    """This Python with the layers and what Lambda's runtime has, and nothing else: no pandas, no development tools.

    All have bytecode, as deployed layers have, and memory is kept as the template says. Raises NotMeasuredError.
    """
    runtime = folder / "runtime"
    runtime.mkdir()
    for name in RUNTIME:
        source = Path(site()) / name
        if source.is_dir():
            shutil.copytree(source, runtime / name)
        else:
            shutil.copy(source, runtime / name)
    layers = built_layers(folder, "local")
    for found in (*layers, runtime):
        subprocess.run(
            [sys.executable, "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash", str(found)],
            check=False,
        )
        _forget(found)
    variables = Project.load().functions()["ValidateDatasetFunction"]["Environment"]["Variables"]
    memory = {name: value for name, value in variables.items() if name.startswith(("MALLOC_", "ARROW_"))}
    return Environment(Path(sys.executable), (*layers, runtime), site=False, settings=memory)


def _forget(folder: Path) -> None:
    """Takes the files out of the system's memory, so that they are read from disk as a function reads its layers.

    The pages of a file that was just written are mapped in larger pieces: 30 MB more for the libraries.
    """
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def site() -> str:
    """The folder of this environment's packages."""
    return sysconfig.get_paths()["purelib"]


def size_mb(folders: list[Path]) -> float:
    return sum(path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file()) / 1e6


def import_ms(function: str, environment: Environment, rounds: int = 5) -> float:
    """The least CPU of some processes that import the function's module, in ms."""
    command = [*environment.command(), "-c", IMPORT, str(ROOT / "functions" / function / "app.py")]
    variables = environment.variables() | {"AWS_LAMBDA_FUNCTION_NAME": function}
    runs = [subprocess.run(command, capture_output=True, text=True, check=True, env=variables) for _ in range(rounds)]
    return 1e3 * min(float(run.stdout) for run in runs)


def drift_ms(profile: dict[str, Any], rounds: int = 5) -> float:
    """The least time that the drift of a profile from a baseline of the same columns takes, in ms."""
    from sluice.profile.drift import population_drift
    from sluice.records.baseline import Baseline

    numbers = {"type": "number", "edges": [float(i) for i in range(11)], "shares": [0.1] * 10, "missing": 0.0}
    words = {"type": "category", "shares": {f"value {i}": 0.02 for i in range(50)}, "missing": 0.0}
    columns = {name: numbers if "quantiles" in column else words for name, column in profile["columns"].items()}
    baseline = Baseline.model_validate({"columns": columns, "rows": 10_000})
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        population_drift(baseline, profile)
        taken.append(time.perf_counter() - started)
    return 1e3 * min(taken)
