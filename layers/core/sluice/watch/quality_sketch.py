"""The labelled answers of a time, as a mergeable sketch, and every metric of a problem type from it.

A sketch counts rows in cells, and keeps the sums of two numbers for each cell:

decision    (label, prediction): the confusion matrix
score       (label, bin of the score, decile, whether a contact pays): the sum of the scores
number      (bin of the error, bin of the label): the sums of predictions and of labels
log_loss    (bin of the true class's probability): the sum of -ln p
brier       (bin of the row's Brier score): the sum of these scores
class       (class, whether the row is of it, bin of its probability): one count for each class of a row

The last three are of several classes, for rows whose probabilities of all classes are known.

Bins of a score have equal width on the log-odds scale, STEP between ±EDGE, so that rare classes are as fine as
frequent ones. Bins of a number are powers of GROWTH, with a sign. The sum of two sketches is that of their cells, so a
day is the sum of its hours, and what a window costs is its number of cells and not of rows.

Each metric is `sluice.model.metrics`' own formula over weighted rows: a cell is a row with its count as the weight. So
the evaluation's metric and the monitor's cannot differ in their definition. What the cells lose:

ranking     rows of a bin count as tied. |ROC AUC - exact| ≤ ½ Σ_b p_b n_b / (P N), with p_b of P positives and n_b of N
            negatives in bin b; `tied_share` gives the bound.
others      a cell has its rows' mean score, so only the curvature within a bin is lost: a log loss is off by at most
            STEP² / 8 (its second derivative in the log odds is at most ¼), MAE and RMSE by a factor of GROWTH².
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sluice.contract.metric_limits import OF_ALL_CLASSES, ONLINE_METRICS
from sluice.model import metrics
from sluice.model.metrics.weighting import mean_of_defined
from sluice.watch.agreement import AGREEMENT

CLASS = "class"
"""The part with several counts a row."""
STEP, EDGE = 0.05, 12.0
GROWTH = 1.02
SCORED = frozenset({"log_loss", "brier", "ece", "profit", "uplift", "value_per_decision"})
"""Metrics of scores as they are; other metrics of scores want their order alone."""
RANKED = frozenset({"roc_auc", "pr_auc", "lift_at_5", "lift_at_10", "lift_at_20"})
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """A label and what was answered: a class or a bool each and a score; of a regression two numbers.

    `probabilities`: of several classes, that of each class, where they are known.
    """

    label: Any
    said: Any
    score: float | None
    probabilities: Mapping[str, float] | None = None


@dataclass
class QualitySketch:
    """`cells`: part → cell → [count, sum, sum]."""

    cells: dict[str, dict[Key, list[float]]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        parts = (part for name, part in self.cells.items() if name != CLASS)
        return round(max((sum(cell[0] for cell in part.values()) for part in parts), default=0))

    def counts(self, part: str) -> dict[Key, int]:
        return {key: round(cell[0]) for key, cell in self.cells.get(part, {}).items()}

    def plain(self) -> dict[str, Any]:
        """As JSON has it, in one order."""
        return {part: [[list(key), *cells[key]] for key in sorted(cells)] for part, cells in sorted(self.cells.items())}


def sketch_of(pairs: Iterable[Pair], problem: str, break_even: float | None = None) -> QualitySketch:
    """The same for every order of the pairs: sums are exact before they are rounded (`math.fsum`)."""
    values: dict[str, dict[Key, list[tuple[float, float]]]] = {}

    def add(part: str, key: Key, first: float = 0.0, second: float = 0.0) -> None:
        values.setdefault(part, {}).setdefault(key, []).append((first, second))

    for pair in pairs:
        if problem == "regression":
            if pair.score is not None:
                add("number", (_number_bin(pair.score - pair.label), _number_bin(pair.label)), pair.score, pair.label)
            continue
        if pair.said is not None:
            add("decision", (pair.label, pair.said))
        if pair.score is not None and problem != "clustering":
            # of several classes the score is that of the predicted one: it is right, or not
            truth = pair.label if problem != "multiclass" else pair.label == pair.said
            pays = break_even is not None and pair.score >= break_even
            decile = min(9, max(0, int(pair.score * 10)))
            add("score", (bool(truth), score_bin(pair.score), decile, pays), pair.score)
        if pair.probabilities is not None:
            # a class that the model does not know has no probability
            true = pair.probabilities.get(pair.label, 0.0)
            squares = math.fsum(p * p for p in pair.probabilities.values())
            brier = min(1.0, max(0.0, (squares - 2 * true + 1) / 2))
            add("log_loss", (score_bin(true),), -math.log(max(true, _LEAST)))
            add("brier", (score_bin(brier),), brier)
            for name, p in pair.probabilities.items():
                add(CLASS, (name, name == pair.label, score_bin(p)))
    return QualitySketch(
        {
            part: {
                key: [len(seen), _sum(first for first, _ in seen), _sum(second for _, second in seen)]
                for key, seen in cells.items()
            }
            for part, cells in values.items()
        }
    )


def merged(sketches: Sequence[QualitySketch]) -> QualitySketch:
    """The sketch of all their rows. Does not depend on the order."""
    parts: dict[str, dict[Key, list[list[float]]]] = {}
    for sketch in sketches:
        for part, cells in sketch.cells.items():
            for key, cell in cells.items():
                parts.setdefault(part, {}).setdefault(key, []).append(cell)
    return QualitySketch(
        {
            part: {key: [_sum(column) for column in zip(*found)] for key, found in cells.items()}
            for part, cells in parts.items()
        }
    )


def _sum(values: Iterable[float]) -> float:
    """Exact before it is rounded; infinite beyond the greatest number."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return math.inf


