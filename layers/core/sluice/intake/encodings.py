"""Text of any encoding as a stream of UTF-8. No encoding is guessed in which the same bytes could be other letters."""

from __future__ import annotations

import codecs
import re

from sluice.errors import UnreadableFileError
from sluice.intake.blocks import Chunks

_HEAD = 64
_CONTROLS = re.compile(rb"[\x80-\x9f]")
_IN_TEXT = frozenset(b"\t\n\v\f\r\x1a\x1b")
"""Control characters of lines, the old end of a file, and the escape of Japanese encodings."""
_SEPARATORS = 3
"""Hive writes three others: between columns, elements, and keys and values."""
_MANY = 16
"""In an encoding of several bytes a letter, a few letters alone may be UTF-8 by chance; not so many."""


def named_in_utf8(chunks: Chunks, encoding: str) -> Chunks:
    """Text of the encoding that the contract names, as UTF-8.

    Raises UnreadableFileError with the position of the first byte that does not belong to it; and where the whole text
    is UTF-8, which would be read as other letters. The bytes 128 to 159 are control characters in Latin-1 and its like,
    which no text has: they are quotes, dashes or the euro sign in an encoding of Windows.
    """
    if encoding.startswith("iso8859"):
        chunks = _without_controls(chunks, encoding)
    check = None if encoding.startswith(("utf-16", "utf-32")) else _Utf8Check()
    told = f"the contract's data.file.encoding is {encoding}"
    yield from _recoded(chunks, encoding, told, check)
    if check is not None and check.letters >= (1 if _is_single_byte(encoding) else _MANY):
        raise UnreadableFileError(
            f"{told}, but the text is UTF-8 from its start to its end, with {check.letters} letters beyond "
            "ASCII. Take the key out of the contract, or save the file in that encoding"
        )


def _without_controls(chunks: Chunks, encoding: str) -> Chunks:
    read = 0
    for chunk in chunks:
        if not chunk.isascii() and (found := _CONTROLS.search(chunk)):
            at = read + found.start()
            raise UnreadableFileError(
                f"the contract's data.file.encoding is {encoding}, in which the byte at position {at} is a control "
                "character. The file is probably in an encoding of Windows: name it, such as cp1252 instead of latin-1"
            )
        read += len(chunk)
        yield chunk


def utf16_in_utf8(chunks: Chunks, encoding: str) -> Chunks:
    """UTF-16 as UTF-8, without its mark. Raises UnreadableFileError with the position of the first fault."""
    return _recoded(chunks, encoding, f"the text starts like {encoding.upper()}")


def without_mark(chunks: Chunks) -> Chunks:
    """UTF-8 without its byte order mark."""
    first = next(chunks, b"")
    while len(first) < len(codecs.BOM_UTF8) and (more := next(chunks, b"")):
        first += more
    yield first.removeprefix(codecs.BOM_UTF8)
    yield from chunks


def unmarked_utf16(head: bytes) -> str | None:
    """UTF-16 without its mark: characters of Latin-1 with a zero byte beside each, as no other text has them.

    >>> unmarked_utf16("id,name".encode("utf-16-le")), unmarked_utf16(b"id,name")
    ('utf-16-le', None)
    """
    even, odd = head[:_HEAD:2], head[1:_HEAD:2]
    if len(odd) < 4:
        return None
    if not any(odd) and 0 not in even:
        return "utf-16-le"
    return "utf-16-be" if not any(even) and 0 not in odd else None


def is_binary(head: bytes) -> bool:
    """Neither UTF-8 nor text of one byte or several a letter: such text has no zero bytes, and a few control characters
    at most besides those of lines and tabs, as separators.

    >>> is_binary(b"\\x7fELF\\x02\\x01\\x01\\xff\\x00\\x00"), is_binary("id,café".encode("latin-1"))
    (True, False)
    """
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        controls = {byte for byte in head if byte < 32} - _IN_TEXT
        return 0 in controls or len(controls) > _SEPARATORS
    return False


class _Utf8Check:
    """Whether the bytes so far are UTF-8, and how many letters of several bytes they have; none if they are not."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._valid = True
        self._letters = 0

    @property
    def letters(self) -> int:
        return self._letters if self._valid else 0

    def add(self, chunk: bytes) -> None:
        if not self._valid or (chunk.isascii() and chunk and not self._decoder.getstate()[0]):
            return
        try:
            text = self._decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError:
            self._valid = False
            return
        self._letters += sum(1 for letter in text if letter > "\x7f") if not text.isascii() else 0


def _recoded(chunks: Chunks, encoding: str, told: str, check: _Utf8Check | None = None) -> Chunks:
    decoder = codecs.getincrementaldecoder(encoding)()
    read = 0
    ended = False
    while not ended:
        chunk = next(chunks, b"")
        ended = not chunk
        if check is not None:
            check.add(chunk)
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(chunk, final=ended)
            # a lone surrogate passes the UTF-16 decoder's halves only to fail here
            body = text.encode("utf-8")
        except UnicodeError as error:
            offset = read - pending + getattr(error, "start", 0)
            raise UnreadableFileError(
                f"{told}, but the byte at position {offset} does not belong to it; save the file again as UTF-8"
            ) from None
        if body:
            yield body
        read += len(chunk)


def _is_single_byte(encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    return len(decoder.decode(bytes(range(128, 256)), final=True)) == 128
