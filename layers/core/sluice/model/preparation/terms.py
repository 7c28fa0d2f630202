"""Texts → hashed terms: words, pairs of words, and the character n-grams inside of words.

A term is known by a 32-bit hash, so an artefact holds no word of the training rows. Hashes come from integer
arithmetic alone, and each text is read by itself: a text has the same terms whether it is read alone or among others.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from sluice.model.values import BLANKS

MAX_CHARACTERS = 10_000
"""What of a cell is read; what comes after it is not used."""
GRAMS = (3, 4, 5)
_WORD = re.compile(r"\w+")
_CODEC = "utf-32-le"
_BLANK, _PAIR, _ROLL = np.uint32(32), np.uint32(0x9E3779B1), np.uint32(0x01000193)
_WIDE, _ZERO = np.uint64(32), np.zeros(1, np.int64)


class Terms(NamedTuple):
    """A sparse matrix in CSR form: row i has `data[indptr[i]:indptr[i + 1]]` in the columns `indices[...]`."""

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    width: int

    @property
    def rows(self) -> np.ndarray:
        """The row of each entry."""
        return np.repeat(np.arange(len(self.indptr) - 1), np.diff(self.indptr))

    def times(self, weights: np.ndarray) -> np.ndarray:
        """The product with a matrix (width, outputs), shape (rows, outputs).

        Entries are added in their order, row by row, so that a row has the same sum alone and among others.
        """
        count, rows, taken = len(self.indptr) - 1, self.rows, weights.take(self.indices, axis=0)
        columns = [np.bincount(rows, self.data * taken[:, k], count) for k in range(weights.shape[1])]
        return np.stack(columns, axis=1) if columns else np.zeros((count, 0))


def beside(blocks: Sequence[Terms]) -> Terms:
    """Matrices with the same rows as one, the columns of the first before those of the second."""
    if len(blocks) == 1:
        return blocks[0]
    offsets = np.cumsum([0, *(block.width for block in blocks)])
    order = np.argsort(np.concatenate([block.rows for block in blocks]), kind="stable")
    return Terms(
        np.concatenate([block.data for block in blocks])[order],
        np.concatenate([block.indices + at for block, at in zip(blocks, offsets)])[order],
        np.sum([block.indptr for block in blocks], axis=0),
        int(offsets[-1]),
    )


class Occurrences(NamedTuple):
    """Each term of each text, once: its group, its hash, and how often it occurs in the text.

    Group 2·i has the words of text i, and group 2·i + 1 its character n-grams. Sorted by group, then by hash.
    """

    groups: np.ndarray
    hashes: np.ndarray
    counts: np.ndarray


def read(text: str) -> str:
    """What is read of a text: the first MAX_CHARACTERS, without the blanks around it, which files have by chance."""
    return text.strip(BLANKS)[:MAX_CHARACTERS]


def occurrences(texts: Sequence[str]) -> Occurrences:
    """The terms of the texts, each as far as `read` takes it."""
    lowered = [read(text).lower() for text in texts]
    keys = np.concatenate([*_words(lowered), *_grams(lowered)])
    keys.sort()
    first = np.flatnonzero(keys[1:] != keys[:-1]) + 1
    first = np.concatenate([_ZERO, first]) if len(keys) else first
    counts = np.diff(first, append=len(keys))
    kept = keys[first]
    return Occurrences((kept >> _WIDE).astype(np.int64), kept.astype(np.uint32), counts)


def _words(lowered: Sequence[str]) -> list[np.ndarray]:
    """Words, and pairs of neighbouring words."""
    found = [_WORD.findall(text) for text in lowered]
    words = np.array(
        [zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in chain.from_iterable(found)], dtype=np.uint32
    )
    groups = _groups(list(map(len, found)), 0)
    pairs, same = words[:-1] * _PAIR + words[1:], groups[1:] == groups[:-1]
    return [_keys(groups, words, 1), _keys(groups[1:][same], pairs[same], 2)]


def _grams(lowered: Sequence[str]) -> list[np.ndarray]:
    """The n-grams of GRAMS lengths inside of what blanks separate, the blank before and after included."""
    padded = [f" {' '.join(text.split())} " for text in lowered]
    codes = np.frombuffer("".join(padded).encode(_CODEC, "surrogatepass"), "<u4")
    groups = _groups(list(map(len, padded)), 1)
    # `before[i]`: how many blanks there are before place i, to know of a window whether one is inside of it
    before = np.concatenate([_ZERO, np.cumsum(codes == _BLANK)])
    found, rolling = [], codes
    for length in range(2, GRAMS[-1] + 1):
        windows = len(codes) - length + 1
        if windows <= 0:
            break
        rolling = rolling[:windows] * _ROLL + codes[length - 1 :]
        if length in GRAMS:
            whole = np.flatnonzero(before[length - 1 : length - 1 + windows] == before[1 : 1 + windows])
            found.append(_keys(groups[whole], rolling[whole], length))
    return found


def _groups(lengths: list[int], kind: int) -> np.ndarray:
    if len(lengths) == 1:
        return np.full(lengths[0], kind, np.uint64)
    return np.repeat(np.arange(kind, 2 * len(lengths) + kind, 2, dtype=np.uint64), lengths)


def _keys(groups: np.ndarray, hashes: np.ndarray, kind: int) -> np.ndarray:
    """Group and hash in one number. Murmur's finaliser, with another start for each kind of term, makes the hash:
    neighbouring inputs get unrelated hashes."""
    mixed = hashes ^ np.uint32((kind * 0x85EBCA6B) & 0xFFFFFFFF)
    mixed = (mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return (groups << _WIDE) | (mixed ^ (mixed >> np.uint32(16)))