def score_bin(score: float) -> int:
    """The bin of a probability; 0 and 1 have the outermost ones to themselves."""
    if score <= 0 or score >= 1:
        return 0 if score <= 0 else _LAST
    odds = math.log(score) - math.log1p(-score)
    return min(_LAST - 1, max(1, 1 + math.floor((odds + EDGE) / STEP)))


_LAST = 1 + math.floor(2 * EDGE / STEP) + 1


def _number_bin(value: float) -> int:
    """Positive bins above 0, negative ones below, 0 for what is nothing."""
    if abs(value) < _SMALLEST:
        return 0
    if not math.isfinite(value):
        # the difference of two numbers near the greatest one
        return _INFINITE if value > 0 else -_INFINITE
    place = 1 + math.floor(math.log(abs(value) / _SMALLEST) / _LOG_GROWTH)
    return place if value > 0 else -place


_ROUNDING = 1e-12
_LEAST = float(np.finfo(np.float64).eps)
"""Where the evaluation's log loss is clipped."""
_SMALLEST, _LOG_GROWTH, _INFINITE = 1e-9, math.log(GROWTH), 10**6


@dataclass(frozen=True)
class Cells:
    """A part of a sketch as a metric takes it: truth (cells,), what was said about it, and rows in each cell."""

    truth: np.ndarray
    said: np.ndarray
    counts: np.ndarray


