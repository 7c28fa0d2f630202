"""Does the model treat the groups of a column alike? Rates of each group, and how far the groups lie apart.

- `selection_rate`: share that is taken for positive; its greatest difference is the demographic parity difference.
- `recall` and `false_positive_rate`: the greater one of their greatest differences is the equalized odds difference
  (Hardt, Price and Srebro 2016).
- `error_rate`, and `calibration_gap`: mean probability (several classes: of the chosen class) minus the share that is
  true (right). Of numbers: `mean_error` (prediction − truth) and `mae`.

Intervals are of 95 %, from draws of what the group's rates may be: of counts the Dirichlet posterior with Jeffreys'
prior over truth × prediction, so that 0 of 7 has an interval too, which a bootstrap does not give it; of means their
normal distribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sluice.model.metrics import THRESHOLD

DRAWS = 1_000
CONFIDENCE = 0.95
Rates = dict[str, tuple[float, np.ndarray]]
"""Rate → its value (NaN where it is not defined) and the same of each draw."""


def fairness(
    problem: str,
    y: np.ndarray,
    scores: np.ndarray,
    groups: Mapping[str, Mapping[str, np.ndarray]],
    threshold: float = THRESHOLD,
    seed: int = 0,
) -> dict[str, Any]:
    """`groups`: column → value → places of its rows. See `sluice.records.evaluation.Fairness`.

    A column with fewer than two groups is left out, and a rate that a group does not define is None there.
    """
    generator = np.random.default_rng(seed)
    found: dict[str, Any] = {}
    for column, members in groups.items():
        if len(members) < 2:
            continue
        rates = {
            value: _rates(problem, y[places], scores[places], threshold, generator) for value, places in members.items()
        }
        found[column] = {
            "groups": {value: {"rows": len(members[value]), **_told(each)} for value, each in rates.items()},
            "gaps": _gaps(problem, list(rates.values())),
        }
    return found


def _rates(problem: str, y: np.ndarray, scores: np.ndarray, threshold: float, generator: np.random.Generator) -> Rates:
    if problem == "regression":
        return {
            "mean_error": _mean(scores - y, generator),
            "mae": _mean(np.abs(scores - y), generator),
        }
    if problem == "multiclass":
        chosen, sure = scores.argmax(axis=1), scores.max(axis=1)
        return {
            "error_rate": _ratio(_again(np.array([np.sum(chosen != y), np.sum(chosen == y)]), generator), [0], [0, 1]),
            "calibration_gap": _mean(sure - (chosen == y), generator),
        }
    chosen = (scores[:, 1] >= threshold).astype(np.int64)
    # true negatives, false positives, false negatives, true positives
    cells = _again(np.bincount(2 * y + chosen, minlength=4), generator)
    return {
        "selection_rate": _ratio(cells, [1, 3], [0, 1, 2, 3]),
        "recall": _ratio(cells, [3], [2, 3]),
        "false_positive_rate": _ratio(cells, [1], [0, 1]),
        "error_rate": _ratio(cells, [1, 2], [0, 1, 2, 3]),
        "calibration_gap": _mean(scores[:, 1] - y, generator),
    }


def _again(counts: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The counts, and below them DRAWS draws of the cells' shares: (1 + DRAWS, cells)."""
    return np.vstack([counts, generator.dirichlet(counts + 0.5, size=DRAWS)])


def _ratio(cells: np.ndarray, part: list[int], whole: list[int]) -> tuple[float, np.ndarray]:
    top, bottom = cells[:, part].sum(axis=1).astype(np.float64), cells[:, whole].sum(axis=1).astype(np.float64)
    share = np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)
    if np.isnan(share[0]):
        # nothing was counted: the prior alone is not evidence
        share[:] = np.nan
    return float(share[0]), share[1:]


def _mean(values: np.ndarray, generator: np.random.Generator) -> tuple[float, np.ndarray]:
    middle, spread = float(values.mean()), float(values.std()) / np.sqrt(len(values))
    return middle, generator.normal(middle, spread, DRAWS)


def _told(rates: Rates) -> dict[str, float | None]:
    told: dict[str, float | None] = {}
    for name, (value, draws) in rates.items():
        ends = _ends(value, draws)
        told |= {name: ends[0], f"{name}_low": ends[1], f"{name}_high": ends[2]}
    return told


def _ends(value: float, draws: np.ndarray, *, moved: bool = False) -> tuple[float | None, float | None, float | None]:
    """Value and interval; `moved`: the greatest of several is greater in draws on average, so take that off."""
    known = draws[np.isfinite(draws)]
    if not np.isfinite(value):
        return None, None, None
    if len(known) < 0.95 * len(draws):
        return value, None, None
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]) - (
        known.mean() - value if moved else 0.0
    )
    return value, float(max(0.0, low) if moved else min(low, value)), float(max(high, value))


def _gaps(problem: str, rates: list[Rates]) -> dict[str, dict[str, float | None]]:
    if problem == "binary":
        gaps = {
            "demographic_parity_difference": ("selection_rate",),
            "equalized_odds_difference": ("recall", "false_positive_rate"),
            "error_rate_difference": ("error_rate",),
            "calibration_gap_difference": ("calibration_gap",),
        }
    else:
        gaps = {f"{name}_difference": (name,) for name in rates[0]}
    told = {}
    for gap, names in gaps.items():
        values = [_apart([np.array([each[name][0]]) for each in rates]) for name in names]
        draws = [_apart([each[name][1] for each in rates]) for name in names]
        ends = _ends(float(np.max(np.stack(values), axis=0)[0]), np.max(np.stack(draws), axis=0), moved=True)
        told[gap] = dict(zip(("value", "low", "high"), ends))
    return told


def _apart(of_groups: list[np.ndarray]) -> np.ndarray:
    """Greatest minus least of the groups that define it; NaN unless two do."""
    stacked = np.stack(of_groups)
    defined = np.isfinite(stacked)
    high = np.where(defined, stacked, -np.inf).max(axis=0)
    low = np.where(defined, stacked, np.inf).min(axis=0)
    return np.where(defined.sum(axis=0) > 1, high - low, np.nan)
