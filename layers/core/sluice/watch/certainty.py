"""When labels prove that a model is worse than its limit, however often that is checked. Pure (numpy).

An alarm on the plain metric goes into ALARM by chance: with 100 labels, a model exactly at its limit is below it in
half of the measurements. What the alarm watches instead is the *bound*: the best value that the labels still allow. If
the bound is beyond the limit, the model is worse than the limit with certainty 1 - ALPHA over all measurements of a
year.

The labels come in periods, in the order of their requests. For each start k, an e-process tests the hypothesis that the
model is at least as good as m since period k. The starts are weighed, so that a loss that begins late is found as well:
Σ_k w_k E_k ≥ 1/ALPHA has a probability of at most ALPHA · Σ w_k if the hypothesis holds. A year's periods together
weigh ½, and a promotion weighs as two weeks do (`weights`).

Means, and ratios of means (accuracy, precision, recall, F1, rates, Brier score, log loss, MAE, MSE, RMSE, pinball,
value of a decision): "at least as good as m" says that a loss ℓ of each row has a mean of at most 0, with ℓ ≥ -b
whatever the row. For F1 = 2 TP / (2 TP + FP + FN) ≥ m, ℓ is m - 1 for a true positive and m / 2 for a false one of
either kind. The product of 1 + λ ℓ over rows has an expectation of at most 1 for each bet λ < 1/b, and so has the
average over BETS; P(ever ≥ 1/α) ≤ α (Ville). Sources: Waudby-Smith & Ramdas, JRSS B 2024, arXiv 2010.09686 (betting);
Shin, Ramdas & Rinaldo, New England Journal of Statistics in Data Science 2024, arXiv 2203.03532 (sums over starting
times). Errors of numbers beyond CAP times the limit count as that much, so that one damaged label proves nothing.

Other metrics (ROC AUC, PR AUC, macro figures, R², …): an asymptotic confidence sequence with the bootstrap's standard
error s of n rows, of each start at α w_k:

    value ± s √n · √(2 (n ρ² + 1) / (n² ρ²) · ln(√(n ρ² + 1) / α)),   ρ² = (-2 ln α + ln(1 - 2 ln α)) / n₀

n₀ is `monitor.quality.min_labels`. Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas, Annals of Statistics 2024,
arXiv 2103.06476. It holds for many rows only: a start needs n₀ rows, and FEW of each class. Where the bootstrap says
too much, the bound gives way: a metric that is greater on draws than on the rows (ECE) is greater on the rows than it
truly is, by as much; and none right of 25 rows does not prove "never right", see `_with_unseen_rows`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sluice.model.metric_ranges import RANGES, Range
from sluice.model.metrics import break_even
from sluice.watch.quality_sketch import CLASS, Cells, OnlineMetrics, QualitySketch, merged

ALPHA = 0.05
YEAR, PROMOTION = 365 * 86400.0, 14 * 86400.0
BETS = np.array([0.95 / 2**step for step in range(11)])
CAP = 20.0
FEW = 25
RESAMPLES = 200
MAX_STARTS = 40
"""Starts of the asymptotic kind; the exact kind costs next to nothing."""
_STEPS = 40


@dataclass(frozen=True)
class Certain:
    """`bound`: the best value that the labels still allow. `rows`: labels that it rests on."""

    bound: float
    rows: int
    method: str


Loss = Callable[[Cells, float], tuple[np.ndarray, float]]
"""(cells, m) → (ℓ of each cell, b)."""


def weights(periods: int, period: float, promoted: bool) -> np.ndarray:
    """The starts' weights; `promoted`: the first period begins with the model's promotion."""
    each = np.full(periods, min(0.5, 0.5 * period / YEAR))
    if promoted and periods:
        each[0] = max(each[0], 0.5 * PROMOTION / YEAR)
    return each


def favourable_bound(
    name: str,
    online: OnlineMetrics,
    periods: Sequence[QualitySketch],
    weight: np.ndarray,
    *,
    lower_limit: bool,
    min_labels: int,
    business: Mapping[str, Any] | None = None,
) -> Certain | None:
    """`periods`: in the order of time. `lower_limit`: the contract limits the metric from below.

    None where there is not enough to say anything.
    """
    loss = _loss_of(name, online.problem, lower_limit, business)
    if loss is None:
        return _asymptotic(name, online, periods, weight, lower_limit, min_labels)
    per_period = [online.cells(name, sketch) for sketch in periods]
    rows = sum(float(cells.counts.sum()) for cells in per_period)
    if rows < min_labels:
        return None
    at = np.concatenate([np.full(len(cells.counts), place) for place, cells in enumerate(per_period)])
    cells = Cells(*(np.concatenate(part) for part in zip(*((c.truth, c.said, c.counts) for c in per_period))))

    def rejected(m: float) -> bool:
        return _log_evidence(loss, cells, at, weight, m) >= -math.log(ALPHA)

    bound = _lowest_rejected(rejected, *_span(name, cells, business), lower_limit)
    return Certain(bound, round(rows), "betting")


def without_bound(name: str, online: OnlineMetrics, sketch: QualitySketch, min_labels: int) -> str:
    """Why these labels have no bound of the metric."""
    if online.total(name):
        return f"{name} is a sum over rows, which grows with their number"
    if online.labels_of(name, sketch) < min_labels:
        return f"fewer than {min_labels} labels count for {name}"
    if online.problem not in ("regression", "clustering") and not _enough(online.cells(name, sketch), online.problem):
        return f"a class has fewer than {FEW} labels, which {name} needs of each"
    return f"{name} changes too much with single labels, as where one is far from all others"


def log_evidence(
    name: str,
    online: OnlineMetrics,
    periods: Sequence[QualitySketch],
    weight: np.ndarray,
    m: float,
    *,
    lower_limit: bool,
    business: Mapping[str, Any] | None = None,
) -> float | None:
    """ln Σ w_k E_k against "at least as good as m"; None for a metric that is not a ratio of means."""
    loss = _loss_of(name, online.problem, lower_limit, business)
    if loss is None:
        return None
    per_period = [online.cells(name, sketch) for sketch in periods]
    at = np.concatenate([np.full(len(cells.counts), place) for place, cells in enumerate(per_period)])
    cells = Cells(*(np.concatenate(part) for part in zip(*((c.truth, c.said, c.counts) for c in per_period))))
    return _log_evidence(loss, cells, at, weight, m)


def _log_evidence(loss: Loss, cells: Cells, at: np.ndarray, weight: np.ndarray, m: float) -> float:
    with np.errstate(over="ignore"):
        each, least = loss(cells, m)
    growth = cells.counts * np.log1p(BETS[:, None] / (least if least > 0 else 1e-12) * each)
    by_period = np.stack([np.bincount(at, row, len(weight)) for row in growth])
    since = np.cumsum(by_period[:, ::-1], axis=1)[:, ::-1]
    return _log_sum(since + np.log(weight) - math.log(len(BETS)))


def _log_sum(values: np.ndarray) -> float:
    top = float(values.max())
    return top + math.log(float(np.exp(values - top).sum()))


def _lowest_rejected(rejected: Callable[[float], bool], least: float, greatest: float, lower_limit: bool) -> float:
    """The border between what the labels exclude and what they allow, by halving."""
    best, worst = (greatest, least) if lower_limit else (least, greatest)
    if not rejected(best):
        return best
    for _ in range(_STEPS):
        middle = (best + worst) / 2
        if rejected(middle):
            best = middle
        else:
            worst = middle
    return best


def _span(name: str, cells: Cells, business: Mapping[str, Any] | None) -> tuple[float, float]:
    """Between which values the bound is looked for."""
    least, greatest = RANGES.get(name, Range(-math.inf, math.inf))
    if name == "value_per_decision" and business is not None:
        cost = float(business["cost_per_contact"])
        return -cost, float(business["value_per_true_positive"]) - cost
    if math.isfinite(greatest):
        return least, greatest
    with np.errstate(over="ignore"):
        worst = min(float(_row_losses(name, cells).max()), 1e300)
    return 0.0, max(1e-12, worst ** (0.5 if name == "rmse" else 1.0))


def _loss_of(name: str, problem: str, lower_limit: bool, business: Mapping[str, Any] | None) -> Loss | None:
    found = _SHARES.get(name)
    if name in ("accuracy", "micro_f1", "weighted_recall"):
        return lambda cells, m: (m - (cells.truth == cells.said), 1 - m)
    if found is not None and problem in ("binary", "anomaly"):
        among, of = found
        if lower_limit:
            return lambda cells, m: (among(cells) * (m - of(cells)), 1 - m)
        return lambda cells, m: (among(cells) * (of(cells) - m), m)
    if name == "f1":
        return _f1_loss
    if name in ("brier", "log_loss", "mse", "rmse", "mae", "mape", "pinball_10", "pinball_90"):
        squared = name == "rmse"

        def mean_loss(cells: Cells, m: float) -> tuple[np.ndarray, float]:
            limit = max(m * m if squared else m, 1e-300)
            each = np.minimum(_row_losses(name, cells), CAP * limit) - limit
            # rows of which a relative error is not defined count nowhere
            return (np.where(cells.truth == 0, 0.0, each) if name == "mape" else each), limit

        return mean_loss
    if name == "value_per_decision" and business is not None:
        value, cost = float(business["value_per_true_positive"]), float(business["cost_per_contact"])
        border = break_even(business)

        def gain_loss(cells: Cells, m: float) -> tuple[np.ndarray, float]:
            gain = (cells.said >= border) * (value * (cells.truth != 0) - cost)
            return m - gain, max(value - cost, 0.0) - m

        return gain_loss
    return None


_SHARES: dict[str, tuple[Callable[[Cells], np.ndarray], Callable[[Cells], np.ndarray]]] = {
    "precision": (lambda cells: cells.said == 1, lambda cells: cells.truth),
    "recall": (lambda cells: cells.truth == 1, lambda cells: cells.said),
    "false_positive_rate": (lambda cells: cells.truth == 0, lambda cells: cells.said),
    "selection_rate": (lambda cells: cells.truth >= 0, lambda cells: cells.said),
}
"""Rate → which rows it is about, and which of them count."""


def _f1_loss(cells: Cells, m: float) -> tuple[np.ndarray, float]:
    both, either = (cells.truth == 1) & (cells.said == 1), (cells.truth == 1) | (cells.said == 1)
    return np.where(both, m - 1, np.where(either, m / 2, 0.0)), 1 - m


def _row_losses(name: str, cells: Cells) -> np.ndarray:
    """The loss of which the metric is the mean (of RMSE: the root of the mean)."""
    if name == "brier":
        return (cells.said - cells.truth) ** 2
    if name == "log_loss":
        own = np.where(cells.truth == 1, cells.said, 1 - cells.said)
        return -np.log(np.clip(own, np.finfo(float).eps, 1.0))
    error = cells.truth - cells.said
    if name in ("mse", "rmse"):
        return error**2
    if name == "mape":
        return np.abs(error) / np.where(cells.truth == 0, 1.0, np.abs(cells.truth))
    if name.startswith("pinball"):
        quantile = 0.1 if name.endswith("10") else 0.9
        return np.maximum(quantile * error, (quantile - 1) * error)
    return np.abs(error)


def _asymptotic(
    name: str,
    online: OnlineMetrics,
    periods: Sequence[QualitySketch],
    weight: np.ndarray,
    lower_limit: bool,
    min_labels: int,
) -> Certain | None:
    """The strictest of the starts' bounds."""
    if online.total(name):
        return None
    sign = 1.0 if lower_limit else -1.0
    best: float | None = None
    rows = 0
    for start in _starts(len(periods)):
        cells = online.cells(name, merged(periods[start:]))
        n = online.labels(name, cells)
        if n < min_labels or not _enough(cells, online.problem):
            continue
        width = math.sqrt(n) * _radius(n, ALPHA * float(weight[start]), min_labels)
        bounds = [_bound(name, online, cells, sign, width)]
        if online.part(name) == "decision":
            bounds.append(_bound(name, online, _with_unseen_rows(cells, width), sign, width))
        known = [each for each in bounds if each is not None]
        if len(known) < len(bounds):
            continue
        bound = (max if lower_limit else min)(known)
        rows = max(rows, round(n))
        best = bound if best is None else (min if lower_limit else max)(best, bound)
    if best is None:
        return None
    least, greatest = RANGES.get(name, Range(-math.inf, math.inf))
    return Certain(min(max(best, least), greatest), rows, "asymptotic")


