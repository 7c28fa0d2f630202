"""From the bytes that arrived to a local file in UTF-8 (or Parquet): by content, never by the file's name."""

from __future__ import annotations

import codecs
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sluice.errors import EmptyFileError, UnreadableFileError
from sluice.intake.limits import UNLIMITED, Limits

_CHUNK = 4 * 2**20
_FOREIGN = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook (.xlsx)",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls)",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"(\xb5/\xfd": "a Zstandard archive",
    b"%PDF": "a PDF",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
}
_MARKUP = {b"<!doctype html": "a web page (HTML)", b"<html": "a web page (HTML)", b"<?xml": "an XML file"}
"""In small letters. Often the page of a login that a program was sent to instead of the file."""


@dataclass(frozen=True)
class Opened:
    """`path` holds Parquet, or text in UTF-8 without byte order mark."""

    path: Path
    kind: Literal["parquet", "text"]
    encoding: str | None = None


def open_arrival(path: Path, scratch: Path, limits: Limits = UNLIMITED) -> Opened:
    """Unpacks gzip, recognises Parquet, turns UTF-16 into UTF-8, drops byte order marks.

    Raises EmptyFileError, UnreadableFileError (with the position of the first byte that is not text) and
    FileTooLargeError.
    """
    if path.stat().st_size == 0:
        raise EmptyFileError("the file is empty; was the upload interrupted?")
    limits.check_file(path.stat().st_size)
    if _head(path)[:2] == b"\x1f\x8b":
        path = _gunzip(path, scratch / "unpacked", limits)
        if path.stat().st_size == 0:
            raise EmptyFileError("the gzip file has no content")
    head = _head(path)
    if head[:4] == b"PAR1":
        return Opened(path, "parquet")
    text = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    foreign = [what for magic, what in _FOREIGN.items() if head.startswith(magic)]
    for what in foreign + [what for start, what in _MARKUP.items() if text.startswith(start)]:
        raise UnreadableFileError(f"this is {what}; save it as CSV (UTF-8), JSON lines or Parquet, gzip allowed")
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise UnreadableFileError("the text is UTF-32; save it as UTF-8")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Opened(_recode(path, scratch / "utf8", "utf-16", limits), "text", "utf-16")
    if head.startswith(codecs.BOM_UTF8):
        return Opened(_recode(path, scratch / "utf8", "utf-8-sig", limits), "text", "utf-8-sig")
    _check_utf8(path, limits)
    return Opened(path, "text", "utf-8")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64)


def _gunzip(path: Path, out: Path, limits: Limits) -> Path:
    size = 0
    try:
        with gzip.open(path, "rb") as packed, out.open("wb") as plain:
            while chunk := packed.read(_CHUNK):
                size += len(chunk)
                limits.check_file(size, f"{path.stat().st_size / 1e6:,.1f} MB of gzip unpack to more than")
                limits.check_time()
                plain.write(chunk)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableFileError(f"the gzip file is damaged or cut off after {size} unpacked bytes: {error}") from None
    return out


def _recode(path: Path, out: Path, encoding: str, limits: Limits) -> Path:
    decoder = codecs.getincrementaldecoder(encoding)()
    read = line = written = 0
    with path.open("rb") as file, out.open("wb") as plain:
        while True:
            chunk = file.read(_CHUNK)
            pending = len(decoder.getstate()[0])
            try:
                text = decoder.decode(chunk, final=not chunk)
                # a lone surrogate passes the UTF-16 decoder's halves only to fail here
                body = text.encode("utf-8")
            except UnicodeError as error:
                offset = read - pending + getattr(error, "start", 0)
                raise UnreadableFileError(
                    f"the text starts like {encoding.removesuffix('-sig').upper()}, but the byte at position {offset} "
                    "does not belong to it; save the file again as UTF-8"
                ) from None
            line = _line(body, line, limits)
            written += plain.write(body)
            limits.check_file(written, "in UTF-8 the file has more than")
            if not chunk:
                return out
            read += len(chunk)


def _check_utf8(path: Path, limits: Limits) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    read = line = 0
    with path.open("rb") as file:
        while True:
            chunk = file.read(_CHUNK)
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                raise UnreadableFileError(
                    f"the byte at position {read - pending + error.start} is not UTF-8; is the file in Windows-1252, "
                    "Latin-1 or another old encoding? Save it as UTF-8 (Excel: “CSV UTF-8”)"
                ) from None
            line = _line(chunk, line, limits)
            if not chunk:
                return
            read += len(chunk)


def _line(chunk: bytes, open_line: int, limits: Limits) -> int:
    """Bytes of the line that is open at the end of `chunk`, after `open_line` before it: a line is held in memory."""
    ends = [at for at in (chunk.find(b"\n"), chunk.find(b"\r")) if at >= 0]
    if not ends:
        limits.check_line(open_line + len(chunk))
        return open_line + len(chunk)
    limits.check_line(open_line + min(ends))
    return len(chunk) - 1 - max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
