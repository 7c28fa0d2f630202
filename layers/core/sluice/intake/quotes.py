"""The quotes of a block of CSV: whether each opens or closes a whole field, or is one of a doubled pair within it.

One bit stands for each byte of the text, so that a few operations on words of 64 bits do what would take as many on
each quote. A byte is within quotes where the number of quotes up to it is odd, which is the running exclusive or of
their bits (Langdale and Lemire, Parsing gigabytes of JSON per second, VLDB Journal 28, 2019).
"""

from __future__ import annotations

import numpy as np

LINE_END, RETURN = ord("\n"), ord("\r")
_BITS = 64
_PIECE = 16_384 * _BITS
"""Bytes that are looked at together, for which three bytes each are in memory."""


def lines_of_whole_fields(text: np.ndarray, quote: int, delimiter: int, *, returns: bool = True) -> int | None:
    """The number of line ends, if all quotes do; else None.

    `text`: bytes from the start of a record, without a lone carriage return; `returns`: whether there may be any.

    >>> texts = (b"1,'a ''b''',2\\n", b"1,a 'b'\\n")
    >>> [lines_of_whole_fields(np.frombuffer(text, np.uint8), ord("'"), ord(",")) for text in texts]
    [1, None]
    """
    edges = {quote, delimiter, LINE_END}
    lines, odd = 0, False
    for start in range(0, len(text), _PIECE):
        piece = text[start : start + _PIECE]
        ends = piece == LINE_END
        lines += int(np.count_nonzero(ends))
        quotes = _bits(piece == quote)
        within = _running_parity(quotes, odd)
        odd = bool(within[(len(piece) - 1) // _BITS] >> np.uint64((len(piece) - 1) % _BITS) & np.uint64(1))
        around = _bits(np.logical_or(ends, piece == delimiter, out=ends)) | quotes
        opens = _moved_up(around, start == 0 or int(text[start - 1]) in edges)
        if returns:
            around |= _bits(piece == RETURN)
        end = start + len(piece)
        closes = _moved_down(around, len(piece), end == len(text) or int(text[end]) in {*edges, RETURN})
        if (quotes & ((within & ~opens) | ~(within | closes))).any():
            return None
    return None if odd else lines


def _bits(mask: np.ndarray) -> np.ndarray:
    """The mask as words, the first byte's bit lowest, filled up with zeros."""
    packed = np.packbits(mask, bitorder="little")
    if len(packed) % 8:
        packed = np.append(packed, np.zeros(8 - len(packed) % 8, np.uint8))
    return packed.view(np.uint64)


def _running_parity(bits: np.ndarray, odd: bool) -> np.ndarray:
    """For each bit, the exclusive or of all bits up to it, and of `odd`."""
    found = bits.copy()
    for places in (1, 2, 4, 8, 16, 32):
        found ^= found << np.uint64(places)
    before = np.bitwise_xor.accumulate(found >> np.uint64(_BITS - 1))
    found[1:] ^= -before[:-1]
    return ~found if odd else found


def _moved_up(bits: np.ndarray, first: bool) -> np.ndarray:
    """Each bit in the place of the one above it."""
    found = bits << np.uint64(1)
    found[1:] |= bits[:-1] >> np.uint64(_BITS - 1)
    found[0] |= np.uint64(first)
    return found


def _moved_down(bits: np.ndarray, count: int, last: bool) -> np.ndarray:
    """Each of `count` bits in the place of the one below it."""
    found = bits >> np.uint64(1)
    found[:-1] |= bits[1:] << np.uint64(_BITS - 1)
    found[(count - 1) // _BITS] |= np.uint64(last) << np.uint64((count - 1) % _BITS)
    return found
