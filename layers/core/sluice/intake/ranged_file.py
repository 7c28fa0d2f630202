"""Bytes that lie elsewhere as a file that can be read at any place, without a copy on the disk."""

from __future__ import annotations

import io
from collections.abc import Callable


class RangedFile(io.RawIOBase):
    """`fetch(start, end)` gives the bytes of a range.

    >>> file = RangedFile(lambda start, end: b"0123456789"[start:end], 10)
    >>> file.seek(-3, 2), file.read(2), file.read()
    (7, b'78', b'9')
    """

    def __init__(self, fetch: Callable[[int, int], bytes], size: int) -> None:
        self._fetch, self._size, self._at = fetch, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._at + size, self._size)
        found = self._fetch(self._at, end) if end > self._at else b""
        self._at += len(found)
        return found