class OnlineMetrics:
    """All metrics that the answers of a problem type allow.

    `threshold` does not occur: what the model decided is in the answer. Of several classes the answers have the
    predicted class and its probability alone; with `probabilities` those of all classes are known, and the metrics of
    OF_ALL_CLASSES are among them.
    """

    def __init__(self, problem: str, business: Mapping[str, Any] | None = None, *, probabilities: bool = False) -> None:
        self.problem = problem
        left_out = OF_ALL_CLASSES if problem == "multiclass" and not probabilities else frozenset[str]()
        if problem == "clustering":
            known = AGREEMENT
        else:
            known = metrics.metrics_of("binary" if problem == "anomaly" else problem, business)
        wanted = (name for name in ONLINE_METRICS[problem] if name not in left_out)
        self._metrics = {name: known[name] for name in wanted if name in known}

    @property
    def named(self) -> bool:
        """Whether labels and predictions are names, and not yes or no."""
        return self.problem in ("multiclass", "clustering")

    @property
    def names(self) -> list[str]:
        return list(self._metrics)

    def total(self, name: str) -> bool:
        """Whether the metric is a sum over rows."""
        return self._metrics[name].total

    def part(self, name: str) -> str:
        """The part of a sketch that the metric is made from."""
        if self.problem == "regression":
            return "number"
        if self.problem == "multiclass" and name in OF_ALL_CLASSES:
            return CLASS if name in RANKED else name
        return "score" if name in SCORED | RANKED else "decision"

    def cells(self, name: str, sketch: QualitySketch) -> Cells:
        part = sketch.cells.get(self.part(name), {})
        keys = sorted(part, key=str)
        table = np.array([part[key] for key in keys], dtype=np.float64).reshape(-1, 3)
        counts = table[:, 0]
        if self.problem == "regression":
            return Cells(table[:, 2] / counts, table[:, 1] / counts, counts)
        if self.part(name) == CLASS:
            place = {each: number for number, each in enumerate(sorted({key[0] for key in keys}))}
            truth = np.array([2 * place[key[0]] + bool(key[1]) for key in keys], dtype=np.int64)
            return Cells(truth, np.array([key[2] for key in keys], dtype=np.float64), counts)
        if self.part(name) in OF_ALL_CLASSES:
            # as two classes with the same loss: the true one, and the probability that makes it
            losses = table[:, 1] / counts
            log = name == "log_loss"
            truth = np.full(len(keys), int(log), dtype=np.int64)
            return Cells(truth, np.exp(-losses) if log else np.sqrt(losses), counts)
        if self.part(name) == "score":
            # tied within a bin where the order counts
            if name in RANKED:
                score = np.array([key[1] for key in keys], dtype=np.float64)
            else:
                # the mean of scores on a decile's edge may be rounded beyond it
                decile = np.array([key[2] for key in keys], dtype=np.float64)
                low, high = decile / 10 + _ROUNDING * (decile > 0), (decile + 1) / 10 - _ROUNDING * (decile < 9)
                score = np.clip(table[:, 1] / counts, low, high)
            return Cells(np.array([int(key[0]) for key in keys]), score, counts)
        known = sorted({str(each) for key in keys for each in key}) if self.named else ["False", "True"]
        place = {label: number for number, label in enumerate(known)}
        truth = np.array([place[str(key[0])] for key in keys], dtype=np.int64)
        said = np.array([place[str(key[1])] for key in keys], dtype=np.int64)
        return Cells(truth, said, counts)

    def weighted(self, name: str, cells: Cells, counts: np.ndarray) -> np.ndarray:
        """The metric under each row of `counts` (resamples, cells): (resamples,); NaN where it is not defined."""
        if not len(cells.truth):
            return np.full(len(counts), np.nan)
        if self.part(name) == CLASS:
            return mean_of_defined(self.of_each_class(name, cells, counts))
        # of several classes the chosen one is right or wrong, with its confidence
        two = self.problem == "multiclass" and self.part(name) in ("score", *OF_ALL_CLASSES)
        metric = _TWO_CLASSES[name] if two else self._metrics[name]
        with np.errstate(over="ignore", invalid="ignore"):
            return metric.weighted(cells.truth, self._scores(name, cells), counts)

    def of_each_class(self, name: str, cells: Cells, counts: np.ndarray) -> np.ndarray:
        """The metric of each class against all others, of the classes that occur: (classes, resamples); NaN where it
        is not defined."""
        found = []
        for number in np.unique(cells.truth[cells.truth % 2 == 1] // 2):
            own = cells.truth // 2 == number
            found.append(_TWO_CLASSES[name].weighted(cells.truth[own] % 2, _stacked(cells.said[own]), counts[:, own]))
        return np.stack(found) if len(found) > 1 else np.full((1, len(counts)), np.nan)

    def labels(self, name: str, cells: Cells) -> float:
        """How many labels the metric's cells have."""
        total = float(cells.counts.sum())
        return total / len(np.unique(cells.truth // 2)) if total and self.part(name) == CLASS else total

    def labels_of(self, name: str, sketch: QualitySketch) -> int:
        """The sketch's labels that count for the metric: with the part of an answer that it needs."""
        cells = self.cells(name, sketch)
        # a relative error of nothing is not defined
        return round(float(cells.counts[cells.truth != 0].sum()) if name == "mape" else self.labels(name, cells))

    def value(self, name: str, sketch: QualitySketch) -> float | None:
        """None where the metric is not defined on these rows."""
        cells = self.cells(name, sketch)
        value = float(self.weighted(name, cells, cells.counts[None, :])[0])
        return value if math.isfinite(value) else None

    def values(self, sketch: QualitySketch) -> dict[str, float]:
        found = {name: self.value(name, sketch) for name in self.names}
        return {name: value for name, value in found.items() if value is not None}

    def _scores(self, name: str, cells: Cells) -> np.ndarray:
        """Scores as `sluice.model.metrics` wants them."""
        if self.problem in ("regression", "clustering"):
            return cells.said
        if self.problem == "multiclass" and self.part(name) == "decision":
            return np.eye(int(max(cells.truth.max(), cells.said.max())) + 1)[cells.said]
        return _stacked(cells.said)


def _stacked(said: np.ndarray) -> np.ndarray:
    return np.stack([1 - said, said], axis=1).astype(np.float64)


_TWO_CLASSES = metrics.binary_metrics()


def tied_share(sketch: QualitySketch) -> float:
    """The bound of a ROC AUC's error: ½ Σ_b p_b n_b / (P N); 0 without both classes."""
    bins: dict[int, list[float]] = {}
    for (truth, place, *_), cell in sketch.cells.get("score", {}).items():
        bins.setdefault(place, [0.0, 0.0])[int(truth)] += cell[0]
    negatives, positives = (sum(found[side] for found in bins.values()) for side in (0, 1))
    if not positives or not negatives:
        return 0.0
    return sum(n * p for n, p in bins.values()) / 2 / (positives * negatives)
