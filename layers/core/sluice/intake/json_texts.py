"""JSON objects out of a stream of text: one on each line, in an array, or one after another as Firehose writes them.

Memory is bounded by the largest object. Lines are cut at their ends, so that a damaged one spoils no other. All other
layouts are cut where an object ends: an object that is not JSON, though its brackets and quotes are in pairs, is one
damaged row; one that never ends is a file that was cut off.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from json import JSONDecoder
from typing import Literal

from sluice.errors import UnreadableFileError
from sluice.intake.blocks import Chunks, Opener, lines_of, not_utf8
from sluice.intake.limits import UNLIMITED, Limits

Layout = Literal["lines", "stream"]
FORMATS: dict[Layout, str] = {"lines": "jsonl", "stream": "json"}
"""What a record calls them."""
_HEAD = 64 * 2**10
_MAX_HEAD = 16 * 2**20
_ARRAY = re.compile(r"\[[ \t]*(?:[{\]]|\r?\n|\r|$)")
_BETWEEN = re.compile(r"[\s,]*")
_SEVERAL = re.compile(r"\}[\s,]*\{")
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|["{}\[\]]', re.DOTALL)
"""A string that has no end is found to have none in one pass: a repetition that may be taken back would hold 120 bytes
for each of its characters."""
_DAMAGED = re.compile(r"[^\s,\]{]+|.", re.DOTALL)
_DECODER = JSONDecoder()


@dataclass(frozen=True)
class Piece:
    """The text that is to be one object, and its line or, where objects do not stand on lines, its number, from 1."""

    number: int
    text: str


def layout(text: Opener) -> Layout | None:
    """How the objects stand in a text; None where it does not begin as JSON does."""
    with closing(text()) as chunks:
        raw, size = b"", _HEAD
        while True:
            chunk = next(chunks, b"")
            raw += chunk
            if chunk and len(raw) < size:
                continue
            found = _layout(raw.decode("utf-8", "replace").lstrip(), bool(chunk) and len(raw) < _MAX_HEAD)
            if found != "undecided":
                return found
            size = 8 * len(raw)


def _layout(head: str, more: bool) -> Layout | Literal["undecided"] | None:
    """`more`: whether the text goes on, and may be looked at further."""
    if _ARRAY.match(head):
        return "stream"
    if not head.startswith("{"):
        return None
    line = re.split(r"[\r\n]", head, maxsplit=1)[0]
    try:
        _, end = _DECODER.raw_decode(head)
    except (ValueError, RecursionError):
        if len(line) < len(head) and line.rstrip()[-1] not in "{[,":
            return "lines"
        return "undecided" if more else "stream" if len(line) == len(head) >= _HEAD else "lines"
    if end > len(line) or line[end:].lstrip().startswith(("{", ",")):
        return "stream"
    # some writers end each of their records with a line end, and others, into the same stream, do not
    whole = head.splitlines()[1 : -1 if more else None]
    return "stream" if any(_SEVERAL.search(line) and _objects(line) > 1 for line in whole) else "lines"


def _objects(line: str) -> int:
    """How many JSON objects stand on a line; 0 if there is anything else."""
    count = at = 0
    while at < len(line):
        try:
            value, at = _DECODER.raw_decode(line, at)
        except (ValueError, RecursionError):
            return 0
        if not isinstance(value, dict):
            return 0
        count += 1
        at = _BETWEEN.match(line, at).end()  # type: ignore[union-attr]  # it matches nothing, too
    return count


def is_lists(text: Opener) -> bool:
    """Whether a text has JSON lists where objects are expected: one on each line, or in an array."""
    with closing(text()) as chunks:
        head = next(chunks, b"")[:_HEAD].decode("utf-8", "replace").lstrip()
    if re.match(r"\[\s*\[", head):
        return True
    try:
        return isinstance(json.loads(re.split(r"[\r\n]", head, maxsplit=1)[0]), list)
    except (ValueError, RecursionError):
        return False


def pieces(text: Opener, limits: Limits = UNLIMITED) -> Iterator[Piece]:
    """Also blank lines, where each line is to be an object.

    Raises UnreadableFileError for bytes that are not UTF-8 and for an object or array that never ends, and
    FileTooLargeError for an object or a file beyond the limits.
    """
    if layout(text) != "stream":
        for number, line in enumerate(lines_of(text(), limits), 1):
            yield Piece(number, line.strip())
        return
    for number, found in enumerate(_Stream(_text(text(), limits), limits), 1):
        yield Piece(number, found)


def groups(found: Iterable[Piece], size: int) -> Iterator[list[str]]:
    """The texts of pieces in groups of about `size` characters."""
    group: list[str] = []
    have = 0
    for piece in found:
        group.append(piece.text)
        have += len(piece.text)
        if have >= size:
            yield group
            group, have = [], 0
    if group:
        yield group


class _Stream:
    def __init__(self, parts: Iterator[str], limits: Limits) -> None:
        self._parts = parts
        self._limits = limits
        self._buffer = ""
        self._at = 0
        self._passed = 0
        """Characters before the buffer."""
        self._in_array = False

    def __iter__(self) -> Iterator[str]:
        while self._to_next():
            sign = self._buffer[self._at]
            if sign == "[" and not self._in_array:
                self._in_array = True
                self._at += 1
            elif sign == "]" and self._in_array:
                self._in_array = False
                self._at += 1
            else:
                end = self._end()
                yield self._buffer[self._at : end]
                self._at = end
        if self._in_array:
            raise UnreadableFileError("the JSON array has no end: the file was cut off. Upload it again")

    def _to_next(self) -> bool:
        """Moves to what stands behind blanks and commas; False at the end of the text."""
        while True:
            found = _BETWEEN.match(self._buffer, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._buffer):
                return True
            if not self._more(1):
                return False

    def _more(self, size: int) -> bool:
        """At least `size` characters more into the buffer, from which what was read is dropped; False at the end."""
        fresh, have = [self._buffer[self._at :]], 0
        self._passed, self._at = self._passed + self._at, 0
        while have < size and (part := next(self._parts, None)) is not None:
            fresh.append(part)
            have += len(part)
        self._buffer = "".join(fresh)
        return have > 0

    def _end(self) -> int:
        """Where the value that begins here ends. Each round doubles what is looked at."""
        whole = False
        while (length := self._length(whole)) is None:
            if whole:
                raise UnreadableFileError(
                    f"the JSON value that begins at character {self._passed + self._at} has no end: the file was cut "
                    "off, or a quote or bracket is missing. Upload it again, or write one object on each line: then a "
                    "damaged one spoils no other"
                )
            have = len(self._buffer) - self._at
            self._limits.check_line(have)
            whole = not self._more(have)
        return self._at + length

    def _length(self, whole: bool) -> int | None:
        """Length of the value that begins here; None if its end is not in the buffer. `whole`: the text ends there."""
        left = len(self._buffer) - self._at
        try:
            length: int | None = _DECODER.raw_decode(self._buffer, self._at)[1] - self._at
        except (ValueError, RecursionError):
            length = self._balanced()
        is_open = self._buffer[self._at] not in '{["'
        return None if length == left and is_open and not whole else length

    def _balanced(self) -> int | None:
        """The length of a value that is not JSON, by its brackets and quotes."""
        if self._buffer[self._at] not in '{["':
            damaged = _DAMAGED.match(self._buffer, self._at)
            return damaged.end() - self._at if damaged else None
        depth = 0
        for token in _TOKEN.finditer(self._buffer, self._at):
            if token[0] == '"':
                # it closes nothing in the buffer
                return None
            depth += (token[0] in "{[") - (token[0] in "}]")
            if depth <= 0:
                return token.end() - self._at
        return None


def _text(chunks: Chunks, limits: Limits) -> Iterator[str]:
    """Raises UnreadableFileError with the position of the first byte that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    read, ended = 0, False
    while not ended:
        chunk = next(chunks, b"")
        ended = not chunk
        limits.check_time()
        pending = len(decoder.getstate()[0])
        try:
            part = decoder.decode(chunk, final=ended)
        except UnicodeDecodeError as error:
            raise not_utf8(read - pending + error.start) from None
        read += len(chunk)
        limits.check_file(read, "unpacked and in UTF-8 the file has more than")
        if part:
            yield part