def _bound(name: str, online: OnlineMetrics, cells: Cells, sign: float, width: float) -> float | None:
    """`width`: in standard errors. None where the rows, or too many draws of them, do not define the metric."""
    value = float(online.weighted(name, cells, cells.counts[None, :])[0])
    drawn = resampled(name, online, cells, RESAMPLES)
    error = _standard_error(name, cells, drawn)
    if not math.isfinite(value) or error is None:
        return None
    bias = float(drawn.mean()) - value
    return value + sign * (max(0.0, -sign * bias) + error * width)


def _with_unseen_rows(cells: Cells, width: float) -> Cells:
    """`width`² / 2 rows more of each class that are right, and as many that are wrong, spread over the other classes.

    A bootstrap draws nothing but the rows it has: none of 25 has an error of 0. With these rows, the interval of a rate
    is Wilson's (Journal of the American Statistical Association 22, 1927), as Agresti & Coull read it (The American
    Statistician 52, 1998).
    """
    count = int(max(cells.truth.max(), cells.said.max(), 1)) + 1
    table = np.zeros((count, count))
    np.add.at(table, (cells.truth, cells.said), cells.counts)
    occurs = table.sum(axis=1) > 0
    more = np.full((count, count), width * width / 2 / (count - 1))
    np.fill_diagonal(more, width * width / 2)
    truth, said = np.divmod(np.arange(count * count), count)
    return Cells(truth, said, (table + more * occurs[:, None]).ravel())


