"""Texts → hashed terms: words, pairs of words, and the character n-grams inside of words.

A term is known by a 32-bit hash, so an artefact holds no word of the training rows. Hashes come from integer
arithmetic alone, and each text is read by itself: a text has the same terms whether it is read alone or among others.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence, Sized
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from sluice.model.values import BLANKS

MAX_CHARACTERS = 10_000
"""What of a cell is read; what comes after it is not used."""
GRAMS = (3, 4, 5)
_WORD = re.compile(r"\w+")
_CODEC = "utf-32-le"
_BLANK, _PAIR, _ROLL = np.uint32(32), np.uint32(0x9E3779B1), np.uint32(0x01000193)
_WIDE, _16, _13 = np.uint64(32), np.uint32(16), np.uint32(13)
_FIRST, _SECOND = np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35)
# of words, pairs, and n-grams of each length
_STARTS = np.array([kind * 0x85EBCA6B & 0xFFFFFFFF for kind in (1, 2, *GRAMS)], np.uint32)


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
        """The product with a matrix (width, outputs) of 32 or 64 bits, in 64 bits, shape (rows, outputs).

        Entries are added in their order, row by row, so that a row has the same sum alone and among others.
        """
        count, taken = len(self.indptr) - 1, weights.take(self.indices, axis=0)
        if count == 1 and taken.size:
            products = taken * self.data[:, None]
            # in order: numpy's sum adds pairwise along the fastest axis, and only there
            total = np.add.reduce(products, axis=0) if products.shape[1] > 1 else np.add.accumulate(products)[-1]
            return total[None, :] + 0.0  # no -0, as below
        rows = self.rows
        columns = [np.bincount(rows, self.data * taken[:, k], count) for k in range(weights.shape[1])]
        return np.stack(columns, axis=1) if columns else np.zeros((count, 0))


def beside(blocks: Sequence[Terms]) -> Terms:
    """Matrices with the same rows as one, the columns of the first before those of the second."""
    if len(blocks) == 1:
        return blocks[0]
    offsets = [0, *accumulate(block.width for block in blocks)]
    if len(blocks[0].indptr) == 2:
        return Terms(
            np.concatenate([block.data for block in blocks]),
            np.concatenate([block.indices + at for block, at in zip(blocks, offsets)]),
            np.array([0, sum(len(block.data) for block in blocks)]),
            offsets[-1],
        )
    order = np.argsort(np.concatenate([block.rows for block in blocks]), kind="stable")
    return Terms(
        np.concatenate([block.data for block in blocks])[order],
        np.concatenate([block.indices + at for block, at in zip(blocks, offsets)])[order],
        np.sum([block.indptr for block in blocks], axis=0),
        offsets[-1],
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
    found = [_WORD.findall(text) for text in lowered]
    padded = [f" {' '.join(text.split())} " for text in lowered]
    owners = None if len(texts) == 1 else (_owners(found, 0), _owners(padded, 1))
    words, pairs = _words(found, None if owners is None else owners[0])
    grams, windows = _grams("".join(padded))
    hashes = _mixed([*words, *grams])
    if owners is None:
        return _of_one(hashes, len(words[0]) + len(words[1]))
    of_words, of_grams = owners
    groups = [of_words, of_words[1:] if pairs is None else of_words[1:][pairs]]
    groups += [of_grams[: len(window)][window] for window in windows]
    keys = (np.concatenate(groups) << _WIDE) | hashes
    keys.sort()
    kept, counts = _once(keys)
    return Occurrences((kept >> _WIDE).astype(np.int64), kept.astype(np.uint32), counts)


def _of_one(hashes: np.ndarray, of_words: int) -> Occurrences:
    """The first `of_words` hashes are of words and pairs; each part is sorted by itself, in half the time of keys."""
    parts = hashes[:of_words], hashes[of_words:]
    for part in parts:
        part.sort()
    (words, often), (grams, more) = map(_once, parts)
    groups = np.ones(len(words) + len(grams), np.int64)
    groups[: len(words)] = 0
    return Occurrences(groups, np.concatenate([words, grams]), np.concatenate([often, more]))


def _once(ordered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each of the sorted values once, and how often it occurs."""
    first = np.flatnonzero(ordered[1:] != ordered[:-1])
    ends = np.empty(len(first) + (len(ordered) > 0) + 1, np.int64)
    ends[0], ends[1 : len(first) + 1], ends[-1] = 0, first + 1, len(ordered)
    return ordered[ends[:-1]], ends[1:] - ends[:-1]


def _words(found: Sequence[Sequence[str]], owners: np.ndarray | None) -> tuple[list[np.ndarray], np.ndarray | None]:
    """Words, and pairs of neighbouring words; and of several texts, which neighbours are of one text."""
    crc = zlib.crc32
    words = np.array([crc(word.encode("utf-8", "surrogatepass")) for text in found for word in text], np.uint32)
    pairs = words[:-1] * _PAIR + words[1:]
    if owners is None:
        return [words, pairs], None
    same = owners[1:] == owners[:-1]
    return [words, pairs[same]], same


def _grams(padded: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The n-grams of GRAMS lengths inside of what blanks separate, the blank before and after included; and for each
    length, which windows of the text they are."""
    codes = np.frombuffer(padded.encode(_CODEC, "surrogatepass"), "<u4")
    letter = codes != _BLANK
    # whether no blank is inside of the window that begins at a place: it may be the first and the last character
    inside = letter[1:]
    rolling, grams, windows = codes, [], []
    for length in range(2, GRAMS[-1] + 1):
        if len(codes) < length:
            rolling = inside = codes[:0]
        else:
            rolling = rolling[: len(codes) - length + 1] * _ROLL + codes[length - 1 :]
            if length > 2:
                inside = inside[: len(rolling)] & letter[length - 2 : length - 2 + len(rolling)]
        if length in GRAMS:
            window = inside[: len(rolling)]
            grams.append(rolling[window])
            windows.append(window)
    return grams, windows


def _owners(parts: Sequence[Sized], kind: int) -> np.ndarray:
    """The group of each word (kind 0) or character (kind 1) of each text."""
    groups = np.arange(kind, 2 * len(parts) + kind, 2, dtype=np.uint64)
    return np.repeat(groups, list(map(len, parts)))


def _mixed(parts: Sequence[np.ndarray]) -> np.ndarray:
    """The hashes of the parts, one after the other. Murmur's finaliser, with another start for each kind of term:
    neighbouring inputs get unrelated hashes."""
    mixed: np.ndarray = np.concatenate(parts)
    mixed ^= np.repeat(_STARTS, list(map(len, parts)))
    mixed ^= mixed >> _16
    mixed *= _FIRST
    mixed ^= mixed >> _13
    mixed *= _SECOND
    mixed ^= mixed >> _16
    return mixed
