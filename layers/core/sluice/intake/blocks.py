"""Blocks of whole lines from a stream of UTF-8, so that memory depends on the block and never on the file."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence

import numpy as np

from sluice.errors import FileTooLargeError, UnreadableFileError
from sluice.intake.limits import UNLIMITED, Limits

Chunks = Generator[bytes, None, None]
Opener = Callable[[], Chunks]
"""Starts the text again: its bytes in UTF-8, without a byte order mark, in chunks of any size."""
BLOCK = 4 * 2**20
"""A larger block takes fewer calls, and more memory: about 3 bytes for each of its own."""
_FEW = 64 * 2**10
_LINE_END, _BEYOND_ASCII = ord("\n"), 0x80


class Blocks:
    """Hands out the text block by block, or line by line.

    Raises UnreadableFileError for bytes that are not UTF-8 and FileTooLargeError for a line or file beyond the limits,
    when it comes to them.
    """

    block_size = BLOCK

    def __init__(self, chunks: Chunks, limits: Limits = UNLIMITED, quote: str = '"') -> None:
        self._chunks = chunks
        self._limits = limits
        self._quote = quote.encode("ascii")
        self._parts: list[bytes] = []
        self._have = 0
        """Bytes in the parts: what was read and is not yet taken."""
        self._taken = 0
        self._read = 0
        self._ended = False
        self._error: Exception | None = None
        self._ready: deque[str] = deque()
        self.number = 0
        """Lines handed out so far, one by one."""

    def take(self, size: int | None = None) -> bytes:
        """About `size` bytes (`block_size` by default) of whole lines; more for a longer line, none at the text's end.

        A block ends outside quotes where one of its line ends has an even number of quotes before it.
        """
        size = size or self.block_size
        # one byte more shows whether the text ends here, however far it was read
        self._fill(size + 1)
        block = self._from_parts(size)
        if block is None:
            block = self._from_buffer(size)
        self._taken += len(block)
        try:
            self._check_text(block)
        except UnreadableFileError:
            self.give_back([block])
            raise
        return block

    def _fill(self, size: int) -> None:
        """At least `size` bytes into the parts, as long as there are any."""
        while self._have < size and not self._ended:
            if self._error is not None:
                raise self._error
            try:
                chunk = self._next_chunk()
            except Exception as error:
                # the source has ended by it, and what is given back is read again before it
                self._error = error
                raise
            if chunk is None:
                self._ended = True
                break
            self._parts.append(chunk)
            self._have += len(chunk)

    def _next_chunk(self) -> bytes | None:
        chunk = next(self._chunks, None)
        if chunk is not None:
            self._limits.check_time()
            self._read += len(chunk)
            self._limits.check_file(self._read, "unpacked and in UTF-8 the file has more than")
        return chunk

    def give_back(self, blocks: Sequence[bytes]) -> None:
        """Puts the blocks that were taken last, and no line of which was handed out, before the rest of the text."""
        self._keep([*blocks, *self._parts])
        self._taken -= sum(map(len, blocks))

    def _keep(self, parts: list[bytes]) -> None:
        self._parts, self._have = parts, sum(map(len, parts))

    def _from_parts(self, size: int) -> bytes | None:
        """The block of a usual text, whose bytes are copied once; None where it takes a closer look."""
        if self._ended and self._have <= size:
            block = b"".join(self._parts)
            self._keep([])
            return block
        left = size - self._have
        for at in reversed(range(len(self._parts))):
            left += len(self._parts[at])
            cut = self._parts[at].rfind(b"\n", 0, left) + 1 if left > 0 else 0
            if cut:
                break
        else:
            return None
        taken: list[bytes | memoryview] = [*self._parts[:at], memoryview(self._parts[at])[:cut]]
        if sum(int(np.count_nonzero(self._quotes(part))) for part in taken) % 2:
            return None
        self._keep([self._parts[at][cut:], *self._parts[at + 1 :]])
        return b"".join(taken)

    def _from_buffer(self, size: int) -> bytes:
        buffer = b"".join(self._parts)
        while not (cut := self._cut(buffer, size)):
            # where a line is longer than the block, each round doubles what is looked at
            self._fill(2 * len(buffer))
            buffer = b"".join(self._parts)
            try:
                self._limits.check_line(len(buffer))
            except FileTooLargeError as error:
                self._error = error
                raise
            if self._ended:
                cut = len(buffer)
                break
        self._keep([buffer[cut:]])
        return buffer[:cut]

    def _cut(self, buffer: bytes, size: int) -> int:
        """Where a block may end; 0 if no line ends in the buffer."""
        if self._ended and len(buffer) <= size:
            return len(buffer)
        end = max(size, len(buffer)) if buffer.find(b"\n", 0, size) < 0 else size
        cut = buffer.rfind(b"\n", 0, end) + 1
        if not cut:
            # old Macintosh files; a line feed may still follow the last carriage return
            return buffer.rfind(b"\r", 0, len(buffer) - 1) + 1
        quotes = np.flatnonzero(self._quotes(buffer[:cut]))
        if len(quotes) % 2 == 0:
            return cut
        ends = np.flatnonzero(np.frombuffer(buffer, np.uint8, cut) == _LINE_END)
        outside = ends[np.searchsorted(quotes, ends) % 2 == 0]
        return int(outside[-1]) + 1 if len(outside) else cut

    def _quotes(self, text: bytes | memoryview) -> np.ndarray:
        """Which of the bytes are quotes."""
        found: np.ndarray = np.frombuffer(text, np.uint8) == self._quote[0]
        return found

    def _check_text(self, block: bytes) -> None:
        if np.frombuffer(block, np.uint8).max(initial=0) < _BEYOND_ASCII:
            return
        try:
            block.decode("utf-8")
        except UnicodeDecodeError as error:
            raise not_utf8(self._taken - len(block) + error.start) from None

    @property
    def taken(self) -> int:
        """Bytes of the text that were handed out, as a block or to be handed out line by line."""
        return self._taken

    @property
    def pending(self) -> bool:
        """Whether lines of a block that was fed are left."""
        return bool(self._ready)

    def feed(self, block: bytes) -> None:
        """Hands out the lines of `block` next."""
        self._ready.extend(io.StringIO(block.decode("utf-8"), newline=""))

    def next(self) -> str | None:
        """The next line with its end; None at the end of the text."""
        if not self._ready:
            self.feed(self.take(_FEW))
        if not self._ready:
            return None
        self.number += 1
        return self._ready.popleft()

    def push_back(self, lines: Sequence[str]) -> None:
        self._ready.extendleft(reversed(lines))
        self.number -= len(lines)

    def next_filled(self) -> str | None:
        """The next line that is not blank."""
        while (line := self.next()) is not None:
            if line.strip():
                return line
        return None

    def unread(self) -> None:
        """Puts what was fed and not handed out back before the text that is to be taken."""
        rest = "".join(self._ready).encode("utf-8")
        self._ready.clear()
        self._keep([rest, *self._parts])
        self._taken -= len(rest)


class Replayed:
    """Opens the start of a text several times, and reads it once; what was read is kept."""

    def __init__(self, text: Opener) -> None:
        self._chunks = text()
        self._kept: list[bytes] = []

    def __call__(self) -> Chunks:
        at = 0
        while at < len(self._kept) or self._more():
            yield self._kept[at]
            at += 1

    def _more(self) -> bool:
        chunk = next(self._chunks, None)
        if chunk is not None:
            self._kept.append(chunk)
        return chunk is not None


def not_utf8(position: int) -> UnreadableFileError:
    """What to raise for the byte at `position`, counted from 0."""
    return UnreadableFileError(
        f"the byte at position {position} is not UTF-8, and other encodings are not guessed. "
        "Name it in the contract as data.file.encoding (cp1252 for Windows-1252, latin-1 for Latin-1, "
        "iso-8859-7, big5, gbk, …), or save the file as UTF-8 (Excel: “CSV UTF-8”)"
    )


def lines_of(chunks: Chunks, limits: Limits = UNLIMITED) -> Iterator[str]:
    """The lines of a text, each with its end."""
    blocks = Blocks(chunks, limits)
    while block := blocks.take():
        yield from io.StringIO(block.decode("utf-8"), newline="")
