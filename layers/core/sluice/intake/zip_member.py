"""The one file in a ZIP archive, as a stream from front to back; the list at the archive's end is not needed for it.

Format: PKWARE's APPNOTE.TXT, 4.3.7 (local file header), 4.3.9 (data descriptor) and 4.3.16 (end of the directory).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from sluice.errors import UnreadableFileError
from sluice.intake.blocks import Chunks

MAGIC = b"PK\x03\x04"
_LAST = b"PK\x05\x06"
_MAX_END = 22 + 2**16
"""The last record, with a comment."""
_END = (b"PK\x01\x02", _LAST, b"PK\x06\x06", b"PK\x06\x08")
"""What follows the last member: the directory, its end, Zip64's record, the archive's extra data."""
_DESCRIPTOR = b"PK\x07\x08"
STORED, DEFLATED = 0, 8
_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 99: "encryption"}
"""Those that are not read. Python's zipfile would unpack some of them without a bound for what it holds at once."""
_WORKBOOK = (b"[Content_Types].xml", b"_rels/", b"docProps/", b"xl/")
_CHUNK = 2**20
_SAVE_SHEET = "save the sheet as CSV (UTF-8), or as .xlsx"
_SAVE = "put one CSV, JSON lines or Parquet file into it, or upload that file as it is"


@dataclass(frozen=True)
class _Member:
    name: str
    method: int
    crc: int
    size: int
    packed_size: int
    described: bool
    """Checksum and sizes stand behind the data."""

    @property
    def beside(self) -> bool:
        """A folder, or what a Mac adds to each file."""
        return self.name.endswith("/") or self.name.startswith("__MACOSX/")


class _Bytes:
    """Chunks from which any number of bytes can be taken."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.rest = b""

    def peek(self, size: int) -> bytes:
        """As many bytes, fewer only at the end."""
        while len(self.rest) < size and (chunk := next(self._chunks, b"")):
            self.rest += chunk
        return self.rest[:size]

    def take(self, size: int) -> bytes:
        """Raises EOFError."""
        found = self.peek(size)
        if len(found) < size:
            raise EOFError("it ends in the middle")
        self.rest = self.rest[size:]
        return found

    def some(self, most: int) -> bytes:
        """At least one byte and at most this many. Raises EOFError."""
        if not self.rest:
            self.peek(1)
        found, self.rest = self.rest[:most], self.rest[most:]
        if not found:
            raise EOFError("it ends in the middle")
        return found


def is_workbook(head: bytes) -> bool:
    """Whether an archive that begins with these bytes is an Excel workbook (.xlsx), by the name of its first part."""
    length = int.from_bytes(head[26:28], "little")
    return head.startswith(MAGIC) and head[30 : 30 + length].startswith(_WORKBOOK)


def other_method(method: int) -> str:
    """The name of a method that is not read.

    >>> other_method(12), other_method(2)
    ('bzip2', 'method 2')
    """
    return _METHODS.get(method, f"method {method}")


def unzipped(chunks: Chunks) -> Chunks:
    """The content of the archive's only file; folders and what a Mac adds are passed over.

    Raises UnreadableFileError for an archive with no file or with several, an Excel workbook, a method other than
    deflate, a password, and a wrong checksum; EOFError and zlib.error for what is cut off or damaged.
    """
    source = _Bytes(chunks)
    found: str | None = None
    while source.peek(4) == MAGIC:
        member = _header(source)
        if member.name == "mimetype":
            raise UnreadableFileError(f"this is an OpenDocument file, such as .ods; {_SAVE_SHEET}")
        if member.name.encode().startswith(_WORKBOOK):
            raise UnreadableFileError(f"this is a workbook whose parts are not in the usual order; {_SAVE_SHEET}")
        if not member.beside:
            if found is not None:
                raise UnreadableFileError(f"the ZIP archive has several files; {_SAVE}")
            found = member.name
        for content in _content(source, member):
            if not member.beside:
                yield content
    if source.peek(4) not in _END:
        raise EOFError("it has no directory at its end")
    if found is None:
        raise UnreadableFileError(f"the ZIP archive is empty: it has no file; {_SAVE}")
    _check_end(source)


def _check_end(source: _Bytes) -> None:
    """Reads to the end. Raises EOFError where the archive's last record is not whole: the upload was cut off."""
    tail = b""
    while source.peek(1):
        tail = (tail + source.rest)[-_MAX_END:]
        source.rest = b""
    at = tail.rfind(_LAST)
    if at < 0 or len(tail) < at + 22 + int.from_bytes(tail[at + 20 : at + 22], "little"):
        raise EOFError("it ends in its directory")


def _header(source: _Bytes) -> _Member:
    fields = struct.unpack("<4s5H3L2H", source.take(30))
    _, _, flags, method, _, _, crc, packed_size, size, name_length, extra_length = fields
    encoded = source.take(name_length)
    name = encoded.decode("utf-8" if flags & 0x800 else "cp437", "replace")
    extra = source.take(extra_length)
    if flags & 1:
        raise UnreadableFileError(f"the ZIP archive has a password; {_SAVE}")
    if method not in (STORED, DEFLATED):
        raise UnreadableFileError(
            f"the file in the ZIP archive is packed with {other_method(method)}; only deflate is read: {_SAVE}"
        )
    described = bool(flags & 8)
    if described and method == STORED and not name.endswith("/"):
        raise UnreadableFileError(f"the ZIP archive does not say how long its file is; {_SAVE}")
    if 0xFFFFFFFF in (size, packed_size):
        size, packed_size = _zip64(extra, size, packed_size)
    return _Member(name, method, crc, size, packed_size, described)


def _zip64(extra: bytes, size: int, packed_size: int) -> tuple[int, int]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1 and length >= 16:
            first, second = struct.unpack_from("<2Q", extra, at + 4)
            return first, second
        at += 4 + length
    return size, packed_size


def _content(source: _Bytes, member: _Member) -> Chunks:
    crc = size = 0
    for content in _inflated(source) if member.method == DEFLATED else _stored(source, member.packed_size):
        crc = zlib.crc32(content, crc)
        size += len(content)
        yield content
    if _described(source, crc, size) if member.described else (member.crc, member.size) == (crc, size):
        return
    raise UnreadableFileError(
        f"the ZIP archive is damaged: its file has another checksum or size than it says; {_SAVE}"
    )


def _inflated(source: _Bytes) -> Chunks:
    unpack = zlib.decompressobj(-zlib.MAX_WBITS)
    while not unpack.eof:
        data = source.some(_CHUNK)
        # never more than a chunk at once, whatever the input unpacks to
        while data and not unpack.eof:
            if found := unpack.decompress(data, _CHUNK):
                yield found
            data = unpack.unconsumed_tail
    source.rest = unpack.unused_data + source.rest


def _stored(source: _Bytes, size: int) -> Chunks:
    while size:
        content = source.some(min(size, _CHUNK))
        size -= len(content)
        yield content


def _described(source: _Bytes, crc: int, size: int) -> bool:
    """Takes the data descriptor: with or without its mark, with sizes of 4 or 8 bytes. False where none fits."""
    for mark in (_DESCRIPTOR, b""):
        for layout, sizes in (("<L", 4), ("<Q", 8)):
            length = len(mark) + 4 + 2 * sizes
            found = source.peek(length + 4)
            body = found[len(mark) : length]
            if len(found) < length + 4 or not found.startswith(mark) or found[length:] not in (MAGIC, *_END):
                continue
            told = struct.unpack_from(layout, body, 4 + sizes)[0]
            if struct.unpack_from("<L", body)[0] == crc and told == size:
                source.take(length)
                return True
    return False
