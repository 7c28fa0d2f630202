"""Category columns: one-hot, a code by frequency, the target's mean, or the category's share of rows.

A part with `similar: fold` knows its categories by their folded spelling (`spelling`), whatever form it has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from sluice.model.preparation.base import NAN, Form, OneColumn, Part
from sluice.model.preparation.spelling import FOLD, Folded, FoldedKeys, fold, keys
from sluice.model.values import PLAIN, Reading, category_text, parse_text

MIN_ROWS = 5
MAX_ONE_HOT = 50
MAX_CODES = 10_000
MIN_LEARNED = 2
"""A category with fewer training rows is not learned: a value that occurs once, like an identifier, teaches nothing."""
SMOOTHING = 10.0
"""A category's mean counts as if this many rows with the overall mean were added to it."""


class OneHot(Form):
    """One-hot over the training vocabulary, then "other" (rare and unseen), then "missing"."""

    kind = "category"

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self._vocabulary = list(part.get("shown") or part["vocabulary"])
        self._other = len(self._vocabulary)
        places: dict[Any, int] = {value: i for i, value in enumerate(part["vocabulary"])}
        self._places = _known(part, {**places, None: self._other + 1})

    @property
    def names(self) -> list[str]:
        column = self.column
        return [f"{column}={value}" for value in self._vocabulary] + [f"{column}:other", f"{column}:missing"]

    @property
    def width(self) -> int:
        return self._other + 2

    def write(self, value: str | None, out: list[float], at: int) -> None:
        out[at + self._places.get(value, self._other)] = 1.0

    def fill(self, values: Sequence[Any], block: np.ndarray) -> None:
        get, other = self._places.get, self._other
        block[np.arange(len(values)), [get(value, other) for value in values]] = 1.0


class Ordinal(OneColumn):
    """The place of the category in `vocabulary`, the most frequent first; behind them one for rare and unseen ones."""

    kind = "ordinal"

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self.codes = _known(part, codes_of(part["vocabulary"]))

    def of(self, value: str | None) -> float:
        code: float = self.codes.get(value, self.codes[_OTHER])
        return code


class Frequency(OneColumn):
    """The share of training rows that have the category; 0 for one that training has seen once at most."""

    kind = "frequency"

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        shares: dict[Any, float] = dict(zip(part["vocabulary"], map(float, part["shares"])))
        self._shares = _known(part, {**shares, None: NAN})

    @property
    def names(self) -> list[str]:
        return [f"{self.column}:frequency"]

    def of(self, value: str | None) -> float:
        share: float = self._shares.get(value, 0.0)
        return share


class Target(Form):
    """The smoothed mean of the target among training rows with the category, one column for each of its `outputs`.

    An unseen category has the overall mean; a missing one is a category of its own. D. Micci-Barreca, A preprocessing
    scheme for high-cardinality categorical attributes (SIGKDD Explorations 3, 2001). Training rows get means to which
    they have not contributed: see `out_of_fold`.
    """

    kind = "target"

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self._outputs = list(part["outputs"])
        self._prior = [float(mean) for mean in part["prior"]]
        means = {value: list(map(float, own)) for value, own in zip(part["vocabulary"], part["means"])}
        self._means = _known(part, {**means, None: [float(mean) for mean in part["missing"]]})

    @property
    def names(self) -> list[str]:
        return [f"{self.column}:mean[{output}]" for output in self._outputs]

    @property
    def width(self) -> int:
        return len(self._outputs)

    def write(self, value: str | None, out: list[float], at: int) -> None:
        out[at : at + len(self._prior)] = self._means.get(value, self._prior)

    def fill(self, values: Sequence[Any], block: np.ndarray) -> None:
        if len(values):
            get, prior = self._means.get, self._prior
            block[:] = [get(value, prior) for value in values]


