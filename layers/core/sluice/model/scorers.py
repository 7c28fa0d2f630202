"""Matrix → raw answer, in numpy float64, equal to scikit-learn's own `predict_proba` / `predict`.

A scorer is called with a matrix (rows, width) and answers probabilities (rows, classes) or values (rows,). Trees of
at most 64 leaves are compiled to tables (`leaf_tables`), others walked; both find the same leaves. `meta["blocks"]`
are the encoder's one-hot columns.
Adding one: a class with `__init__(arrays, meta)` and `__call__`, and a line in SCORERS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sluice.model.anomaly_scorers import ANOMALY_SCORERS
from sluice.model.category_columns import CategoryColumns
from sluice.model.errors import ArtifactError, ModelError
from sluice.model.kernel_scorers import KERNEL_SCORERS
from sluice.model.leaf_tables import LeafTables
from sluice.model.links import expit, expit_of_one, linked, pair, softmax
from sluice.model.preparation.terms import Terms
from sluice.model.segment_scorers import SEGMENT_SCORERS
from sluice.model.smooth_scorers import SMOOTH_SCORERS

Arrays = Mapping[str, np.ndarray]
# Rows are taken in chunks of about this many (row, tree) pairs, as in `leaf_tables`.
_CHUNK = 24_000


class LinearScorer:
    """Spread, impute the median, standardise, weigh.

    Arrays: impute, mean, scale (width,); coef (outputs, width); intercept; `terms` (outputs, terms) where the model
    weighs the terms of texts as well. `spread`: "signed-log" for sign(x)·log1p(|x|) of every column first, else
    "standard". `output` "shares": each output's own probability, divided by their sum (one class against the rest).
    """

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        self._impute, self._mean, self._scale = arrays["impute"], arrays["mean"], arrays["scale"]
        self._coef, self._intercept = np.ascontiguousarray(arrays["coef"].T), arrays["intercept"]
        self._output = meta["output"]
        self._signed_log = meta.get("spread") == "signed-log"
        terms = arrays.get("terms")
        self._terms = None if terms is None else np.ascontiguousarray(terms.T)

    @property
    def uses_terms(self) -> bool:
        return self._terms is not None

    def __call__(self, matrix: np.ndarray, terms: Terms | None = None) -> np.ndarray:
        if self._signed_log:
            matrix = np.sign(matrix) * np.log1p(np.abs(matrix))
        filled = np.where(np.isnan(matrix), self._impute, matrix)
        raw = ((filled - self._mean) / self._scale) @ self._coef + self._intercept
        if self._terms is not None:
            if terms is None:
                raise ModelError("this model weighs the terms of texts, and was given none")
            raw += terms.times(self._terms)
        if self._output == "shares":
            each = expit(raw.ravel()).reshape(raw.shape)
            total = each.sum(axis=1, keepdims=True)
            return np.divide(each, total, out=np.full_like(each, 1.0 / each.shape[1]), where=total > 0)
        return linked(raw, self._output)


class ConstantScorer:
    """The same answer for every row. Arrays: answer (classes,), or (1,) for regression."""

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        self._answer = arrays["answer"]
        self._identity = meta["output"] == "identity"

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        if self._identity:
            return np.full(len(matrix), self._answer[0])
        return np.tile(self._answer, (len(matrix), 1))


class Trees:
    """Many binary trees as flat node arrays, walked for all rows and trees at once.

    Arrays: roots (trees,); feature, threshold, left, right, missing_left per node. A leaf has left = right = itself.
    `x <= threshold` goes left; NaN goes where `missing_left` says.
    """

    def __init__(self, arrays: Arrays, width: int, depth: int) -> None:
        threshold = arrays["threshold"].astype(np.float64)
        # Rows are doubled: in the second half a missing value is -inf, always left; in the first +inf, always right.
        # A threshold of +inf ("everything but missing") would let +inf through, hence the largest finite number.
        threshold = np.minimum(threshold, np.finfo(np.float64).max)
        feature = arrays["feature"].astype(np.intp) + width * (arrays["missing_left"] != 0)
        # State 2·node in all tables: the next state is children[state + (x > threshold)], without a multiplication.
        self._threshold = np.repeat(threshold, 2)
        self._feature = np.repeat(feature, 2)
        self._children = np.stack([arrays["left"], arrays["right"]], axis=1).astype(np.intp).ravel() * 2
        self._roots = arrays["roots"].astype(np.intp) * 2
        self._width = width
        self._depth = depth

    def leaves(self, matrix: np.ndarray) -> np.ndarray:
        """Node index of each row's leaf in each tree, shape (rows, trees)."""
        rows = len(matrix)
        missing = np.isnan(matrix)
        doubled = np.concatenate([np.where(missing, np.inf, matrix), np.where(missing, -np.inf, matrix)], axis=1)
        flat = doubled.ravel()
        feature, threshold, children = self._feature, self._threshold, self._children
        if rows == 1:
            state = self._roots
            for _ in range(self._depth):
                state = children.take(state + (flat.take(feature.take(state)) > threshold.take(state)))
            return (state >> 1)[None, :]
        offsets = np.arange(rows, dtype=np.intp)[:, None] * (2 * self._width)
        state = np.broadcast_to(self._roots, (rows, len(self._roots)))
        for _ in range(self._depth):
            state = children.take(state + (flat.take(feature.take(state) + offsets) > threshold.take(state)))
        return state >> 1


