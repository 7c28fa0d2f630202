"""Quality without labels: what the model's own probabilities lead to expect, with an interval.

Confidence-based performance estimation (Garg et al., Leveraging unlabeled data to predict out-of-distribution
performance, ICLR 2022; NannyML's CBPE): of n answers with probability p, n·p are expected to be of the positive class
(with more than two classes: to be right). A probability says that only if it is calibrated, so it is corrected by how
often rows of the evaluation with such a probability were positive; the interval has both the chance of the labels that
have not come, and what the evaluation's few rows leave open. It sees a change of the inputs, and no change of concept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from sluice.profile.answered import CHANCE_BINS, UNIT_BITS

BANDS = 10
"""Bands of probability that are corrected as one."""
PRIOR = 10.0
"""The number of evaluation rows that weigh as much as the probability itself."""
DRAWS, INTERVAL = 1_000, 0.95
FEWEST = 100


LESS_IS_BETTER = frozenset({"log_loss", "brier"})
_SURE = 3.0
"""Standard errors beyond which a loss is suspected."""


@dataclass(frozen=True)
class Estimate:
    """`evaluated`: the same metric of the evaluation's rows, with their labels."""

    value: float
    low: float
    high: float
    evaluated: float
    worse: bool
    """Whether the window is expected to be worse than the evaluation, by more than chance."""


def estimates(
    chances: Sequence[Sequence[int]], problem: str, evaluated: Sequence[tuple[bool, float, bool]]
) -> dict[str, Estimate]:
    """Metric → estimate for a window. `chances`: as `sluice.profile.answered` counts them.

    `evaluated`: (what was decided, probability, whether the row was positive; with more than two classes: whether the
    answer was right) of rows with labels. Empty without probabilities and with fewer than FEWEST rows in either.
    """
    cells = np.array([cell for cell in chances if cell[2]], dtype=np.float64).reshape(-1, 4)
    if cells[:, 2].sum() < FEWEST or len(evaluated) < FEWEST:
        return {}
    decided, sizes = cells[:, 0] == 1, cells[:, 2]
    stated = np.ldexp(cells[:, 3], -UNIT_BITS) / sizes
    bands = np.minimum((cells[:, 1] * BANDS // CHANCE_BINS).astype(np.int64), BANDS - 1)
    p = np.array([each[1] for each in evaluated])
    truth = np.array([each[2] for each in evaluated], dtype=np.float64)
    band = np.clip((p * BANDS).astype(np.int64), 0, BANDS - 1)
    seen = np.bincount(band, minlength=BANDS).astype(np.float64)
    off = np.bincount(band, weights=truth - p, minlength=BANDS)
    # the band's mean error, drawn towards none, is added to each of its cells
    corrected = np.clip(stated + (off / (seen + PRIOR))[bands], 0.0, 1.0)
    random = np.random.default_rng(0)
    spread = np.sqrt(np.maximum(0.01, stated * (1 - stated)) / (seen + PRIOR)[bands])
    shift = random.standard_normal((DRAWS, BANDS))[:, bands] * spread
    positives = random.binomial(sizes.astype(np.int64), np.clip(corrected + shift, 0.0, 1.0)).astype(np.float64)
    found = {}
    rules = _OF_TWO if problem == "binary" else _OF_MORE
    places = np.array([each[0] for each in evaluated], dtype=np.int64) * CHANCE_BINS
    places += np.minimum((p * CHANCE_BINS).astype(np.int64), CHANCE_BINS - 1)
    filled, place = np.unique(places, return_inverse=True)
    own_sizes = np.bincount(place).astype(np.float64)
    own = np.bincount(place, weights=truth)[None, :], own_sizes, np.bincount(place, weights=p) / own_sizes
    more = 1 + sizes.sum() / len(evaluated)
    for name, rule in rules.items():
        with np.errstate(divide="ignore", invalid="ignore"):
            drawn = rule(positives, sizes, stated, decided)
            value = float(rule((corrected * sizes)[None, :], sizes, stated, decided)[0])
            before = float(rule(*own, filled >= CHANCE_BINS)[0])
        if np.isfinite(drawn).mean() < INTERVAL or not np.isfinite([value, before]).all():
            continue
        low, high = np.nanquantile(drawn, [(1 - INTERVAL) / 2, (1 + INTERVAL) / 2])
        loss = value - before if name in LESS_IS_BETTER else before - value
        worse = loss > _SURE * float(np.nanstd(drawn)) * math.sqrt(more)
        found[name] = Estimate(value, min(value, float(low)), max(value, float(high)), before, worse)
    return found


Rule = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(positives of each cell: draws × cells, rows of each, stated probability, decided positive) → one value a draw."""


def _accuracy(hits: np.ndarray, sizes: np.ndarray, _: np.ndarray, decided: np.ndarray) -> np.ndarray:
    return np.where(decided, hits, sizes - hits).sum(axis=1) / sizes.sum()


def _precision(hits: np.ndarray, sizes: np.ndarray, _: np.ndarray, decided: np.ndarray) -> np.ndarray:
    return hits[:, decided].sum(axis=1) / sizes[decided].sum()


def _recall(hits: np.ndarray, _: np.ndarray, __: np.ndarray, decided: np.ndarray) -> np.ndarray:
    return hits[:, decided].sum(axis=1) / hits.sum(axis=1)


def _f1(hits: np.ndarray, sizes: np.ndarray, _: np.ndarray, decided: np.ndarray) -> np.ndarray:
    return 2 * hits[:, decided].sum(axis=1) / (sizes[decided].sum() + hits.sum(axis=1))


def _brier(hits: np.ndarray, sizes: np.ndarray, p: np.ndarray, _: np.ndarray) -> np.ndarray:
    return (hits * (1 - p) ** 2 + (sizes - hits) * p**2).sum(axis=1) / sizes.sum()


def _log_loss(hits: np.ndarray, sizes: np.ndarray, p: np.ndarray, _: np.ndarray) -> np.ndarray:
    p = np.clip(p, 1e-15, 1 - 1e-15)
    return -(hits * np.log(p) + (sizes - hits) * np.log(1 - p)).sum(axis=1) / sizes.sum()


def _roc_auc(hits: np.ndarray, sizes: np.ndarray, p: np.ndarray, _: np.ndarray) -> np.ndarray:
    order = np.argsort(p, kind="stable")
    hits, misses = hits[:, order], (sizes - hits)[:, order]
    below = np.cumsum(misses, axis=1) - misses / 2
    return (hits * below).sum(axis=1) / (hits.sum(axis=1) * misses.sum(axis=1))


_OF_TWO: dict[str, Rule] = {
    "accuracy": _accuracy,
    "precision": _precision,
    "recall": _recall,
    "f1": _f1,
    "roc_auc": _roc_auc,
    "log_loss": _log_loss,
    "brier": _brier,
}
_OF_MORE: dict[str, Rule] = {"accuracy": lambda hits, sizes, _, __: hits.sum(axis=1) / sizes.sum()}
