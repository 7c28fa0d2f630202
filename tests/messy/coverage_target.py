"""One process of the coverage-guided fuzzer (atheris), in the peers' environment. `tests.messy.coverage_fuzz` runs it.

Arguments: the folder, the seconds of CPU that it may take, and the seed of the fuzzer. What is wrong with an answer is
written beside its input, and the fuzzer goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path

import atheris

# the intake's branches guide the fuzzer; Arrow's own are out of its reach. On Python 3.11 the instrumentation of some
# loops ends in a segmentation fault: such a module is excluded here (faulthandler names it)
with atheris.instrument_imports(include=["sluice.intake"], exclude=["sluice.model.csv_records", "sluice.aws"]):
    from tests.messy.coverage_fuzz import GROWN
    from tests.messy.coverage_inputs import MAX_BYTES, answer, seeds

_MAX_GROWN = 400
"""With atheris's instrumentation, a process keeps some 13 KB of the heap for each input; without it, none."""
_HANG_SECONDS = 120
"""Of wall time: a busy machine is slow. That an input takes at most 10 s of CPU, its judgement looks at."""
_KILLED_MEGABYTES = 3072
_TOLD_EACH = 200


class Target:
    def __init__(self, folder: Path, seconds: float) -> None:
        self._folder, self._seconds = folder, seconds
        self._told = folder / f"process-{os.getpid()}.json"
        self._inputs = 0
        self._slowest = self._largest = 0.0
        self._kept = _resident()

    def __call__(self, data: bytes) -> None:
        found = answer(data)
        self._inputs += 1
        self._slowest = max(self._slowest, found.seconds)
        self._largest = max(self._largest, found.megabytes)
        if found.faults:
            name = f"{min(found.faults).replace(' ', '-')}-{hashlib.sha256(data).hexdigest()[:16]}"
            (self._folder / f"fault-{name}").write_bytes(data)
            with (self._folder / "faults.jsonl").open("a") as told:
                told.write(json.dumps({"input": name} | found.faults) + "\n")
        grown = _resident() - self._kept
        over = time.process_time() >= self._seconds
        if self._inputs % _TOLD_EACH == 0 or over or grown > _MAX_GROWN:
            self._tell(grown)
        if over or grown > _MAX_GROWN:
            sys.stdout.flush()
            # what libFuzzer found so far is in the corpus already
            os._exit(0 if over else GROWN)

    def _tell(self, grown: float) -> None:
        told = {"inputs": self._inputs, "slowest": round(self._slowest, 2)}
        told |= {"largest": round(self._largest), "grown": round(grown)}
        # a process may be ended at any time
        begun = self._told.with_suffix(".part")
        begun.write_text(json.dumps(told))
        begun.replace(self._told)


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    folder, seconds, seed = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for place, data in enumerate(seeds()):
        (corpus / f"seed-{place:04}").write_bytes(data)
    limits = [f"-timeout={_HANG_SECONDS}", f"-rss_limit_mb={_KILLED_MEGABYTES}", f"-max_len={MAX_BYTES}"]
    atheris.Setup(
        ["fuzz", str(corpus), f"-artifact_prefix={folder}/", f"-seed={seed}", *limits], Target(folder, seconds)
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
