"""What is counted of a window's columns, on the bins of the model's own baseline, so that hours add up to a window.

A number   `bins` (counts on the baseline's edges; see `sluice.profile.drift`), `missing`, `below` and `above` (of the
           values present, how many lie outside of what training saw), `sum` and `squares` of the distances from
           `center` (`exact`: the same sums, not rounded), `min`, `max`
A category `counts` of the baseline's names, `unseen`, `missing`
Both       `as_text` (numbers and booleans that were sent as text), `unfit` (values that are not of the column's type;
           they are missing, too)

All of it is whole numbers, least and greatest values, and sums that are rounded once: in any order of the rows the
same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from sluice.model.values import Reading, category_text, finite, parse_json
from sluice.profile.exact import ExactSum
from sluice.records.baseline import CategoryColumn, NumberColumn

_REMEMBERED = 4096
_PLAIN_NUMBERS = {int, float, type(None)}
_PLAIN_TEXTS = {str, type(None)}
Json = dict[str, Any]


class BinnedNumber:
    """A column of numbers or integers."""

    def __init__(self, baseline: NumberColumn, kind: str, reading: Reading) -> None:
        self._edges = np.array(baseline.edges, dtype=np.float64)
        self._single = len(baseline.shares) <= 1
        self._bins = np.zeros(1 if not baseline.edges else 2 if self._single else len(baseline.shares), dtype=np.int64)
        self._missing_numbers = list(reading.missing_numbers)
        self._read = _remembering(lambda value: _number(value, kind, reading))
        self.center, self.scale = center_and_scale(baseline)
        self.missing = self.as_text = self.unfit = self.below = self.above = 0
        self._sum, self._squares = ExactSum(), ExactSum()
        self._min, self._max = np.inf, -np.inf

    def add(self, sent: Sequence[Any]) -> np.ndarray:
        """Counts values as JSON has them; gives them as float64, with NaN where one is missing."""
        values = self._typed(sent)
        present = values[~np.isnan(values)]
        self.missing += len(values) - len(present)
        if not len(present):
            return values
        self._bins += self._binned(present)
        if len(self._edges):
            self.below += int((present < self._edges[0]).sum())
            self.above += int((present > self._edges[-1]).sum())
        with np.errstate(over="ignore"):
            distances = present - self.center
            squares = np.square(distances)
        self._sum.add(distances[np.isfinite(distances)])
        self._squares.add(squares[np.isfinite(squares)])
        self._min, self._max = min(self._min, float(present.min())), max(self._max, float(present.max()))
        return values

    def _typed(self, sent: Sequence[Any]) -> np.ndarray:
        if set(map(type, sent)) <= _PLAIN_NUMBERS:
            try:
                values = np.array(sent, dtype=np.float64)
            except OverflowError:  # an integer beyond a double
                pass
            else:
                infinite = np.isinf(values)
                if infinite.any():
                    self.unfit += int(infinite.sum())
                    values[infinite] = np.nan
                if self._missing_numbers:
                    values[np.isin(values, self._missing_numbers)] = np.nan
                return values
        read = [self._read(value) for value in sent]
        self.unfit += sum(unfit for _, unfit in read)
        found = np.array([value for value, _ in read], dtype=np.float64)
        texts = np.fromiter((type(value) is str for value in sent), bool, len(sent))
        self.as_text += int((texts & ~np.isnan(found)).sum())
        return found

    def _binned(self, present: np.ndarray) -> np.ndarray:
        if not len(self._edges):
            return np.array([len(present)])
        if self._single:
            # a constant column has one bin, under which every other value would hide
            same = int((present == self._edges[0]).sum()) if self._edges[0] == self._edges[-1] else len(present)
            return np.array([same, len(present) - same])
        bins = len(self._bins)
        places = np.clip(np.searchsorted(self._edges, present, side="right") - 1, 0, bins - 1)
        return np.bincount(places, minlength=bins)

    def to_json(self) -> Json:
        some = self._min <= self._max
        return {
            "type": "number",
            "bins": self._bins.tolist(),
            "missing": self.missing,
            "as_text": self.as_text,
            "unfit": self.unfit,
            "below": self.below,
            "above": self.above,
            "center": self.center,
            "sum": finite(self._sum.value),
            "squares": finite(self._squares.value),
            "exact": [self._sum.to_text(), self._squares.to_text()],
            "min": self._min if some else None,
            "max": self._max if some else None,
        }

    def resume(self, counted: Json) -> None:
        """Goes on from what `to_json` gave. Raises ValueError, KeyError or TypeError for anything else."""
        bins = np.array(counted["bins"], dtype=np.int64)
        if bins.shape != self._bins.shape or counted["center"] != self.center:
            raise ValueError("was counted on other bins")
        self._bins = bins
        self.missing, self.as_text, self.unfit = counted["missing"], counted["as_text"], counted["unfit"]
        self.below, self.above = counted["below"], counted["above"]
        self._sum, self._squares = (ExactSum.from_text(text) for text in counted["exact"])
        if counted["min"] is not None:
            self._min, self._max = float(counted["min"]), float(counted["max"])


class BinnedCategory:
    """A column of categories or booleans."""

    def __init__(self, baseline: CategoryColumn, kind: str, reading: Reading) -> None:
        self._known = set(baseline.shares)
        self._counts: Counter[str] = Counter()
        self.missing = self.as_text = self.unfit = self.unseen = 0
        boolean = baseline.boolean
        self._texts = kind in ("boolean", "integer", "number")
        self._read = _remembering(lambda value: _category(value, boolean, kind, reading))

    def add(self, sent: Sequence[Any]) -> None:
        """Counts values as JSON has them."""
        if set(map(type, sent)) <= _PLAIN_TEXTS:
            different: Iterable[tuple[Any, int]] = Counter(sent).items()
        else:
            # True and 1 are equal, but of two types
            different = [(value, n) for (_, value), n in Counter((type(v), _hashable(v)) for v in sent).items()]
        for value, n in different:
            name, unfit = self._read(value)
            self.unfit += n * unfit
            if name is None:
                self.missing += n
                continue
            if name in self._known:
                self._counts[name] += n
            else:
                self.unseen += n
            if self._texts and type(value) is str:
                self.as_text += n

    def to_json(self) -> Json:
        return {
            "type": "category",
            "counts": dict(sorted(self._counts.items())),
            "unseen": self.unseen,
            "missing": self.missing,
            "as_text": self.as_text,
            "unfit": self.unfit,
        }

    def resume(self, counted: Json) -> None:
        """Goes on from what `to_json` gave. Raises KeyError or TypeError for anything else."""
        self._counts = Counter(counted["counts"])
        self.unseen, self.missing = counted["unseen"], counted["missing"]
        self.as_text, self.unfit = counted["as_text"], counted["unfit"]


def center_and_scale(baseline: NumberColumn) -> tuple[float, float]:
    """The middle edge of the baseline's bins and a quarter of their span, for sums near zero; 0 and 1 of no bins."""
    edges = baseline.edges
    if not edges:
        return 0.0, 1.0
    span = edges[-1] / 4 - edges[0] / 4
    return float(edges[len(edges) // 2]), span if span > 0 else 1.0


def _remembering(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`read` with a memory for short texts and numbers, of which a column often has few."""
    known: dict[tuple[type, Any], Any] = {}

    def remembered(value: Any) -> Any:
        if isinstance(value, list | dict) or (type(value) is str and len(value) > 100):
            return read(value)
        place = (type(value), value)
        if place not in known:
            if len(known) >= _REMEMBERED:
                known.clear()
            known[place] = read(value)
        return known[place]

    return remembered


def _hashable(value: Any) -> Any:
    return str(value) if isinstance(value, list | dict) else value


def _number(value: Any, kind: str, reading: Reading) -> tuple[float, bool]:
    """What the model saw, NaN for none, and whether it is not of the column's type."""
    for read_as, how in ((kind, reading), ("number", Reading())):
        try:
            found = parse_json(value, read_as, how)
        except ValueError:
            continue
        number = None if found is None else finite(found)
        return (float("nan") if number is None else number), False
    return float("nan"), True


def _category(value: Any, boolean: bool, kind: str, reading: Reading) -> tuple[str | None, bool]:
    """The text under which the encoder knows a category, and whether the value is not of the column's type."""
    unfit = False
    if kind in ("boolean", "category"):
        try:
            value = parse_json(value, kind, reading)
        except ValueError:
            unfit = True
    for read_as in ("boolean", "category") if boolean else ("category",):
        try:
            found = parse_json(value, read_as)
        except ValueError:
            continue
        return (None if found is None else category_text(found)), unfit
    return None, True
