"""Categories that are spelled alike, for people to look at: nothing is changed.

By folding (`sluice.model.preparation.spelling`), and by one letter: left out, put in, changed, or swapped with its
neighbour (Damerau–Levenshtein distance 1) between a rare category and a frequent one.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from project_data import ProjectData
from sluice.model.preparation.spelling import FOLD, fold, folded

LETTERS = 5
"""Shorter categories that differ by one letter are codes, or words of their own."""
RARER = 10
"""The frequent category has this many times the rows of the rare one."""
SHOWN = 20
SECONDS = 5.0
"""For all columns."""


def found_in(data: ProjectData) -> dict[str, dict[str, Any]]:
    """Category column of the features → see `sluice.records.evaluation.SimilarValues`; only those with a finding."""
    deadline = time.monotonic() + SECONDS
    found = {}
    features = data.contract.get("features") or {}
    for name in data.schema.features:
        if data.schema.types[name] != "category":
            continue
        own = (features.get("columns") or {}).get(name) or {}
        similar = own.get("similar") or (features.get("categories") or {}).get("similar")
        values = [str(value) for row in data.rows if (value := row.get(name)) is not None]
        if told := examine(values, deadline, folds=similar == FOLD):
            found[name] = told
    return found


def examine(values: list[str], deadline: float, *, folds: bool) -> dict[str, Any]:
    """{} where no category is like another; `folds`: whether the contract asks for folding already."""
    alike = folded(values)
    told: dict[str, Any] = {}
    if alike.categories and not folds:
        told["folded"] = {"categories": alike.categories, "spellings": alike.spellings, "rows": alike.rows}
    counts: Counter[str] = Counter()
    for spelling, count in Counter(values).items():
        counts[fold(spelling)] += count
    pairs, left = near(counts, deadline)
    if pairs:
        told["near"] = [(alike.shown[rare], alike.shown[frequent]) for rare, frequent in pairs[:SHOWN]]
        told["near_pairs"] = len(pairs)
    if left:
        told["not_examined"] = left
    return told


def near(counts: Counter[str], deadline: float) -> tuple[list[tuple[str, str]], int]:
    """(rare, frequent) pairs, those of the most frequent first; and how many rare ones were not compared.

    Two words at distance 1 have a word in common among those that they become without one of their letters, each word
    itself included (W. Garbe's symmetric deletion); what has one in common is then compared letter by letter.
    """
    ranked = sorted((word for word in counts if len(word) >= LETTERS), key=lambda word: (-counts[word], word))
    known: dict[str, list[str]] = {}
    found: list[tuple[str, str]] = []
    for place, word in enumerate(ranked):
        if time.monotonic() > deadline:
            return found, len(ranked) - place
        shortened = set(_without_one(word))
        others = dict.fromkeys(other for short in shortened for other in known.get(short, ()))
        best = next(
            (other for other in others if counts[other] >= RARER * counts[word] and one_letter_apart(word, other)), None
        )
        if best is not None:
            found.append((word, best))
            continue
        for short in shortened:
            known.setdefault(short, []).append(word)
    return sorted(found, key=lambda pair: (-counts[pair[1]], pair)), 0


def _without_one(word: str) -> Iterable[str]:
    yield word
    for i in range(len(word)):
        yield word[:i] + word[i + 1 :]


def one_letter_apart(one: str, other: str) -> bool:
    """Whether one letter is left out, put in, changed or swapped; a digit that differs makes another code.

    >>> one_letter_apart("nweyork", "newyork"), one_letter_apart("item1", "item2"), one_letter_apart("paris", "prais")
    (True, False, True)
    """
    if [sign for sign in one if sign.isdigit()] != [sign for sign in other if sign.isdigit()]:
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    a, b = one[start:], other[start:]
    if len(a) == len(b):
        return len(a) > 0 and (a[1:] == b[1:] or (len(a) > 1 and a[0] == b[1] and a[1] == b[0] and a[2:] == b[2:]))
    return a[1:] == b if len(a) > len(b) else a == b[1:]
