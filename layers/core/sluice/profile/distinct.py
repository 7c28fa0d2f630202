"""How many values differ, from the smallest hashes: exact up to KEPT values, above that within about 0.6 %.

The k-minimum-values sketch (Bar-Yossef et al., Counting distinct elements in a data stream, RANDOM 2002): of n distinct
values, whose hashes are uniform over [0, 1), the k-th smallest hash is about k / n, with a standard error of 0.55 %.
Two sketches merge by keeping the smallest hashes of both, so that no split of the data changes the answer.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import pyarrow as pa

from sluice.model.text_buffers import offsets_and_bytes

KEPT = 32_768
_LONG = 4_096
"""Bytes."""
_TOGETHER = 16_384
"""Texts that are hashed at a time: each takes some 80 bytes of memory for it."""
_WORD = np.uint64(8)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_HALF = np.uint64(32)
_STEP = np.uint64(0x9E3779B97F4A7C15)


class Distinct:
    """
    >>> seen = Distinct()
    >>> seen.add(hash_numbers(np.array([1.0, 2.0, 2.0, -0.0, 0.0])))
    >>> seen.count
    3
    """

    def __init__(self) -> None:
        self._smallest = np.zeros(0, np.uint64)
        self._pending: list[np.ndarray] = []
        self._waiting = 0

    def add(self, hashes: np.ndarray) -> None:
        if len(self._smallest) == KEPT:
            hashes = hashes[hashes < self._smallest[-1]]
        self._pending.append(hashes)
        self._waiting += len(hashes)
        if self._waiting > KEPT:
            self.settle()

    def merge(self, other: Distinct) -> None:
        other.settle()
        self.add(other._smallest)

    @property
    def exact(self) -> bool:
        self.settle()
        return len(self._smallest) < KEPT

    @property
    def count(self) -> int:
        if self.exact:
            return len(self._smallest)
        return round((KEPT - 1) / ((float(self._smallest[-1]) + 1) / 2**64))

    def settle(self) -> None:
        if self._pending:
            found = np.sort(np.concatenate([self._smallest, *self._pending]))
            # not np.unique, whose hash table is slower than this sort
            self._smallest = found[np.concatenate(([True], found[1:] != found[:-1]))[: len(found)]][:KEPT]
            self._pending, self._waiting = [], 0


def hash_numbers(values: np.ndarray) -> np.ndarray:
    """A 64-bit hash of each integer or float; equal numbers have equal hashes."""
    values = values + 0.0 if values.dtype == np.float64 else values.astype(np.int64)  # -0.0 is 0.0
    return _mixed(values.view(np.uint64))


def hash_texts(texts: pa.Array) -> np.ndarray:
    """A 64-bit hash of each text (`pa.string()` without nulls): its length, then eight bytes after eight.

    A long text would make a pass over the others for each of its words, so it is hashed by itself.
    """
    pieces = [_hashed(texts.slice(start, _TOGETHER)) for start in range(0, len(texts), _TOGETHER)]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.uint64)


def _hashed(texts: pa.Array) -> np.ndarray:
    offsets, body = offsets_and_bytes(texts)
    # seven bytes more, so that a whole word can be read anywhere
    padded = np.zeros(len(body) + 8, np.uint8)
    padded[: len(body)] = body
    words = np.ndarray(len(body) + 1, np.uint64, padded, strides=(1,))
    starts, lengths = offsets[:-1], np.diff(offsets)
    hashes = lengths.astype(np.uint64) * _MIX[1]
    for place in np.flatnonzero(lengths > _LONG).tolist():
        text = body[offsets[place] : offsets[place + 1]]
        hashes[place] = int.from_bytes(blake2b(text.tobytes(), digest_size=8).digest(), "little")
    lengths = np.where(lengths > _LONG, 0, lengths)
    going: slice | np.ndarray = slice(None)
    at = 0
    while True:
        rest = lengths[going] - at
        if not rest.min() > 0:
            going = np.flatnonzero(lengths > at)
            if not len(going):
                break
            rest = lengths[going] - at
        found = words[starts[going] + at]
        if rest.min() < 8:
            # what lies behind a text's end belongs to the next one
            shift = (_WORD - np.minimum(rest, 8).astype(np.uint64)) * _WORD
            found = (found << shift) >> shift
        mixed = (hashes[going] ^ found) * _MIX[0]
        hashes[going] = mixed ^ (mixed >> _HALF)
        at += 8
    return _mixed(hashes)


def _mixed(bits: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014)."""
    bits = bits + _STEP
    bits = (bits ^ (bits >> np.uint64(30))) * _MIX[0]
    bits = (bits ^ (bits >> np.uint64(27))) * _MIX[1]
    found: np.ndarray = bits ^ (bits >> np.uint64(31))
    return found
