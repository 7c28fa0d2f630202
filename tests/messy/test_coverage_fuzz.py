"""The coverage-guided fuzzer without its engine: what it starts from, what it measures, and that it goes on."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.messy import coverage_fuzz
from tests.messy.coverage_fuzz import GROWN, MAX_ENDED, figures
from tests.messy.coverage_inputs import answer, seeds
from tests.messy.memory import Growth


def test_what_it_starts_from_is_of_all_kinds_and_gets_an_answer() -> None:
    judged = [answer(data) for data in seeds()]
    assert [found for found in judged if found.faults] == []
    outcomes = Counter((data[1], found.outcome) for data, found in zip(seeds(), judged, strict=True))
    assert all(outcomes[made, "accepted"] for made in range(6))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process's peak cannot be forgotten")
def test_the_memory_of_a_file_is_its_own_whatever_came_before() -> None:
    large = Growth()
    bytearray(400 * 2**20)
    assert large.fault()
    small = Growth()
    bytearray(64 * 2**20)  # so much comes from the system, not from what a test before left in the heap
    assert 50 < small.megabytes() < 100
    assert not small.fault()


def test_a_process_that_has_grown_is_followed_by_another_until_the_time_is_spent() -> None:
    asked: list[float] = []

    def process(left: float, number: int) -> int:
        asked.append(left)
        subprocess.run([sys.executable, "-c", "sum(range(2_000_000))"], check=True)
        return GROWN

    processes, failed = coverage_fuzz.run(0.3, process)
    assert (processes, failed) == (len(asked), 0)
    assert processes > 1
    assert asked == sorted(asked, reverse=True)


def test_it_gives_up_on_processes_that_fail() -> None:
    assert coverage_fuzz.run(60, lambda left, number: 77) == (MAX_ENDED, MAX_ENDED)
    assert coverage_fuzz.run(60, lambda left, number: 77 if number < 3 else 0) == (3, 2)


def test_what_was_found_fails_the_run(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "process-1.json").write_text('{"inputs": 7, "slowest": 0.5, "largest": 30, "grown": 2}')
    (tmp_path / "process-2.json").write_text('{"inputs": 5, "slowest": 0.2, "largest": 400, "grown": 90}')
    (tmp_path / "fault-slow-1").write_bytes(b"")
    told = {line["name"]: line for line in figures(tmp_path, 2, 1, 90.0)}
    assert told["inputs"]["value"] == 12
    assert told["CPU, minutes"]["value"] == 1.5
    assert [name for name, line in told.items() if line.get("ok") is False] == [
        "processes that failed",
        "inputs without a right answer",
        "memory of one input beside the libraries, MB",
    ]
