"""The accepted rows of a file, in whatever blocks they were read and on however many cores."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sluice.contract import Contract
from sluice.intake import accepted_file
from sluice.intake.blocks import Blocks
from sluice.intake.limits import UNLIMITED
from sluice.intake.validation import validate_file
from sluice.profile.profiler import Profiler
from tests.unit.intake.test_validation import ARRIVED, HEADER, contract

ROWS = 3_000


def body() -> bytes:
    """A row of each kind again and again; one in five breaks a rule, and some words are not their category's name."""
    words = ["ads", "email", " ads", "no such channel", ""]
    rows = [
        f"a{i},{i % 101},{i / 7},{words[i % len(words)]},{'yes' if i % 3 else 'no'},2026-01-02" for i in range(ROWS)
    ]
    return "\n".join([HEADER, *rows, ""]).encode()


def judged(folder: Path, rules: Contract) -> tuple[bytes, bytes, dict[str, Any]]:
    folder.mkdir()
    (folder / "arrival").write_bytes(body())
    profiler = Profiler(rules)
    outcome = validate_file(folder / "arrival", rules, ARRIVED, folder, UNLIMITED, count=profiler.add)
    return outcome.accepted_path.read_bytes(), outcome.quarantine_path.read_bytes(), profiler.profile("one")


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Blocks, "block_size", 4_000)
    monkeypatch.setattr(accepted_file, "ROWS_PER_GROUP", 500)


def test_two_cores_give_the_same_files_and_profile_as_one(tmp_path: Path, small_blocks: None) -> None:
    before, found = pa.cpu_count(), []
    try:
        for cores in (1, 2):
            pa.set_cpu_count(cores)
            found.append(judged(tmp_path / str(cores), contract()))
    finally:
        pa.set_cpu_count(before)
    assert found[0] == found[1]


def test_every_accepted_row_is_in_one_group_and_counted_once(tmp_path: Path, small_blocks: None) -> None:
    _, _, profile = judged(tmp_path / "one", contract())
    path = tmp_path / "one" / "accepted.parquet"
    with pq.ParquetFile(path) as file:
        groups = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    assert all(500 <= rows < 650 for rows in groups[:-1])
    table = pq.read_table(path)
    good = [i for i in range(ROWS) if i % 5 != 3]
    assert table.column("_row").to_pylist() == [i + 2 for i in good]
    assert profile["rows"] == len(good) == sum(groups)
    assert profile["columns"]["channel"]["counts"] == {"ads": 1_200, "email": 600}
    assert profile["columns"]["channel"]["missing"] == 600


def test_many_bytes_end_a_group_before_it_has_its_rows(
    tmp_path: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepted_file, "BYTES_PER_GROUP", 1)
    judged(tmp_path / "one", contract())
    with pq.ParquetFile(tmp_path / "one" / "accepted.parquet") as file:
        assert file.metadata.row_group(0).num_rows < 150


def test_on_two_cores_a_group_is_counted_while_it_is_written(
    tmp_path: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, write, add = threading.Barrier(2, timeout=20), pq.ParquetWriter.write_table, Profiler.add

    def written(*arguments: Any) -> None:
        both.wait()
        write(*arguments)

    def added(*arguments: Any) -> None:
        both.wait()
        add(*arguments)

    monkeypatch.setattr(pa, "cpu_count", lambda: 2)
    monkeypatch.setattr(pq.ParquetWriter, "write_table", written)
    monkeypatch.setattr(Profiler, "add", added)
    assert judged(tmp_path / "one", contract())[2]["rows"] == len([i for i in range(ROWS) if i % 5 != 3])
