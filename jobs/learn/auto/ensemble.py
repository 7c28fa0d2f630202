"""Greedy ensemble selection with replacement on out-of-fold answers.

Source: Caruana, Niculescu-Mizil, Crew and Ksikes, "Ensemble selection from libraries of models", ICML 2004. Begin with
the best trial; add, again and again, the trial whose answers lower the loss of the mean most. How often a trial was
added is its weight.

Of few rows, the mixture that it finds is lucky rather than good: `few_rows` weighs trials there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from auto.guide import Loss

MAX_MEMBERS = 5
ROUNDS = 25
_ROOM = 0.35
"""The share of the latency budget that a member may take and still leave room for two others."""


def select(
    answers: Sequence[np.ndarray], y: np.ndarray, loss: Loss, milliseconds: Sequence[float], *, budget_ms: float
) -> dict[int, float]:
    """Place in `answers` → weight; the weights add up to 1.

    `milliseconds` are the trials' times for one row; members together take at most `budget_ms`, unless the best trial
    alone takes more.
    """
    best = min(range(len(answers)), key=lambda i: loss(y, answers[i]))
    chosen, total = [best], answers[best].copy()
    current = kept = loss(y, total)
    best_length = 1
    for _ in range(ROUNDS):
        members = set(chosen)
        taken = sum(milliseconds[i] for i in members)
        able = [
            i
            for i in range(len(answers))
            if i in members or (len(members) < MAX_MEMBERS and taken + milliseconds[i] <= budget_ms)
        ]
        found = min(able, key=lambda i: loss(y, (total + answers[i]) / (len(chosen) + 1)))
        total += answers[found]
        chosen.append(found)
        current = loss(y, total / len(chosen))
        if current < kept:
            kept, best_length = current, len(chosen)
    counts = Counter(chosen[:best_length])
    return {place: count / best_length for place, count in counts.items()}


def select_within(
    answers: Sequence[np.ndarray], y: np.ndarray, loss: Loss, milliseconds: Sequence[float], *, budget_ms: float
) -> dict[int, float]:
    """The better of two selections: from all trials, and from those that leave room for some others.

    The greedy one takes the best trial first, whatever it costs: a slow one may keep three others out.
    """
    found = select(answers, y, loss, milliseconds, budget_ms=budget_ms)
    quick = [place for place, each in enumerate(milliseconds) if each <= _ROOM * budget_ms]
    if not quick or len(quick) == len(answers):
        return found
    times = [milliseconds[place] for place in quick]
    other = select([answers[place] for place in quick], y, loss, times, budget_ms=budget_ms)
    other = {quick[place]: weight for place, weight in other.items()}
    return other if loss(y, mixed(answers, other)) < loss(y, mixed(answers, found)) else found


def mixed(answers: Sequence[np.ndarray], weights: dict[int, float]) -> np.ndarray:
    """The weighted mean."""
    return np.sum([answers[place] * weight for place, weight in weights.items()], axis=0)


def share_better(
    y: np.ndarray, ours: np.ndarray, other: np.ndarray, losses: tuple[Loss, Loss], seed: int, resamples: int
) -> float:
    """Share of paired bootstrap resamples of the rows in which `ours` has the lower loss, each by its own of two."""
    chance = np.random.default_rng(seed)
    weights = chance.multinomial(len(y), np.full(len(y), 1.0 / len(y)), resamples).astype(np.float64)
    better = losses[0].weighted(y, ours, weights) < losses[1].weighted(y, other, weights)
    return float(better.mean())
