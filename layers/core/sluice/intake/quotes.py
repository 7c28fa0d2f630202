"""The quotes of a block of CSV: whether each opens or closes a whole field, or is one of a doubled pair within it.

One bit stands for each byte of the text, so that a few operations on words of 64 bits do what would take as many on
each quote. A byte is within quotes where the number of quotes up to it is odd, which is the running exclusive or of
their bits (Langdale and Lemire, Parsing gigabytes of JSON per second, VLDB Journal 28, 2019).
"""

from __future__ import annotations

import numpy as np

_LINE_END, _RETURN = ord("\n"), ord("\r")
_BITS = 64


def enclose_fields(text: np.ndarray, quote: int, delimiter: int) -> bool:
    """Whether all quotes do. `text`: bytes from the start of a record, without a lone carriage return.

    >>> texts = (b"1,'a ''b''',2", b"1,a 'b'")
    >>> [enclose_fields(np.frombuffer(text, np.uint8), ord("'"), ord(",")) for text in texts]
    [True, False]
    """
    quotes = _bits(text == quote)
    within = _running_parity(quotes)
    if within[-1] >> np.uint64(_BITS - 1):
        return False
    edges = _bits((text == delimiter) | (text == _LINE_END)) | quotes
    opens = _moved_up(edges)
    opens[0] |= np.uint64(1)
    returns = text == _RETURN
    closes = _moved_down(edges | _bits(returns) if returns.any() else edges)
    last = len(text) - 1
    closes[last // _BITS] |= np.uint64(1) << np.uint64(last % _BITS)
    stray = quotes & ((within & ~opens) | ~(within | closes))
    return not stray.any()


def _bits(mask: np.ndarray) -> np.ndarray:
    """The mask as words, the first byte's bit lowest, filled up with zeros."""
    words = np.zeros(-(-len(mask) // _BITS), np.uint64)
    packed = np.packbits(mask, bitorder="little")
    words.view(np.uint8)[: len(packed)] = packed
    return words


def _running_parity(bits: np.ndarray) -> np.ndarray:
    """For each bit, the exclusive or of all bits up to it."""
    found = bits.copy()
    for places in (1, 2, 4, 8, 16, 32):
        found ^= found << np.uint64(places)
    odd = np.bitwise_xor.accumulate(found >> np.uint64(_BITS - 1))
    found[1:] ^= -odd[:-1]
    return found


def _moved_up(bits: np.ndarray) -> np.ndarray:
    found = bits << np.uint64(1)
    found[1:] |= bits[:-1] >> np.uint64(_BITS - 1)
    return found


def _moved_down(bits: np.ndarray) -> np.ndarray:
    found = bits >> np.uint64(1)
    found[:-1] |= bits[1:] << np.uint64(_BITS - 1)
    return found
