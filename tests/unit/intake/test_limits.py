"""Too large is told before it is read, with the size, the limit and the way out."""

from __future__ import annotations

import bz2
import errno
import gzip
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from proofs.project import Project
from sluice.errors import FileTooLargeError
from sluice.intake.limits import RATIO_FREE, UNLIMITED, Limits, too_large
from sluice.intake.opening import Arrival, open_arrival
from sluice.intake.validation import validate_file
from sluice.ports import Settings
from tests.cli.conftest import CONTRACT

NOW = datetime(2026, 11, 29, tzinfo=UTC)
ROWS = b"pages,bought\n" + b"1,yes\n" * 20_000


def zstandard(body: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(body))


PACKERS = [(gzip.compress, "gzip"), (bz2.compress, "bzip2"), (zstandard, "Zstandard")]


def written(folder: Path, body: bytes) -> Path:
    path = folder / "arrival"
    path.write_bytes(body)
    return path


def test_the_template_gives_the_disk_and_memory_that_the_function_has() -> None:
    function = Project.load().source["Resources"]["ValidateDatasetFunction"]["Properties"]
    told = function["Environment"]["Variables"]
    assert told["SLUICE_SCRATCH_MB"] == str(function["EphemeralStorage"]["Size"])
    assert told["SLUICE_MEMORY_MB"] == str(function["MemorySize"])
    limits = Limits.of(Settings(scratch_mb=told["SLUICE_SCRATCH_MB"], memory_mb=told["SLUICE_MEMORY_MB"]))
    assert (limits.file_bytes, limits.group_bytes, limits.line_bytes) == (2 * 2**30, 2**29, 2**27)
    assert Limits.of(Settings()) == UNLIMITED


@pytest.mark.parametrize("pack", [bytes, *(pack for pack, _ in PACKERS)])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-8-sig"])
def test_text_is_measured_unpacked(tmp_path: Path, pack, encoding: str) -> None:
    body = pack(ROWS.decode().encode(encoding))
    limits = Limits(file_bytes=100_000)
    with pytest.raises(FileTooLargeError, match=r"0\.1 MB.*Split it"):
        validate_file(written(tmp_path, body), CONTRACT, NOW, tmp_path, limits)


@pytest.mark.parametrize(("pack", "name"), PACKERS)
def test_unpacking_stops_at_the_limit_not_at_its_end(pack, name: str, tmp_path: Path) -> None:
    bomb = pack(bytes(64 * 2**20))
    opened = open_arrival(Arrival.on_disk(written(tmp_path, bomb)), tmp_path, Limits(file_bytes=2**20))
    sizes: list[int] = []
    with pytest.raises(FileTooLargeError, match=f"of {name} unpack to more than"):
        sizes.extend(map(len, opened.chunks()))
    assert sum(sizes) <= 2**20


@pytest.mark.parametrize(("pack", "name"), PACKERS)
def test_a_packed_file_may_be_a_hundred_times_as_large_and_no_more(pack, name: str, tmp_path: Path) -> None:
    bomb = Arrival.on_disk(written(tmp_path, pack(bytes(64 * 2**20))))
    sizes: list[int] = []
    with pytest.raises(FileTooLargeError, match=f"of {name} unpack to .* at most 100 times.*unpacked") as found:
        sizes.extend(map(len, open_arrival(bomb, tmp_path, UNLIMITED).chunks()))
    assert sum(sizes) <= RATIO_FREE + 2**20
    assert not found.value.whole  # in parts it would be no smaller


@pytest.mark.parametrize(("pack", "name"), PACKERS)
def test_few_equal_rows_are_read_however_well_they_pack(pack, name: str, tmp_path: Path) -> None:
    body = pack(ROWS)
    assert len(ROWS) > 100 * len(body)
    assert validate_file(written(tmp_path, body), CONTRACT, NOW, tmp_path, UNLIMITED).rows == 20_000


def test_parquet_is_measured_by_its_footer(tmp_path: Path) -> None:
    path = tmp_path / "arrival"
    pq.write_table(pa.table({"pages": list(range(100_000)), "bought": [True] * 100_000}), path)
    for limits, told in (
        (Limits(file_bytes=path.stat().st_size + 1), "unpacked, the Parquet file has"),
        (Limits(group_bytes=10_000), "row_group_size"),
    ):
        with pytest.raises(FileTooLargeError, match=told):
            validate_file(path, CONTRACT, NOW, tmp_path, limits)
    assert validate_file(path, CONTRACT, NOW, tmp_path, Limits(2**30, 2**30)).rows == 100_000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_table_on_one_line_is_told_to_be_split_into_lines(tmp_path: Path, encoding: str) -> None:
    body = ('[{"pages": ' + " " * 3_000_000 + "1}]").encode(encoding)
    with pytest.raises(FileTooLargeError, match="JSON lines"):
        validate_file(written(tmp_path, body), CONTRACT, NOW, tmp_path, Limits(line_bytes=2**20))
    body = ("[" + ",".join('{"pages": 1, "bought": true}' for _ in range(100_000)) + "]").encode(encoding)
    assert validate_file(written(tmp_path, body), CONTRACT, NOW, tmp_path, Limits(line_bytes=2**20)).rows == 100_000
    for end in ("\n", "\r", "\r\n"):
        lines = ("pages,bought" + end + ("1" * 1_000 + ",yes" + end) * 9_000).encode(encoding)
        found = validate_file(written(tmp_path, lines), CONTRACT, NOW, tmp_path, Limits(line_bytes=2**20))
        assert found.quarantined == 9_000


def test_time_is_asked_while_reading(tmp_path: Path) -> None:
    with pytest.raises(FileTooLargeError, match="within -1 s"):
        validate_file(written(tmp_path, ROWS), CONTRACT, NOW, tmp_path, UNLIMITED.within(-1))
    assert validate_file(written(tmp_path, ROWS), CONTRACT, NOW, tmp_path, UNLIMITED.within(60)).rows == 20_000


def test_only_full_disks_and_memories_are_the_files_fault() -> None:
    assert "disk" in str(too_large(OSError(errno.ENOSPC, "No space left on device"), 61_000_000))
    assert "61.0 MB" in str(too_large(MemoryError(), 61_000_000))
    assert "memory" in str(too_large(pa.ArrowMemoryError("malloc"), None))
    assert too_large(OSError(errno.EIO, "I/O error"), None) is None
    assert too_large(ConnectionError(), None) is None