BY_CATEGORY: dict[str, type[Form]] = {form.kind: form for form in (Ordinal, Frequency, Target)}
"""Forms that write the same numbers for the same category."""
_OTHER: Any = object()


def _known(part: Part, by_category: dict[Any, Any]) -> dict[Any, Any]:
    return FoldedKeys(by_category) if part.get("similar") else by_category


def codes_of(vocabulary: Sequence[str]) -> dict[Any, float]:
    """Category → code. Missing is NaN; what is not in the vocabulary has the code under `_OTHER`."""
    codes: dict[Any, float] = {value: float(i) for i, value in enumerate(vocabulary)}
    return {**codes, None: NAN, _OTHER: float(len(vocabulary))}


class Places(dict[Any, int]):
    """Text in a category column, as it was sent, or None → a place.

    Raises TypeError on what is neither text nor None, and on text that is not a value.
    """

    def __init__(
        self, known: Mapping[str, int], other: int, missing: int, reading: Reading = PLAIN, *, folds: bool = False
    ) -> None:
        self._other, self._folds = other, folds
        if folds:  # a text that is read as another one is found by that one
            known = {text: place for text, place in known.items() if parse_text(text, "category", reading) == text}
        nothing: dict[Any, int] = {**dict.fromkeys(reading.markers, missing), None: missing, "": missing}
        super().__init__({**known, **nothing})
        self._reading = reading

    @classmethod
    def one_hot(cls, part: Part, first: int, step: int, reading: Reading = PLAIN) -> Places:
        """`first` is the place of the first category and `step` the distance of two; behind them are "other" and
        "missing"."""
        known = {value: first + step * i for i, value in enumerate(part["vocabulary"])}
        other = first + step * len(known)
        return cls(known, other, other + step, reading, folds=bool(part.get("similar")))

    @classmethod
    def of_column(cls, part: Part, column: int, place: Callable[[float], int], reading: Reading = PLAIN) -> Places:
        """`place` of what a form BY_CATEGORY writes into one of its columns."""
        form = BY_CATEGORY[part["kind"]](part)

        def written(value: Any) -> int:
            out = [0.0] * form.width
            form.write(value, out, 0)
            return place(out[column])

        known = {value: written(value) for value in part["vocabulary"]}
        # what no vocabulary has is unseen
        return cls(known, written(object()), written(None), reading, folds=bool(part.get("similar")))

    def __missing__(self, text: Any) -> int:
        if type(text) is not str:
            raise TypeError
        # in another spelling (blanks around it, TRUE, 3.0) it may still be a category of the vocabulary
        try:
            value = parse_text(text, "category", self._reading)
        except ValueError:  # half of a character: the careful path names the field
            raise TypeError from None
        return self.get(fold(value) if self._folds and isinstance(value, str) else value, self._other)


def of_today(part: Part) -> dict[str, Any]:
    """The part with categories as `category_text` writes them; models of before have some in other spellings."""
    if part["kind"] != "category" or part.get("similar"):
        return dict(part)
    return {**part, "vocabulary": [category_text(value) for value in part["vocabulary"]]}


def with_spellings(part: dict[str, Any], alike: Folded) -> dict[str, Any]:
    """A part that was fitted on folded spellings: it folds what it is asked for."""
    found = {**part, "similar": FOLD}
    if alike.categories:
        found["alike"] = {"categories": alike.categories, "spellings": alike.spellings, "rows": alike.rows}
    if part["kind"] == "category":
        found["shown"] = [alike.shown[key] for key in part["vocabulary"]]
    return found


