"""Which trials become the model: the best one, or a weighted mean of a few where that is better by more than noise.

All of it is decided on out-of-fold answers: the weights, the calibration, and the threshold of two classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from auto.calibrating import fitted_calibration
from auto.ensemble import mixed, select_within, share_better
from auto.few_rows import best_of_each_family, weigh_families, weighs
from auto.guide import Loss
from auto.trials import Trial
from sluice.model.calibration import Calibration
from sluice.model.metrics import THRESHOLD, break_even

BUDGET_MS = 0.15
"""What reading one row and the members' scorers may take together in a loop of their own. The server of AWS's container
takes about 0.25 ms of the 0.5 that a row may take, and between two requests its work pushes the model out of the
processor's caches (`make bench-families` measures it)."""
CANDIDATES, OF_A_FAMILY = 16, 4
"""Trials that may become members: more of one family are near copies, of which the luckiest would be chosen."""
SELECTION_ROWS = 20_000
"""The weights are chosen on this many of the rows at most: their noise is then far below the trials' differences."""
RESAMPLES = 100
SURE = 0.8
"""Share of the resamples in which an ensemble must be better than the best trial, or a threshold than 0.5."""
THRESHOLDED = frozenset({"accuracy", "balanced_accuracy", "f1", "mcc"})
"""Metrics for which a threshold is chosen. Precision and recall alone would be best at an end of the scale."""
MONEY = frozenset({"profit", "uplift"})
_STEPS = 200
_STRETCH = 5
_FOLDS = 5


class Choice(NamedTuple):
    """`weights`: place in the trials → weight.

    `sure`: the share of resamples in which the ensemble was better than the best trial, None where that was not asked.
    """

    weights: dict[int, float]
    sure: float | None
    answers: np.ndarray
    calibration: Calibration | None
    threshold: float
    threshold_by: str


def choose(
    trials: Sequence[Trial],
    answers: Sequence[np.ndarray],
    y: np.ndarray,
    contract: Mapping[str, Any],
    *,
    seed: int,
) -> Choice:
    """`answers` are the trials' out-of-fold answers to the rows of `y`; there is at least one trial."""
    problem, metric = contract["problem"]["type"], contract["problem"]["metric"]
    business = contract.get("business")
    loss = Loss(problem, metric, business)
    # a row is read once for all members that see it alike
    budget_ms = BUDGET_MS - max(trial.reading_ms for trial in trials)
    if weighs(len(y), problem, metric):
        able = best_of_each_family(trials)
        times = {i: trials[i].row_ms for i in able}
        weights, sure = weigh_families(problem, {i: answers[i] for i in able}, y, times, budget_ms), None
    else:
        weights, sure = _selected(trials, answers, y, loss, budget_ms, seed)
    answer = mixed(answers, weights)
    calibration = fitted_calibration(problem, y, answer, seed)
    if calibration is not None:
        answer = calibration(answer)
    threshold, by = threshold_of(problem, metric, business, y, answer, seed)
    return Choice(weights, sure, answer, calibration, threshold, by)


def _selected(
    trials: Sequence[Trial], answers: Sequence[np.ndarray], y: np.ndarray, loss: Loss, budget_ms: float, seed: int
) -> tuple[dict[int, float], float | None]:
    """Weights by greedy selection, and how sure it is that they are better than the best trial alone."""
    ranked = sorted(range(len(trials)), key=lambda i: trials[i].loss or 0.0)
    best = ranked[0]
    of_family: dict[str, list[int]] = {}
    for i in ranked:
        of_family.setdefault(trials[i].family, []).append(i)
    some_of_each = {i for each in of_family.values() for i in each[:OF_A_FAMILY]}
    able = sorted({*[i for i in ranked if i in some_of_each][:CANDIDATES], *(each[0] for each in of_family.values())})
    chance = np.random.default_rng(seed)
    rows = np.arange(len(y)) if len(y) <= SELECTION_ROWS else chance.choice(len(y), SELECTION_ROWS, replace=False)
    some = [answers[i][rows] for i in able]
    found = select_within(some, y[rows], loss, [trials[i].row_ms for i in able], budget_ms=budget_ms)
    if len(found) == 1:
        return {able[next(iter(found))]: 1.0}, None
    sure = share_better(y[rows], mixed(some, found), answers[best][rows], (loss, loss), seed, RESAMPLES)
    if sure < SURE:
        return {best: 1.0}, sure
    return {able[place]: weight for place, weight in found.items()}, sure


def threshold_of(
    problem: str, metric: str, business: Mapping[str, Any] | None, y: np.ndarray, answer: np.ndarray, seed: int
) -> tuple[float, str]:
    """The probability from which a row is positive, and why this one."""
    if problem != "binary":
        return THRESHOLD, ""
    if metric in MONEY and business:
        return float(np.clip(break_even(business), 0.0, 1.0)), f"where a contact pays ({metric})"
    if metric not in THRESHOLDED:
        return THRESHOLD, "the default"
    found = _best_threshold(metric, y, answer)
    # chosen and judged on the same rows, the luckiest of many thresholds would look better than it is
    fold = np.random.default_rng(seed).permutation(len(y)) % _FOLDS
    decided = np.zeros(len(y))
    for k in range(_FOLDS):
        own = _best_threshold(metric, y[fold != k], answer[fold != k])
        decided[fold == k] = answer[fold == k, 1] >= own
    loss = Loss(problem, metric, business, smooth=False)
    if share_better(y, np.column_stack([1.0 - decided, decided]), answer, (loss, loss), seed, RESAMPLES) < SURE:
        return THRESHOLD, f"no other gives a better {metric} by more than noise"
    return found, f"the best {metric} out of fold"


def _best_threshold(metric: str, y: np.ndarray, answer: np.ndarray) -> float:
    """The middle of the best stretch of thresholds rather than its luckiest point."""
    values = np.unique(np.quantile(answer[:, 1], np.linspace(0.0, 1.0, _STEPS + 1)))
    between = (values[1:] + values[:-1]) / 2.0
    if len(between) < _STRETCH:
        return THRESHOLD
    losses = [Loss("binary", metric, None, float(t), smooth=False)(y, answer) for t in between]
    smooth = np.convolve(np.pad(losses, _STRETCH // 2, mode="edge"), np.full(_STRETCH, 1.0 / _STRETCH), mode="valid")
    return float(between[int(np.argmin(smooth))])
