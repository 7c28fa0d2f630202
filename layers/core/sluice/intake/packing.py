"""Streams of bytes that were packed, as chunks, one after another."""

from __future__ import annotations

import bz2
import io
import zlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from sluice.errors import UnreadableFileError
from sluice.intake.blocks import Chunks
from sluice.intake.limits import Limits, megabytes
from sluice.intake.zip_member import MAGIC, unzipped

CHUNK = 2**20
PACKED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"(\xb5/\xfd": "Zstandard", MAGIC: "ZIP"}
"""What a packed file begins with, and what it is packed with."""


def packing(head: bytes) -> str | None:
    """
    >>> packing(bytes.fromhex("1f8b08")), packing(b"a,b")
    ('gzip', None)
    """
    return next((name for magic, name in PACKED.items() if head.startswith(magic)), None)


def unpacked(chunks: Chunks, how: str, limits: Limits) -> Chunks:
    """Raises UnreadableFileError for what is damaged or cut off, FileTooLargeError for too much."""
    read = written = 0

    def counted() -> Chunks:
        nonlocal read
        for chunk in chunks:
            read += len(chunk)
            yield chunk

    unpack = {"gzip": _gzip, "bzip2": _bzip2, "Zstandard": _zstandard, "ZIP": unzipped}[how]
    try:
        for chunk in unpack(counted()):
            written += len(chunk)
            limits.check_file(written, f"{megabytes(read)} of {how} unpack to more than")
            limits.check_ratio(read, written, how)
            limits.check_time()
            yield chunk
    except (EOFError, zlib.error, OSError, pa.ArrowException) as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableFileError(f"the {how} file is damaged or cut off after {written} unpacked bytes: {told}") from (
            None
        )


def _gzip(chunks: Chunks) -> Chunks:
    return _members(chunks, lambda: zlib.decompressobj(wbits=31))


def _bzip2(chunks: Chunks) -> Chunks:
    return _members(chunks, bz2.BZ2Decompressor)


def _members(chunks: Chunks, new: Callable[[], Any]) -> Chunks:
    """What several packed files, one written behind the other, unpack to; zero bytes between them are padding."""
    member: Any = None
    for chunk in chunks:
        data = chunk
        while data:
            if member is None:
                data = data.lstrip(b"\0")
                if not data:
                    break
                member = new()
            # never more than CHUNK at once, whatever the input unpacks to
            while found := member.decompress(data, CHUNK):
                yield found
                # zlib hands back the input that it did not use, bz2 keeps it
                data = getattr(member, "unconsumed_tail", b"")
                if member.eof:
                    break
            data, member = (member.unused_data, None) if member.eof else (b"", member)
    if member is not None:
        raise EOFError("it ends in the middle")


def _zstandard(chunks: Chunks) -> Chunks:
    with pa.CompressedInputStream(pa.PythonFile(_Readable(chunks), mode="r"), "zstd") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


class _Readable(io.RawIOBase):
    """Chunks as a file that can be read from the front."""

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._rest:
            self._rest = next(self._chunks, b"")
        cut = len(self._rest) if size < 0 else size
        found, self._rest = self._rest[:cut], self._rest[cut:]
        return found