class _TreeScorer:
    """`tables` is None where the trees do not fit any and are walked: as exact, slower."""

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        self.tables = LeafTables.build(arrays, meta.get("blocks") or ())
        if self.tables is None:
            walked = Trees(arrays, int(meta["width"]), int(meta["depth"]))
            self._places: Callable[[np.ndarray], np.ndarray] = lambda matrix: walked.leaves(matrix).T
            self._value = arrays["value"]
        else:
            self._places, self._value = self.tables.places, self.tables.by_place(arrays["value"])
        self._step = max(1, _CHUNK // max(1, len(arrays["roots"])))

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        """Rows are taken in chunks."""
        if len(matrix) <= self._step:
            return self._answer(self._places(matrix))
        starts = range(0, len(matrix), self._step)
        return np.concatenate([self._answer(self._places(matrix[at : at + self._step])) for at in starts])

    def _answer(self, places: np.ndarray) -> np.ndarray:
        """`places`, shape (trees, rows), say where each leaf's value is in `_value`."""
        raise NotImplementedError


class ForestScorer(_TreeScorer):
    """Mean over trees in order, as RandomForest and DecisionTree: X as float32, value (nodes, outputs)."""

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        super().__init__(arrays, meta)
        self._count = len(arrays["roots"])
        self._identity = meta["output"] == "identity"

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore"):
            return super().__call__(matrix.astype(np.float32).astype(np.float64))

    def _answer(self, places: np.ndarray) -> np.ndarray:
        # cumsum adds strictly in order; sum would add pairwise and differ in the last bits.
        mean = np.cumsum(self._value.take(places, axis=0), axis=0)[-1] / self._count
        return mean[:, 0] if self._identity else mean


class BoostingScorer(_TreeScorer):
    """Sum of leaf values on a start value, as HistGradientBoosting. value (nodes,), start (outputs,).

    Trees come iteration by iteration, one for each output; or one for all outputs, with value (nodes, outputs). Values
    of 32 bits are added in 32 bits, as XGBoost does.
    """

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        super().__init__(arrays, meta)
        self._start = arrays["start"][:, None]
        self._first = float(arrays["start"][0])
        self._trees = len(arrays["roots"])
        self._output = meta["output"]
        self.outputs = len(self._start)

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        if len(matrix) != 1 or self.outputs != 1 or self.tables is None:
            return super().__call__(matrix)
        value = self.of_one(self.tables.places_of_one(self.tables.rows_of_one(matrix[0].tolist())))
        return np.array([value] if self._output == "identity" else [[1.0 - value, value]])

    def of_one(self, place: np.ndarray) -> float:
        """The value, or the positive's probability, of one row by its `LeafTables.places_of_one`; for one output."""
        terms = self._value.take(place)
        terms[0] += self._first
        raw: float = np.add.accumulate(terms).item(-1)
        return raw if self._output == "identity" else expit_of_one(raw)

    def of_many(self, tables: LeafTables, columns: list[np.ndarray], count: int) -> np.ndarray:
        """As a call, for rows of which the rows of the tables are known."""
        parts = []
        for at in range(0, count, self._step):
            part = columns if count <= self._step else [rows[at : at + self._step] for rows in columns]
            parts.append(self._answer(tables.places_of_many(part, min(self._step, count - at))))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _answer(self, places: np.ndarray) -> np.ndarray:
        rows, outputs = places.shape[1], self.outputs
        if self._value.ndim == 2:
            raw = np.add.reduce(self._value.take(places, axis=0), axis=0) + self._start[:, 0]
            return softmax(raw)
        # Summed strictly in order, as scikit-learn adds tree by tree: numpy adds pairwise only along the fastest axis.
        terms = np.empty((self._trees // outputs + 1, outputs, rows), dtype=self._value.dtype)
        terms[0] = self._start
        self._value.take(places, out=terms[1:].reshape(places.shape), mode="clip")  # the default mode copies `out`
        raw = np.add.reduce(terms, axis=0) if rows * outputs > 1 else np.add.accumulate(terms, axis=0)[-1]
        raw = raw.astype(np.float64, copy=False)
        if self._output == "identity":
            return raw[0]
        return pair(expit(raw[0])) if self._output == "expit" else softmax(np.ascontiguousarray(raw.T))


class CategoryBoostingScorer:
    """The same with columns behind the matrix that are looked up by codes of categories (`category_columns`)."""

    def __init__(self, arrays: Arrays, meta: Mapping[str, Any]) -> None:
        self._columns = CategoryColumns(arrays)
        self._trees = BoostingScorer(arrays, meta)

    @property
    def tables(self) -> LeafTables | None:
        return self._trees.tables

    def __call__(self, matrix: np.ndarray) -> np.ndarray:
        return self._trees(np.concatenate([matrix, self._columns(matrix)], axis=1))


Scorer = Callable[..., np.ndarray]
"""Called with the matrix; one that `uses_terms` also with the terms of the same rows."""
SCORERS: dict[str, Callable[[Arrays, Mapping[str, Any]], Scorer]] = {
    "linear": LinearScorer,
    "constant": ConstantScorer,
    "forest": ForestScorer,
    "boosting": BoostingScorer,
    "category_boosting": CategoryBoostingScorer,
    **SMOOTH_SCORERS,
    **KERNEL_SCORERS,
    **SEGMENT_SCORERS,
    **ANOMALY_SCORERS,
}


def uses_terms(scorer: Scorer) -> bool:
    return bool(getattr(scorer, "uses_terms", False))


def build_scorer(arrays: Arrays, meta: Mapping[str, Any]) -> Scorer:
    """`meta["blocks"]`, where given, says which columns are one-hot: then every matrix must be the encoder's.

    Raises ArtifactError on an unknown kind or arrays that do not fit together."""
    try:
        make = SCORERS[meta["scorer"]]
    except KeyError:
        raise ArtifactError(f"unknown scorer {meta.get('scorer')!r}; known: {', '.join(SCORERS)}") from None
    try:
        if "roots" in arrays:
            _check_trees(arrays, int(meta["width"]))
        return make(arrays, meta)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(f"scorer {meta['scorer']}: arrays and model.json do not fit together: {error}") from error


def _check_trees(arrays: Arrays, width: int) -> None:
    nodes = len(arrays["feature"])
    for name in ("threshold", "left", "right", "missing_left", "value"):
        if len(arrays[name]) != nodes:
            raise ValueError(f"{name} has {len(arrays[name])} entries for {nodes} nodes")
    for name, limit in (("left", nodes), ("right", nodes), ("roots", nodes), ("feature", width)):
        if nodes and (arrays[name].min() < 0 or arrays[name].max() >= limit):
            raise ValueError(f"{name} points outside")
