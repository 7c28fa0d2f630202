"""Exact Shapley values of one scorer on its raw scale, by matrix column; the same rows stand for unknown columns.

linear, additive   each column's own term minus its mean over the rows: columns that add up have no other Shapley value
boosting, forest   `contributions.trees`
category_boosting  the same; what a looked up column has belongs to the column of its code
constant           nothing
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from contributions import trees
from sluice.model.category_columns import CategoryColumns
from sluice.model.preparation.terms import Terms
from sluice.model.smooth_scorers import AdditiveScorer

Arrays = Mapping[str, np.ndarray]
Meta = Mapping[str, Any]


class Raw(NamedTuple):
    """`columns` (rows, outputs, width) and `texts` (rows, outputs, text columns): with `base`, the raw score."""

    columns: np.ndarray
    base: np.ndarray
    texts: np.ndarray | None = None


def why_not(arrays: Arrays, meta: Meta) -> str | None:
    """Why there are no exact values of this scorer; None if there are."""
    if meta["scorer"] not in EXPLAINED:
        what = "a neural network" if meta["scorer"] == "network" else f"a model of kind {meta['scorer']!r}"
        return f"for {what} they are not exact and fast"
    return None


def outputs_of(arrays: Arrays, meta: Meta) -> int:
    """How many raw scores a row has."""
    if meta["scorer"] == "forest":
        return int(np.prod(arrays["value"].shape[1:], dtype=int))
    return len(
        arrays[
            {"boosting": "start", "category_boosting": "start", "constant": "answer"}.get(meta["scorer"], "intercept")
        ]
    )


def explained(arrays: Arrays, meta: Meta, matrix: np.ndarray, texts: list[Terms]) -> Raw:
    """`texts`: the terms of each text column."""
    return EXPLAINED[meta["scorer"]](arrays, meta, matrix, texts)


def _linear(arrays: Arrays, meta: Meta, matrix: np.ndarray, texts: list[Terms]) -> Raw:
    if meta.get("spread") == "signed-log":
        matrix = np.sign(matrix) * np.log1p(np.abs(matrix))
    plain = (np.where(np.isnan(matrix), arrays["impute"], matrix) - arrays["mean"]) / arrays["scale"]
    mean = plain.mean(axis=0)
    coef = arrays["coef"]
    base = coef @ mean + arrays["intercept"]
    weighed = None
    if arrays.get("terms") is not None:
        weights = np.ascontiguousarray(arrays["terms"].T, dtype=np.float64)
        ends = np.cumsum([each.width for each in texts])
        parts = [each.times(weights[end - each.width : end]) for each, end in zip(texts, ends)]
        own = np.stack(parts, axis=2)
        weighed = own - own.mean(axis=0)
        base = base + own.mean(axis=0).sum(axis=1)
    return Raw((plain - mean)[:, None, :] * coef[None, :, :], base, weighed)


def _additive(arrays: Arrays, meta: Meta, matrix: np.ndarray, texts: list[Terms]) -> Raw:
    filled = np.where(np.isnan(matrix), arrays["impute"], matrix) - arrays.get("center", 0.0)
    own = filled[:, None, :] * arrays["coef"].T[None, :, :]
    if len(arrays["columns"]):
        curves = AdditiveScorer(arrays, meta).curves(matrix)
        for place, column in enumerate(arrays["columns"].tolist()):
            own[:, :, column] += curves[:, place, :]
    mean = own.mean(axis=0)
    return Raw(own - mean, mean.sum(axis=1) + arrays["intercept"])


def _boosting(arrays: Arrays, meta: Meta, matrix: np.ndarray, texts: list[Terms]) -> Raw:
    start = arrays["start"].astype(np.float64)
    outputs = len(start)
    values = arrays["value"].astype(np.float64)
    if values.ndim == 2:  # each tree has a value for each output
        slot = np.zeros(len(arrays["roots"]), dtype=np.intp)
    else:
        slot, values = np.arange(len(arrays["roots"])) % outputs, values[:, None]
    paths = trees.paths_of(arrays, matrix)
    base = trees.base(paths, values, slot, outputs) + start
    return Raw(trees.contributions(paths, values, slot, outputs, matrix), base)


def _category_boosting(arrays: Arrays, meta: Meta, matrix: np.ndarray, texts: list[Terms]) -> Raw:
    found = _boosting(arrays, meta, np.concatenate([matrix, CategoryColumns(arrays)(matrix)], axis=1), texts)
    own = found.columns[:, :, : matrix.shape[1]].copy()
    for place, code in enumerate(arrays["lookup_code"].tolist(), matrix.shape[1]):
        own[:, :, code] += found.columns[:, :, place]
    return Raw(own, found.base)


def _forest(arrays: Arrays, meta: Meta, matrix: np.ndarray, texts: list[Terms]) -> Raw:
    with np.errstate(over="ignore"):
        matrix = matrix.astype(np.float32).astype(np.float64)
    values = arrays["value"].astype(np.float64).reshape(len(arrays["feature"]), -1) / len(arrays["roots"])
    outputs = values.shape[1]
    slot = np.zeros(len(arrays["roots"]), dtype=np.intp)
    paths = trees.paths_of(arrays, matrix)
    found = trees.contributions(paths, values, slot, outputs, matrix)
    return Raw(found, trees.base(paths, values, slot, outputs))


def _constant(arrays: Arrays, meta: Meta, matrix: np.ndarray, texts: list[Terms]) -> Raw:
    return Raw(np.zeros((len(matrix), len(arrays["answer"]), matrix.shape[1])), arrays["answer"].astype(np.float64))


EXPLAINED: dict[str, Callable[[Arrays, Meta, np.ndarray, list[Terms]], Raw]] = {
    "linear": _linear,
    "additive": _additive,
    "boosting": _boosting,
    "category_boosting": _category_boosting,
    "forest": _forest,
    "constant": _constant,
}