def _radius(n: float, alpha: float, planned: int) -> float:
    """Half the width of the confidence sequence, in standard deviations of a row."""
    rho = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / planned
    scaled = n * rho + 1
    return math.sqrt(2 * scaled / (n * n * rho) * math.log(math.sqrt(scaled) / alpha))


def _starts(periods: int) -> list[int]:
    """All, or the newest and ever fewer of the older ones."""
    if periods <= MAX_STARTS:
        return list(range(periods))
    back = np.unique(np.geomspace(1, periods, MAX_STARTS).round().astype(int))
    return [periods - int(step) for step in back]


def _enough(cells: Cells, problem: str) -> bool:
    if problem == "regression":
        return True
    of_class = np.bincount(cells.truth.astype(np.int64), cells.counts)
    return len(of_class) > 1 and bool((of_class[of_class > 0] >= FEW).all()) and int((of_class > 0).sum()) > 1


def _standard_error(name: str, cells: Cells, drawn: np.ndarray) -> float | None:
    """The standard error by the bootstrap's draws; None if too few of them define the metric."""
    if len(drawn) < 0.95 * RESAMPLES:
        return None
    error = float(drawn.std(ddof=1))
    if name != "roc_auc":
        return error
    return max(error, float(np.mean([_hanley_mcneil(*each) for each in _sizes(cells)])))


