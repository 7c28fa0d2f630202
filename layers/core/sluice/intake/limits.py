"""How large a file may be: what the function's disk, memory and time can take, known before the file is read."""

from __future__ import annotations

import errno
import time
from dataclasses import dataclass, replace

from sluice.errors import FileTooLargeError
from sluice.ports import Settings

DISK_PARTS = 5
"""What may lie on the disk at once: the file (not text in `raw/`), its accepted rows, and its refused rows, which are
written with their reasons and take a few times as much."""
LINE_PARTS = 16
"""A line of text is held several times over, as text and as objects."""
MEMORY_PARTS = 4
"""A Parquet row group is held as it is read, decoded, as text, and typed."""
MAX_RATIO = 100
"""Bytes that one byte of a packed file may stand for. Tables come to 3 to 30; a file made to fill a disk, to 1,000."""
RATIO_FREE = 2**24
"""Unpacked bytes up to which the ratio does not count: a small file of equal rows harms nobody."""
WAY_OUT = "Split it into smaller files: each becomes a separate dataset, and a run learns from all of them together"


@dataclass(frozen=True)
class Limits:
    """Bytes of a file (unpacked), of a Parquet row group, of a line of text; `until`: a `time.monotonic()`.

    None: no limit.
    """

    file_bytes: int | None = None
    group_bytes: int | None = None
    line_bytes: int | None = None
    until: float | None = None
    seconds: float | None = None

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """From the size of the function's /tmp and memory, which the template gives in its environment."""
        scratch, memory = (_bytes(text) for text in (settings.scratch_mb, settings.memory_mb))
        return cls(
            file_bytes=scratch and scratch // DISK_PARTS,
            group_bytes=memory and memory // MEMORY_PARTS,
            line_bytes=memory and memory // LINE_PARTS,
        )

    def within(self, seconds: float | None) -> Limits:
        """The same limits, and `seconds` from now for the reading."""
        return self if seconds is None else replace(self, until=time.monotonic() + seconds, seconds=seconds)

    def is_beyond(self, size: int | None) -> bool:
        """Whether a file of `size` bytes is too large as a whole; False where nobody knows."""
        return size is not None and self.file_bytes is not None and size > self.file_bytes

    def check_file(self, size: int, what: str = "the file has") -> None:
        """Raises FileTooLargeError when `size` bytes are too many."""
        if self.is_beyond(size) and self.file_bytes is not None:
            raise FileTooLargeError(
                f"{what} {megabytes(size)}, and at most {megabytes(self.file_bytes)} can be read (unpacked). {WAY_OUT}",
                whole=True,
            )

    def check_ratio(self, packed: int, unpacked: int, how: str, instead: str = "send the file unpacked") -> None:
        """Raises FileTooLargeError when so few packed bytes, of which all were read, have unpacked to so many.

        `instead`: what to do with a file that is right.
        """
        if unpacked > max(RATIO_FREE, MAX_RATIO * packed):
            raise FileTooLargeError(
                f"{megabytes(packed)} of {how} unpack to {megabytes(unpacked)} and more, and at most {MAX_RATIO} times "
                f"as much is read. If its rows really are so alike, {instead}"
            )

    def check_group(self, size: int) -> None:
        """Raises FileTooLargeError when a Parquet row group of `size` bytes would not fit into memory."""
        if self.group_bytes is not None and size > self.group_bytes:
            raise FileTooLargeError(
                f"a row group of the Parquet file has {megabytes(size)}, and at most {megabytes(self.group_bytes)} fit "
                "into memory. Write it again with smaller row groups (pandas, pyarrow: row_group_size=100_000)"
            )

    def check_line(self, size: int) -> None:
        """Raises FileTooLargeError when one line of text would not fit into memory."""
        if self.line_bytes is not None and size > self.line_bytes:
            raise FileTooLargeError(
                f"one line of the file has more than {megabytes(self.line_bytes)}: one row in each line is "
                f"expected, so "
                "write JSON as JSON lines (one object on each line), and CSV with line ends"
            )

    def check_time(self) -> None:
        """Raises FileTooLargeError when the time for reading is over. To be asked now and then while reading."""
        if self.until is not None and time.monotonic() > self.until:
            raise FileTooLargeError(f"the file could not be read within {self.seconds:.0f} s. {WAY_OUT}", whole=True)


UNLIMITED = Limits()


def too_large(error: MemoryError | OSError, size: int | None) -> FileTooLargeError | None:
    """The input error that a full memory or disk means; None for any other error of the system."""
    if isinstance(error, OSError) and error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return None
    full = "memory" if isinstance(error, MemoryError) else "temporary disk"
    what = f"its {megabytes(size)}" if size is not None else "it"
    return FileTooLargeError(f"the function's {full} was full before {what} could be read. {WAY_OUT}", whole=True)


def megabytes(size: int) -> str:
    """
    >>> megabytes(2_147_483_648), megabytes(1_500_000)
    ('2,147.5 MB', '1.5 MB')
    """
    return f"{size / 1e6:,.1f} MB"


def _bytes(text: str) -> int | None:
    return int(text) * 2**20 if text else None
