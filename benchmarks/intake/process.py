"""One measurement is one process, bound to given cores: its CPU, its wall time and its peak of memory.

`python -m benchmarks.intake.process SUBJECT FILE FOLDER CORES` prints one JSON line. The peers' environment runs this
file too, so nothing here imports Sluice or Arrow at the top.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Environment:
    """A Python, and the folders that it imports from."""

    python: Path
    folders: tuple[Path, ...] = ()
    site: bool = True
    """Whether its own site-packages count as well."""
    settings: dict[str, str] = field(default_factory=dict)
    """Environment variables that it also has."""

    def command(self) -> list[str]:
        return [str(self.python), *([] if self.site else ["-S"])]

    def variables(self, cores: int = 1) -> dict[str, str]:
        threads = {"OMP_NUM_THREADS": str(cores), "OPENBLAS_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
        path = os.pathsep.join(map(str, (*self.folders, ROOT)))
        return os.environ | threads | self.settings | {"PYTHONPATH": path, "AWS_DEFAULT_REGION": "eu-west-1"}


PEERS = Environment(ROOT / ".envs" / "intake" / "bin" / "python")


@dataclass(frozen=True)
class Measured:
    """CPU and wall in seconds, without imports; the peak of memory in MB, imports included."""

    cpu: float
    wall: float
    memory_mb: float
    facts: dict[str, Any] = field(default_factory=dict)


class NotMeasuredError(Exception):
    """A subject could not run; the message says why."""


def measure(subject: str, file: Path, folder: Path, environment: Environment, cores: int = 1) -> Measured:
    """Runs `module.function` of this package on the file. Raises NotMeasuredError."""
    arguments = ["-m", "benchmarks.intake.process", subject, str(file), str(folder), str(cores)]
    command, variables = [*environment.command(), *arguments], environment.variables(cores)
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=variables, cwd=folder)
    except OSError as error:
        raise NotMeasuredError(f"{environment.python}: {error}") from error
    if done.returncode:
        raise NotMeasuredError((done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1][:300])
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    subject, file, folder, cores = sys.argv[1:]
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(cores)])
    module, _, function = subject.partition(".")
    subjects = import_module(f"benchmarks.intake.{module}")
    for needed in getattr(subjects, "MODULES", {}).get(function, ()):
        import_module(needed)
    run = getattr(subjects, function)
    gc.freeze()  # what was imported is never collected: a function does so too (sluice.cold_start)
    wall, cpu = time.monotonic(), time.process_time()
    facts = run(Path(file), Path(folder), int(cores))
    used = {"cpu": time.process_time() - cpu, "wall": time.monotonic() - wall}
    print(json.dumps({**used, "memory_mb": peak_mb(), "facts": facts or {}}))


def peak_mb() -> float:
    """The peak of this program's memory; that of getrusage would be its parent's, if that is greater."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
