"""From the bytes that arrived to a stream of UTF-8 (or a Parquet file): by content, never by the file's name."""

from __future__ import annotations

import codecs
import hashlib
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Literal

from sluice.errors import EmptyFileError, UnreadableFileError
from sluice.intake.blocks import Chunks, Opener
from sluice.intake.encodings import is_binary, named_in_utf8, unmarked_utf16, utf16_in_utf8, without_mark
from sluice.intake.limits import UNLIMITED, Limits
from sluice.intake.packing import CHUNK, packing, unpacked
from sluice.intake.zip_member import is_workbook

_FOREIGN = {
    b"PK\x05\x06": "an empty ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls), or one with a password",
    b"\xfd7zXZ\x00": "an xz archive",
    b"%PDF": "a PDF",
    b"ORC": "an ORC file",
    b"\xff\x06\x00\x00sNaPpY": "a Snappy file",
    b"\x82SNAPPY\x00": "a Snappy file",
    b"Obj\x01": "an Avro file",
    b"ARROW1": "an Arrow (Feather) file",
    b"SQLite format 3\x00": "an SQLite database",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"\x80\x03": "a Python pickle",
    b"\x80\x04\x95": "a Python pickle",
    b"\x80\x05\x95": "a Python pickle",
    b"X\n\x00\x00\x00": "an R data file",
    b"RDX": "an R data file",
    b"<stata_dta>": "a Stata file",
    b"HEADER RECORD*******": "a SAS transport file",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"{\\rtf": "an RTF document",
    b"version https://git-lfs": "a pointer of Git LFS, and not the file that it points to",
}
_TAR = slice(257, 262), b"ustar"
_MARKUP = {
    **dict.fromkeys((b"<!doctype html", b"<html", b"<table", b"<meta"), "a web page (HTML)"),
    **dict.fromkeys((b"<?xml", b"<error>"), "an XML file"),
}
"""In small letters. Often the page of a login that a program was sent to instead of the file."""
_HEAD = 512


class Arrival:
    """The bytes that arrived, from wherever they are read; `chunks` starts them again.

    The first chunk is kept, since what a file is shows at its start. `sha256` is known when one pass came to the end.
    """

    def __init__(self, source: Opener, path: Path | None = None, seekable: IO[bytes] | None = None) -> None:
        self._source = source
        self._first: bytes | None = None
        self.path = path
        self.seekable = seekable
        """The same bytes, read at any place: Parquet is not copied to the disk then."""
        self.sha256: str | None = None

    @classmethod
    def on_disk(cls, path: Path) -> Arrival:
        return cls(partial(chunks_of, path), path)

    def chunks(self) -> Chunks:
        if self.path is not None:
            # a file on the disk can be read for its digest later, if anybody asks
            yield from self._source()
            return
        digest = hashlib.sha256()
        for chunk in self._source():
            digest.update(chunk)
            yield chunk
        self.sha256 = digest.hexdigest()

    def digest(self) -> str:
        """SHA-256 of all bytes; they are read for it only if no pass came to the end."""
        if self.sha256 is None:
            digest = hashlib.sha256()
            for chunk in self._source():
                digest.update(chunk)
            self.sha256 = digest.hexdigest()
        return self.sha256

    def head(self) -> bytes:
        """Some bytes of the start; none of an empty file."""
        if self._first is None:
            with closing(self._source()) as stream:
                self._first = next(stream, b"")
        return self._first


@dataclass(frozen=True)
class Opened:
    """`path` holds Parquet or a workbook; or `chunks` starts the text again, in UTF-8 without byte order mark."""

    kind: Literal["parquet", "workbook", "text"]
    chunks: Opener
    path: Path | IO[bytes] | None = None
    encoding: str | None = None
    shift: int | None = None
    """Where the text begins in the bytes that arrived; None where these are not the text: packed, or recoded."""


def open_arrival(arrival: Arrival, scratch: Path, limits: Limits = UNLIMITED, encoding: str | None = None) -> Opened:
    """Recognises what the file is: packed, Parquet, a workbook, or text in UTF-8 or UTF-16. Text is unpacked as it is
    read.

    `scratch`: a folder for what must be on the disk and is not there yet. `encoding`: the contract's
    `data.file.encoding`, for text without a byte order mark. Raises EmptyFileError, UnreadableFileError and
    FileTooLargeError; so does the reading of `chunks`, with the position of the first byte that is not text.
    """
    head = arrival.head()
    if not head:
        raise EmptyFileError("the file is empty; was the upload interrupted?")
    raw: Opener = arrival.chunks
    if is_workbook(head):
        # the list of its parts stands at its end
        return Opened("workbook", raw, arrival.path or _written(raw, scratch / "arrival.xlsx", limits))
    path: Path | IO[bytes] | None = arrival.path or arrival.seekable
    if how := packing(head):
        packed, path = raw, None
        raw = lambda: unpacked(packed(), how, limits)  # noqa: E731 (a stream that can be started again)
        head = _head(raw)
        if not head:
            raise EmptyFileError(f"the {how} file has no content")
        if again := packing(head):
            raise UnreadableFileError(f"the file is packed twice ({how}, then {again}); pack it once")
    if head[:4] == b"PAR1":
        # a reader of Parquet needs the end of the file first
        return Opened("parquet", raw, path or _written(raw, scratch / "arrival.parquet", limits))
    text = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    foreign = [what for magic, what in _FOREIGN.items() if head.startswith(magic)]
    foreign += ["a tar archive"] if head[_TAR[0]] == _TAR[1] else []
    for what in foreign + [what for start, what in _MARKUP.items() if text.startswith(start)]:
        raise UnreadableFileError(
            f"this is {what}; save it as CSV (UTF-8), .xlsx, JSON lines or Parquet; gzip, bzip2, Zstandard "
            "and ZIP with one file are allowed"
        )
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise UnreadableFileError("the text is UTF-32; save it as UTF-8")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Opened("text", lambda: utf16_in_utf8(raw(), "utf-16"), encoding="utf-16")
    if head.startswith(codecs.BOM_UTF8):
        return Opened("text", lambda: without_mark(raw()), encoding="utf-8-sig", shift=None if how else 3)
    named = codecs.lookup(encoding).name if encoding else "utf-8"
    if named != "utf-8":
        return Opened("text", lambda: named_in_utf8(raw(), named), encoding=named)
    if unmarked := unmarked_utf16(head):
        return Opened("text", lambda: utf16_in_utf8(raw(), unmarked), encoding=unmarked)
    if is_binary(head):
        raise UnreadableFileError(
            "this is not a text file but binary data of a kind that Sluice does not know; export it as CSV (UTF-8), "
            ".xlsx, JSON lines or Parquet. If it is text, save it as UTF-8"
        )
    return Opened("text", raw, encoding="utf-8", shift=None if how else 0)


def chunks_of(path: Path) -> Chunks:
    """The bytes of a file on the disk."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _head(chunks: Opener) -> bytes:
    head = b""
    with closing(chunks()) as stream:
        for chunk in stream:
            head += chunk[:_HEAD]
            if len(head) >= _HEAD:
                break
    return head


def _written(chunks: Opener, out: Path, limits: Limits) -> Path:
    size = 0
    with out.open("wb") as file:
        for chunk in chunks():
            size += file.write(chunk)
            limits.check_file(size)
            limits.check_time()
    return out