def _sizes(cells: Cells) -> list[tuple[float, float]]:
    """(positives, negatives) of each class that occurs; of two classes, of the positive one."""
    counts = np.bincount(cells.truth.astype(np.int64), cells.counts, 2 * (int(cells.truth.max()) // 2 + 1))
    return [(float(yes), float(no)) for no, yes in counts.reshape(-1, 2) if yes and no]


def _hanley_mcneil(positives: float, negatives: float) -> float:
    """The standard error of a ROC AUC of 0.9 with this many rows of each class, where the bootstrap sees too little.

    Source: Hanley & McNeil, Radiology 143, 1982: Q₁ = A / (2 - A), Q₂ = 2 A² / (1 + A).
    """
    area = 0.9
    first, second = area / (2 - area), 2 * area * area / (1 + area)
    spread = area * (1 - area) + (positives - 1) * (first - area**2) + (negatives - 1) * (second - area**2)
    # a tenth of it: it is a floor, for scores that separate the classes all but perfectly
    return 0.1 * math.sqrt(spread / (positives * negatives))


def resampled(name: str, online: OnlineMetrics, cells: Cells, resamples: int, seed: int = 0) -> np.ndarray:
    """Finite values of the metric over this many draws of the rows with replacement; alike for a seed.

    A sketch does not know which counts of several classes belong to one row, so the errors of the classes may depend
    on each other in any way. They are taken to be all small and all large together, which has the widest spread: the
    spread of a mean is at most the mean of the spreads.
    """
    n = round(float(cells.counts.sum()))
    if not n:
        return np.array([])
    counts = np.random.default_rng(seed).multinomial(n, cells.counts / cells.counts.sum(), size=resamples)
    drawn = counts.astype(np.float64)
    if online.part(name) == CLASS:
        each = online.of_each_class(name, cells, drawn)
        defined = np.isfinite(each).all(axis=0)
        return np.asarray(np.sort(each[:, defined], axis=1).mean(axis=0))
    values = online.weighted(name, cells, drawn)
    return values[np.isfinite(values)]
