"""Text columns: TF-IDF over hashed terms, a few plain measures of each text, and scores of a model on the terms.

Source of the weights: G. Salton and C. Buckley, Term-weighting approaches in automatic text retrieval (1988), in
scikit-learn's form: (1 + ln tf) · (ln((1 + n) / (1 + df)) + 1), and each kind of term scaled to length 1 in each text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sluice.model.preparation.terms import MAX_CHARACTERS, Terms, beside, occurrences, read
from sluice.model.values import BLANKS

MAX_TERMS = 1 << 16
"""The most frequent terms of a column that are kept."""
MIN_TEXTS = 2
"""A term of fewer training texts says nothing about others."""
MEASURES = ("missing", "characters", "words", "digits", "capitals", "symbols")
MAX_ENTRIES = 40_000_000
"""The entries that the terms of a column may have in all training texts together: about 500 MB."""
_LEARNT_CHARACTERS = 30_000_000
_CHUNK = 1_000_000
_DIGITS = re.compile(r"[0-9]")
_CAPITALS = re.compile(r"[A-Z]")
_SYMBOLS = re.compile(r"[^\w\s]")
_GREATEST_COUNT = MAX_CHARACTERS + 1
_ZERO = np.zeros(1, np.int64)
# of counts, so that no vector logarithm is needed, whose last bit may depend on the place in the vector
_TERM_WEIGHT = np.array([0.0, *(1.0 + math.log(count) for count in range(1, _GREATEST_COUNT + 1))])


class Vocabulary:
    """The terms of one column: `hashes` ascending (uint32), and the weight `idf` of each (float32)."""

    def __init__(self, hashes: np.ndarray, idf: np.ndarray) -> None:
        if hashes.shape != idf.shape or hashes.ndim != 1 or (len(hashes) > 1 and not (hashes[1:] > hashes[:-1]).all()):
            raise ValueError("a vocabulary has ascending hashes, each with a weight")
        self.hashes, self.idf = hashes.astype(np.uint32), idf.astype(np.float32)

    @classmethod
    def fit(cls, texts: Sequence[str]) -> tuple[Vocabulary, dict[str, int]]:
        """The vocabulary, and what was left out: `terms_dropped` (too rare, beyond MAX_TERMS, or
        too frequent for MAX_ENTRIES: `terms_too_frequent`) and `cut` texts.

        A column of more than 30 million characters is learnt from every n-th of its texts (`texts_learnt`).
        """
        total = sum(min(len(text), MAX_CHARACTERS) for text in texts)
        step = -(-total // _LEARNT_CHARACTERS) or 1
        learnt = texts[::step]
        found, counts = np.zeros(0, np.uint32), np.zeros(0, np.int64)
        for chunk in _chunks(learnt):
            hashes = occurrences(chunk).hashes
            found, place = np.unique(np.concatenate([found, hashes]), return_inverse=True)
            weights = np.concatenate([counts, np.ones(len(hashes), np.int64)])
            counts = np.bincount(place, weights, len(found)).astype(np.int64)
        often = np.flatnonzero(counts >= MIN_TEXTS)
        # the most frequent terms say least and fill most of the memory
        order = often[np.argsort(counts[often], kind="stable")]
        often = order[np.cumsum(counts[order]) * step <= MAX_ENTRIES]
        frequent = len(order) - len(often)
        # most frequent first, then by hash: the order must not depend on the order of rows
        kept = np.sort(often[np.argsort(-counts[often], kind="stable")[:MAX_TERMS]])
        idf = np.array([math.log((1 + len(learnt)) / (1 + count)) + 1.0 for count in counts[kept].tolist()], np.float32)
        report = {
            "terms": len(kept),
            "terms_dropped": len(found) - len(kept),
            "terms_too_frequent": frequent,
            "texts_learnt": len(learnt),
            "cut": sum(len(text.strip(BLANKS)) > MAX_CHARACTERS for text in texts),
        }
        return cls(found[kept], idf), report

    def terms(self, texts: Sequence[str | None]) -> Terms:
        """One row for each text; a missing one has no entries."""
        if len(texts) == 1:
            return self._of(texts)
        parts = [self._of(chunk) for chunk in _chunks(texts)] or [self._of([])]
        lengths = np.concatenate([np.diff(part.indptr) for part in parts])
        return Terms(
            np.concatenate([part.data for part in parts]),
            np.concatenate([part.indices for part in parts]),
            np.concatenate([_ZERO, np.cumsum(lengths)]),
            len(self.hashes),
        )

    def _of(self, texts: Sequence[str | None]) -> Terms:
        width, count = len(self.hashes), len(texts)
        found = occurrences(["" if text is None else text for text in texts])
        places = self.hashes.searchsorted(found.hashes)
        # what is beyond the last term is compared with it, and is another one
        same = self.hashes.take(places, mode="clip") == found.hashes if width else np.zeros(len(places), bool)
        known = np.flatnonzero(same)
        groups, places = found.groups.take(known), places.take(known)
        # in 64 bits; what is looked up stays in 32, so that half as much of it is in the processor's cache
        values = _TERM_WEIGHT.take(found.counts.take(known), mode="clip") * self.idf.take(places)
        # bincount adds in order, so that a text has the same length alone and among others
        lengths = np.sqrt(np.bincount(groups, values * values, 2 * count))
        values /= lengths.take(groups)
        if count == 1:
            return Terms(values, places, np.array([0, len(places)]), width)
        entries = np.bincount(groups >> 1, minlength=count)
        return Terms(values, places, np.concatenate([_ZERO, np.cumsum(entries)]), width)


def measures(text: str | None) -> list[float]:
    """The MEASURES of a text: lengths, and shares of its characters."""
    if text is None:
        return [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    text = read(text)
    length = len(text) or 1
    counts = (len(pattern.findall(text)) / length for pattern in (_DIGITS, _CAPITALS, _SYMBOLS))
    return [0.0, float(len(text)), float(len(text.split())), *counts]


class TextScores:
    """A linear model on the terms of all text columns: what trees see of them.

    `coef` (terms, outputs) and `intercept` (outputs,) are float32; `names` are those of the outputs.
    """

    def __init__(self, coef: np.ndarray, intercept: np.ndarray, names: Sequence[str]) -> None:
        if coef.ndim != 2 or intercept.shape != (coef.shape[1],) or len(names) != coef.shape[1]:
            raise ValueError("scores of texts have a weight for each term and output")
        self.coef, self.intercept, self.names = coef.astype(np.float32), intercept.astype(np.float32), list(names)
        # row by row in memory: `take` copies all of an array that is not
        self._coef = np.ascontiguousarray(self.coef)
        self._intercept = self.intercept.astype(np.float64)

    def __call__(self, terms: Terms) -> np.ndarray:
        """Shape (rows, outputs)."""
        return terms.times(self._coef) + self._intercept

    def same(self, other: TextScores) -> bool:
        """Whether both give the same scores."""
        return np.array_equal(self.coef, other.coef) and np.array_equal(self.intercept, other.intercept)


class Texts:
    """The text columns of an encoder: a vocabulary each, and the scores, if there are any."""

    def __init__(self, vocabularies: Mapping[str, Vocabulary], scores: TextScores | None = None) -> None:
        self.vocabularies, self.scores = dict(vocabularies), scores
        self.width = sum(len(vocabulary.hashes) for vocabulary in self.vocabularies.values())
        if scores is not None and len(scores.coef) != self.width:
            raise ValueError("scores of texts have a weight for each term")

    def terms(self, rows: Sequence[Mapping[str, Any]]) -> Terms:
        """The terms of all columns, those of the first column first."""
        return beside(
            [vocabulary.terms([row.get(name) for row in rows]) for name, vocabulary in self.vocabularies.items()]
        )

    def reads_as(self, other: Texts) -> bool:
        """Whether both give the same terms."""
        return list(self.vocabularies) == list(other.vocabularies) and all(
            np.array_equal(ours.hashes, theirs.hashes) and np.array_equal(ours.idf, theirs.idf)
            for ours, theirs in zip(self.vocabularies.values(), other.vocabularies.values())
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """`hashes` and `idf` of all columns, one after the other."""
        found = {
            name: np.concatenate([getattr(vocabulary, name) for vocabulary in self.vocabularies.values()])
            for name in ("hashes", "idf")
        }
        if self.scores is not None:
            found |= {"scores_coef": self.scores.coef, "scores_intercept": self.scores.intercept}
        return found

    @classmethod
    def from_state(cls, terms: Mapping[str, int], names: Sequence[str], arrays: Mapping[str, np.ndarray]) -> Texts:
        """`terms`: column → how many terms it has. Raises KeyError, ValueError where the arrays do not fit them."""
        hashes, idf = arrays["hashes"], arrays["idf"]
        if len(hashes) != sum(terms.values()):
            raise ValueError("a vocabulary has not as many terms as its column says")
        vocabularies, start = {}, 0
        for name, count in terms.items():
            vocabularies[name] = Vocabulary(hashes[start : start + count], idf[start : start + count])
            start += count
        scores = TextScores(arrays["scores_coef"], arrays["scores_intercept"], names) if names else None
        return cls(vocabularies, scores)


def _chunks(texts: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Texts of about a million characters together, so that memory stays small whatever the column is."""
    start = size = 0
    for i, text in enumerate(texts):
        size += min(len(text or ""), MAX_CHARACTERS)
        if size >= _CHUNK:
            yield texts[start : i + 1]
            start, size = i + 1, 0
    if start < len(texts):
        yield texts[start:]
