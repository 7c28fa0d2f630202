"""`make fuzz-intake N=100000`: generated and mutated files through Sluice; prints JSON lines, and fails on any fault.

`python -m tests.messy.fuzz --show SEED` writes the file of a seed beside what is wrong with Sluice's answer to it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from typing import Any

from tests.messy import judge, mutated
from tests.messy.entry import FILE_KEYS
from tests.messy.generated import generate
from tests.messy.judge import Judgement
from tests.messy.known import known_as
from tests.messy.memory import FLOOR_MEGABYTES, MAX_MEGABYTES

CHUNK = 200
EXAMPLES = 5
"""Seeds that are shown for each kind of fault."""


def work(part: tuple[str, int, int]) -> list[tuple[str, Judgement, list[str]]]:
    """The judgements of a range of seeds."""
    kind, start, stop = part
    found: list[tuple[str, Judgement, list[str]]] = []
    for seed in range(start, stop):
        if kind == "mutated":
            found.append((kind, mutated.run(seed), []))
        else:
            file, judgement = judge.run(seed, kind)
            judgement.known = {fault: name for fault in judgement.faults if (name := known_as(file, fault))}
            found.append((kind, judgement, file.style.features))
    return found


def parts(count: int, first: int) -> Iterator[tuple[str, int, int]]:
    """Half of them are generated text, a quarter JSON and Parquet, a quarter mutated."""
    for kind, total in (("generated", count // 2), ("typed", count // 4), ("mutated", count - count // 2 - count // 4)):
        for start in range(0, total, CHUNK):
            yield kind, first + start, first + min(start + CHUNK, total)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--show", type=int, help="a seed: writes its file to standard output")
    options = parser.parse_args()
    if options.show is not None:
        sys.stdout.buffer.write(generate(options.show, frozenset(FILE_KEYS)).body)
        print(f"\n{judge.run(options.show)[1]}", file=sys.stderr)
        return 0
    started = time.monotonic()
    outcomes: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    faults: dict[str, list[tuple[str, Judgement]]] = {}
    slowest, memory, files = 0.0, 0.0, 0
    with ProcessPoolExecutor(options.jobs) as pool:
        for found in pool.map(work, parts(options.files, options.first)):
            for kind, judgement, features in found:
                files += 1
                slowest = max(slowest, judgement.seconds)
                memory = max(memory, judgement.megabytes)
                outcomes[f"{kind} {judgement.outcome}"] += 1
                if judgement.outcome == "failed" and kind != "mutated":
                    refusals.update(features or ["plain"])
                for fault in judgement.faults:
                    faults.setdefault(fault, []).append((kind, judgement))
    for line in chain(_figures(files, faults, slowest, memory), _faults(faults)):
        print(json.dumps(line, ensure_ascii=False))
    seconds = round(time.monotonic() - started)
    print(json.dumps({"name": "fuzzed files", "value": files, "outcomes": outcomes, "seconds": seconds}))
    print(json.dumps({"name": "refused generated files by what is not plain about them", "value": refusals}))
    return int(bool(faults))


def _figures(
    files: int, faults: dict[str, list[tuple[str, Judgement]]], slowest: float, memory: float
) -> Iterator[dict[str, Any]]:
    for name, kinds in (
        ("uncaught exceptions", ("crash",)),
        ("files with a cell that differs from the truth", ("changed", "invented", "accepted a file that is cut off")),
        ("files with a lost or miscounted row", ("lost", "counts", "line")),
        ("plain files or good rows that were refused", ("refused", "good row refused")),
    ):
        value = sum(len(faults.get(kind, [])) for kind in kinds)
        yield {"name": name, "value": value, "goal": 0, "ok": value == 0, "files": files}
    unknown = sum(fault not in one.known for fault, found in faults.items() for _, one in found)
    yield {"name": "faults that are not known ones", "value": unknown, "goal": 0, "ok": unknown == 0}
    yield {"name": "slowest file, s of CPU", "value": round(slowest, 2), "goal": 10, "ok": slowest <= 10}
    free = MAX_MEGABYTES - FLOOR_MEGABYTES
    name = "memory of one file beside the libraries, MB"
    yield {"name": name, "value": round(memory), "goal": free, "ok": memory <= free}


def _faults(faults: dict[str, list[tuple[str, Judgement]]]) -> Iterator[dict[str, Any]]:
    for fault, found in sorted(faults.items()):
        # those that nobody knows come first
        for kind, judgement in sorted(found, key=lambda one: fault in one[1].known)[:EXAMPLES]:
            line = {"fault": fault, "kind": kind, "seed": judgement.seed, "words": judgement.faults[fault]}
            yield line | {"known": judgement.known.get(fault)}


if __name__ == "__main__":
    sys.exit(main())
