"""Topics of a text column: non-negative matrix factorisation of the TF-IDF of words (Lee and Seung, Nature 401, 1999).

The number of topics is the one of NUMBERS whose words occur together most, by normalised pointwise mutual information
(Bouma 2009; Lau, Newman and Baldwin 2014): 1 for words that never occur apart, 0 for independent ones.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

from families.base import without_convergence_warnings

ROWS = 5_000
"""Texts that are looked at, drawn by chance."""
MIN_ROWS = 100
NUMBERS = (4, 8, 12)
WORDS = 8
WORD = r"[^\W\d_]{3,}"
MAX_TERMS = 4_000
COMMON = 0.25
"""Words in more texts than this share say nothing of a topic."""
MIN_TEXTS = 10
"""A word in fewer texts is not shown: it may be somebody's name."""
CHARACTERS = 2_000
_ITERATIONS = 120


def topics_of(
    name: str,
    texts: Sequence[str | None],
    outcome: Mapping[str, np.ndarray] | None,
    seed: int,
    deadline: float = float("inf"),
) -> dict[str, Any] | str:
    """See `sluice.records.exploration.Topics`; or why there are none, in words."""
    known = [i for i, text in enumerate(texts) if text and text.strip()]
    if len(known) < MIN_ROWS:
        return f"{name!r} has {len(known):,} texts; topics take {MIN_ROWS}"
    drawn = np.sort(np.random.default_rng(seed).permutation(known)[:ROWS])
    least = max(MIN_TEXTS, len(drawn) // 500)
    reader = TfidfVectorizer(
        token_pattern=WORD,
        stop_words=sorted(ENGLISH_STOP_WORDS),
        min_df=least,
        max_df=COMMON,
        max_features=MAX_TERMS,
        sublinear_tf=True,
    )
    try:
        weights = reader.fit_transform([(texts[i] or "")[:CHARACTERS] for i in drawn])
    except ValueError:  # no word is left
        return f"{name!r} has no words that at least {least} and at most {COMMON:.0%} of {len(drawn):,} texts share"
    words = reader.get_feature_names_out()
    if len(words) < 2 * NUMBERS[0]:
        return f"{name!r} has {len(words)} words that at least {least} of {len(drawn):,} texts share; topics take more"
    there = (weights > 0).astype(np.float64)
    tried: dict[int, float] = {}
    best: tuple[float, np.ndarray, np.ndarray, list[float]] | None = None
    for count in NUMBERS:
        if best is not None and (count > len(words) // 2 or time.monotonic() > deadline):
            break
        rows, terms = _factors(weights, count, seed)
        each = [coherence(there, _top(own)) for own in terms]
        tried[count] = float(np.mean(each))
        if best is None or tried[count] > best[0]:
            best = tried[count], rows, terms, each
    _, rows, terms, each = best or (0.0, np.empty((0, 0)), np.empty((0, 0)), [])
    strongest = np.where(rows.max(axis=1) > 0, rows.argmax(axis=1), -1)
    found = []
    for place in np.argsort(-np.bincount(strongest + 1, minlength=len(terms) + 1)[1:], kind="stable").tolist():
        mine = strongest == place
        found.append(
            {
                "words": [str(words[i]) for i in _top(terms[place])],
                "rows": int(mine.sum()),
                "coherence": round(each[place], 3),
                "outcome": {} if outcome is None else {what: mean(y[drawn][mine]) for what, y in outcome.items()},
            }
        )
    return {
        "column": name,
        "rows": len(drawn),
        "texts": len(known),
        "words": len(words),
        "least": least,
        "tried": {str(count): round(value, 3) for count, value in tried.items()},
        "topics": found,
        "without": int((strongest < 0).sum()),
        "outcome": {} if outcome is None else {what: mean(y[drawn])[0] for what, y in outcome.items()},
    }


def _factors(weights: Any, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(texts, topics) and (topics, words); a text's weights are those of words of length 1."""
    with without_convergence_warnings():
        model = NMF(count, init="nndsvd", max_iter=_ITERATIONS, random_state=seed)
        rows = model.fit_transform(weights)
    length = np.linalg.norm(model.components_, axis=1)
    terms = model.components_ / np.where(length > 0, length, 1.0)[:, None]
    return rows * length, terms


def _top(weights: np.ndarray) -> np.ndarray:
    """The words that count most."""
    order = np.argsort(-weights, kind="stable")[:WORDS]
    top: np.ndarray = order[weights[order] > 0]
    return top


def coherence(there: Any, words: np.ndarray) -> float:
    """Mean normalised pointwise mutual information of the pairs; `there` (texts, words): 1 where a text has a word."""
    own = there[:, words]
    n = own.shape[0]
    both = np.asarray((own.T @ own).todense()) / n
    single = np.diag(both)
    upper = np.triu_indices(len(words), 1)
    p, expected = both[upper], np.outer(single, single)[upper]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(p / expected) / -np.log(p)
    value = np.where(p >= 1.0, 1.0, np.where(p > 0, value, -1.0))
    return float(value.mean()) if len(value) else 0.0


def mean(values: np.ndarray) -> list[float] | list[None]:
    """The mean with its 95 % interval: Wilson's for shares, normal for numbers; [None] × 3 without rows."""
    n = len(values)
    if not n:
        return [None, None, None]
    middle, z = float(values.mean()), 1.959964
    if set(np.unique(values).tolist()) <= {0.0, 1.0}:
        centre = (middle + z * z / (2 * n)) / (1 + z * z / n)
        reach = z / (1 + z * z / n) * float(np.sqrt(middle * (1 - middle) / n + z * z / (4 * n * n)))
        return [middle, max(0.0, centre - reach), min(1.0, centre + reach)]
    reach = z * float(values.std()) / float(np.sqrt(n))
    return [middle, middle - reach, middle + reach]