def max_one_hot(rows: int) -> int:
    """How many categories the training rows support as columns: more than 50 where each has 100 rows on average."""
    return max(MAX_ONE_HOT, min(200, rows // 100))


def fit_one_hot(name: str, values: Sequence[str], limit: int, min_rows: int = MIN_ROWS) -> dict[str, Any]:
    return _with_vocabulary(name, "category", Counter(values), limit, min_rows)


def fit_ordinal(name: str, values: Sequence[str], min_rows: int = MIN_ROWS) -> dict[str, Any]:
    return _with_vocabulary(name, "ordinal", Counter(values), MAX_CODES, min_rows)


def fit_frequency(name: str, values: Sequence[str], rows: int) -> dict[str, Any]:
    """Shares of all rows, those without a value included."""
    counts = Counter(values)
    part = _with_vocabulary(name, "frequency", counts, MAX_CODES, MIN_LEARNED)
    return {**part, "shares": [counts[value] / rows for value in part["vocabulary"]]}


def _with_vocabulary(name: str, kind: str, counts: Counter[str], limit: int, min_rows: int) -> dict[str, Any]:
    # most frequent first, then by name: the order must not depend on the order of rows
    ranked = sorted(counts, key=lambda value: (-counts[value], value))
    kept = [value for value in ranked[:limit] if counts[value] >= min_rows]
    part: dict[str, Any] = {"column": name, "kind": kind, "vocabulary": kept}
    if others := ranked[len(kept) :]:
        part["grouped"] = {"categories": len(others), "rows": sum(counts[value] for value in others)}
    return part


def outputs_of(y: np.ndarray, classes: int) -> tuple[list[str], np.ndarray]:
    """The target as columns (rows, outputs) whose means are taken: its value, the second class, or each class."""
    if not classes:
        return ["value"], y.astype(np.float64)[:, None]
    shown = [1] if classes == 2 else range(classes)
    return [str(k) for k in shown], np.stack([(y == k).astype(np.float64) for k in shown], axis=1)


def fit_target(name: str, values: Sequence[str | None], outputs: Sequence[str], target: np.ndarray) -> dict[str, Any]:
    """`values` of all rows, with None for missing; `outputs` and `target` as of `outputs_of`."""
    counts = Counter(value for value in values if value is not None)
    part = _with_vocabulary(name, "target", counts, MAX_CODES, MIN_LEARNED)
    sums, numbers, prior = _sums(part["vocabulary"], values, target)
    means = (sums + SMOOTHING * prior) / (numbers + SMOOTHING)[:, None]
    return {
        **part,
        "outputs": list(outputs),
        "prior": prior.tolist(),
        "means": means[:-2].tolist(),
        "missing": means[-1].tolist(),
    }


def out_of_fold(part: Part, values: Sequence[str | None], target: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """The columns of `Target` for the rows that it was fitted on, each from the rows of the other folds alone."""
    codes = _codes(part["vocabulary"], keys(values) if part.get("similar") else values)
    found = np.empty_like(target)
    for k in np.unique(fold):
        held, rest = fold == k, fold != k
        sums, numbers, prior = _sums(part["vocabulary"], [], target[rest], codes[rest])
        means = (sums + SMOOTHING * prior) / (numbers + SMOOTHING)[:, None]
        means[-2] = prior  # what is not in the vocabulary
        found[held] = means[codes[held]]
    return found


def _codes(vocabulary: Sequence[str], values: Sequence[str | None]) -> np.ndarray:
    """The place of each value in the vocabulary; then one for others, and one for missing."""
    places: dict[str | None, int] = {value: i for i, value in enumerate(vocabulary)}
    places[None] = len(vocabulary) + 1
    return np.array([places.get(value, len(vocabulary)) for value in values], dtype=np.intp)


def _sums(
    vocabulary: Sequence[str], values: Sequence[str | None], target: np.ndarray, codes: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sums of the target and numbers of rows for each code, and the overall mean (0 without rows)."""
    codes, size = _codes(vocabulary, values) if codes is None else codes, len(vocabulary) + 2
    sums = np.stack([np.bincount(codes, target[:, k], size) for k in range(target.shape[1])], axis=1)
    prior = target.mean(axis=0) if len(target) else np.zeros(target.shape[1])
    return sums, np.bincount(codes, minlength=size).astype(np.float64), prior
