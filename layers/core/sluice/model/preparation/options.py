"""`features` of a contract as the encoder carries it out: which forms each column takes.

The contract's own model checks the same at registration; here a contract of plain JSON is read, and what fits no column
is refused as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sluice.model.errors import ModelError
from sluice.model.preparation import categories, numbers, spelling

SIMILAR = ("keep", spelling.FOLD)
ENCODINGS = ("auto", "one_hot", "ordinal", "target", "frequency")
DATES = ("auto", "parts", "calendar", "cycles")
_NUMBER_KEYS = ("impute", "missing_indicator", "outliers", "outlier_limit", "transform", "scale")
_NUMBERS: tuple[str, ...] = ("number", "integer")

_KINDS_OF_KEYS = ((_NUMBER_KEYS, _NUMBERS), (("encoding", "similar"), ("category",)), (("dates",), ("timestamp",)))


@dataclass(frozen=True)
class Targets:
    """The training rows' target, for what is learned from it: `values` (rows, outputs), and the outputs' names."""

    outputs: list[str]
    values: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, classes: int) -> Targets:
        return cls(*categories.outputs_of(y, classes))


MAX_OUTPUTS = 10
"""With more classes than these, a category's means of the target are more columns than they are worth."""


def check(features: Mapping[str, Any], types: Mapping[str, str]) -> None:
    """Raises ModelError on an option that names a column of another type."""
    named = [("log", name, _NUMBERS) for name in features.get("log") or ()]
    named += [("bins", name, _NUMBERS) for name in features.get("bins") or {}]
    for name, options in (features.get("columns") or {}).items():
        given = {key for key, value in options.items() if value is not None}
        for keys, kinds in _KINDS_OF_KEYS:
            if given & set(keys):
                named.append((f"columns.{name}", name, kinds))
    for option, name, kinds in named:
        if types.get(name) not in kinds:
            what = "number" if kinds is _NUMBERS else kinds[0]
            raise ModelError(f"contract: features.{option} names {name!r}, which is not a {what} column")


def parts_of(
    name: str,
    kind: str,
    values: Sequence[Any],
    features: Mapping[str, Any],
    encoding: str,
    targets: Targets | None,
) -> list[dict[str, Any]]:
    """The parts of one column, learned from all its training values (None is missing). `encoding` is the family's."""
    present = [value for value in values if value is not None]
    own = (features.get("columns") or {}).get(name) or {}
    if kind == "category":
        similar = own.get("similar") or (features.get("categories") or {}).get("similar") or "keep"
        if similar != spelling.FOLD:
            return _category(name, values, present, features, own, encoding, targets)
        alike = spelling.folded(present)
        values, present = spelling.keys(values), spelling.keys(present)
        found = _category(name, values, present, features, own, encoding, targets)
        return [categories.with_spellings(part, alike) for part in found]
    if kind == "timestamp":
        asked = own.get("dates") or features.get("dates") or "auto"
        origin = min(present, default=0.0)
        forms = {"parts": ["timestamp"], "calendar": ["calendar"], "cycles": ["cycles", "since"]}
        # in a space of distances a column counts once
        forms["auto"] = {"ordinal": ["calendar"], "space": ["timestamp"]}.get(encoding, ["calendar", "cycles"])
        return [{"column": name, "kind": form, "origin": origin} for form in forms[asked]]
    if kind == "text":
        return [{"column": name, "kind": "terms"}]
    if kind == "boolean":
        return [{"column": name, "kind": "boolean"}]
    bins = (features.get("bins") or {}).get(name)
    if bins is not None:
        return [numbers.fit_bins(name, bins, present)]
    options = {key: value for key, value in (features.get("numbers") or {}).items() if value is not None}
    if name in (features.get("log") or ()):
        options["transform"] = "log"  # what names a column counts more than what is asked of all
    options |= {key: own.get(key) for key in _NUMBER_KEYS if own.get(key) is not None}
    asked = {key: value for key, value in options.items() if value not in (None, False, "none", "keep")}
    asked.pop("outlier_limit", None)
    if not asked:
        return [{"column": name, "kind": "number"}]
    if asked == {"transform": "log"}:
        return [{"column": name, "kind": "log"}]
    plain = {key: None if value == "none" else value for key, value in options.items()}
    return [numbers.fit_prepared(name, plain, present)]


def _category(
    name: str,
    values: Sequence[Any],
    present: Sequence[str],
    features: Mapping[str, Any],
    own: Mapping[str, Any],
    encoding: str,
    targets: Targets | None,
) -> list[dict[str, Any]]:
    options = features.get("categories") or {}
    asked = own.get("encoding") or options.get("encoding") or "auto"
    min_rows = int(options.get("min_rows") or categories.MIN_ROWS)
    limit = int(options.get("max_one_hot") or categories.max_one_hot(len(values)))
    if asked == "one_hot":
        return [categories.fit_one_hot(name, present, limit, min_rows)]
    if asked == "ordinal":
        return [categories.fit_ordinal(name, present, min_rows)]
    learned = _learned(name, values, present, targets)
    repeats = bool(learned[-1]["vocabulary"])
    if asked == "frequency":
        return learned[-1:]
    if asked == "target":
        return learned
    if encoding == "ordinal":
        first = categories.fit_ordinal(name, present, min_rows)
        return [first, *learned] if repeats and len(set(present)) > FEW else [first]
    first = categories.fit_one_hot(name, present, limit, min_rows)
    # columns for single categories do not reach the rare ones of a long list: what is known of each goes beside them
    return [first, *learned] if repeats and len(set(present)) > limit else [first]


FEW = 50
"""Codes of at most this many categories are enough for trees: one-hot columns and means of the target were no better,
and slower. Of more categories, the means say which belong together."""


def _learned(name: str, values: Sequence[Any], present: Sequence[str], targets: Targets | None) -> list[dict[str, Any]]:
    """The target's means, where there is a target with few outputs; and the share of rows."""
    share = categories.fit_frequency(name, present, max(1, len(values)))
    if not share["vocabulary"]:
        return [share]
    if targets is None or len(targets.outputs) > MAX_OUTPUTS:
        return [share]
    return [categories.fit_target(name, values, targets.outputs, targets.values), share]
