"""Values that belong to other rows: each column is as usual, and its dependence on the others is gone or reversed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sluice.watch.triage import neighbours
from sluice.watch.triage.combinations import impossible
from sluice.watch.triage.comparison import Comparison, variation
from sluice.watch.triage.distance import kolmogorov
from sluice.watch.triage.finding import Finding
from sluice.watch.triage.onset import Stretch, shifted
from sluice.watch.triage.profile import counts_of, words_of
from sluice.watch.triage.window import Reason

LOST_Z = 6.0
MOSTLY_STILL = 1 / 3
"""The share of changed columns up to which the rows are still the same ones."""


def weakened(comparison: Comparison) -> dict[str, Stretch]:
    """Columns whose dependence on the others is far less than usual, and where."""
    dependence = comparison.reference.dependence
    if not dependence.columns:
        return {}
    scores, usual, _, together = _scored(comparison)
    scale = dependence.spread * np.sqrt(together)
    found = shifted((scores - usual.mean(axis=0)) / scale, len(usual))
    for each in comparison.excuses(usual):  # as for the columns, season and time of the day only excuse
        local = shifted((scores - each) / scale, len(usual))
        found = [min(pair, key=lambda each: abs(each.z)) for pair in zip(found, local, strict=True)]
    strong = dependence.strength > 0.05
    ordinary = np.zeros(len(found))
    for precedent in comparison.precedents:
        if "weakest" not in precedent.found:
            precedent.found["weakest"] = [weakest(precedent)]
        lost = precedent.found["weakest"][0]
        ordinary = np.maximum(ordinary, [lost.get(name, 0.0) for name in dependence.columns])
    return {
        name: stretch
        for name, stretch, strongly, usually in zip(dependence.columns, found, strong, ordinary, strict=True)
        if strongly and stretch.z < -max(LOST_Z, 1.4 * usually)
    }


def _scored(comparison: Comparison) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scores of the window's rows, those of the reference's, what its season expects, and how many count as one."""
    dependence = comparison.reference.dependence
    scores = dependence.scores(comparison.features)
    usual = dependence.scores(dependence.features_of_reference)
    expected = comparison.reference.season.expected(usual, comparison.places, len(scores))
    together = np.minimum(*neighbours.together(usual, scores, comparison.reference.window, comparison.window))
    return scores, usual, expected, together


def weakest(precedent: Comparison) -> dict[str, float]:
    """Column → how far its dependence falls below the usual one in a stretch of the reference, as a standard score."""
    dependence = precedent.reference.dependence
    if not dependence.columns:
        return {}
    scores, usual, expected, together = _scored(precedent)
    found = shifted((scores - expected) / dependence.spread / np.sqrt(together), len(usual))
    return {name: max(0.0, -each.z) for name, each in zip(dependence.columns, found, strict=True)}


def loosened(comparison: Comparison) -> Iterator[Finding]:
    weak = weakened(comparison)
    if not weak:
        return
    dependence = comparison.reference.dependence
    name = min(weak, key=lambda each: weak[each].z)
    stretch = weak[name]
    inner = stretch.inner
    slope, error = dependence.pairs(comparison.features[inner])
    local = comparison.local(inner)
    if local is not None and len(local) >= 100:
        usual, _ = dependence.pairs(dependence.features_of_reference[local])
        with np.errstate(invalid="ignore", divide="ignore"):
            slope = np.where(np.abs(usual) > 0.3, slope / usual, np.nan)
            error = np.where(np.abs(usual) > 0.3, error / np.abs(usual), np.inf)
    # a column that changed breaks the dependence of its neighbours, which are not to blame
    for place, each in enumerate(dependence.columns):
        if each in comparison.changed and marginal(comparison, each, inner) > tolerated(inner):
            slope[place, :] = slope[:, place] = np.nan
    groups = pooled(slope, error, dependence.columns, list(weak))
    if not groups:
        return
    loose, kept, sure = groups
    evidence = {"dependence_kept": round(kept, 3), "error": round(sure, 3), "z": round(stretch.z, 1)}
    flags = [each for each in loose if two_values(comparison, each)]
    if kept < -0.5 and len(loose) == 1 and flags:
        yield Finding(
            Reason.INVERTED,
            (loose[0],),
            "is related to the other columns in reverse: inverted",
            stretch.places,
            0.0,
            True,
            evidence,
        )
        return
    if not -0.5 < kept < 0.4 or kept + 2 * sure > 0.75:
        return
    if any(marginal(comparison, each, inner) > tolerated(inner) for each in loose):
        return
    what = "no longer depends on the other columns, while its own values are as usual: they belong to other rows"
    # among rows of another mix, or of one season, a dependence may be weaker as well
    certain = len(comparison.changed.keys() - loose) <= MOSTLY_STILL * len(comparison.columns)
    certain = certain and not comparison.in_sequence(*loose)
    yield Finding(Reason.JOIN, tuple(loose), what, stretch.places, max(0.0, kept), certain, evidence)


def uncombinable(comparison: Comparison) -> Iterator[Finding]:
    """Categories that stand beside others beside which they never stood."""
    for name, rows in impossible(comparison).items():
        what = f"stands beside values of other columns beside which it never stood, in {len(rows):,} rows"
        yield Finding(Reason.JOIN, (name,), what, rows, certain=True, evidence={"impossible_rows": len(rows)})


def two_values(comparison: Comparison, name: str) -> bool:
    words, numbers = comparison.reference.words.get(name), comparison.reference.numbers.get(name)
    return len(words.shares if words is not None else numbers.unique[0] if numbers is not None else ()) == 2


def tolerated(rows: np.ndarray) -> float:
    """The distance from the reference at which a column still counts as unchanged."""
    return 0.12 + 1.5 / float(np.sqrt(len(rows)))


def pooled(
    slope: np.ndarray, error: np.ndarray, columns: list[str], weak: list[str]
) -> tuple[list[str], float, float] | None:
    """(columns that came loose, their pooled slope with the others, its error): the fewest columns without which all
    dependence is as usual."""
    weight = np.where(np.isfinite(error) & np.isfinite(slope) & (error > 0), 1 / np.maximum(error, 1e-9) ** 2, 0.0)
    value = np.where(weight > 0, slope, 0.0)
    np.fill_diagonal(weight, 0.0)
    candidates = [columns.index(name) for name in weak]
    loose: list[int] = []
    for _ in range(max(1, len(columns) // 2)):
        rest = [k for k in range(len(columns)) if k not in loose]
        best: tuple[float, int] | None = None
        for k in candidates:
            if k in loose:
                continue
            total = weight[k, rest].sum()
            if total < 16:  # an error above 0.25 says nothing
                continue
            kept = float((weight[k, rest] * value[k, rest]).sum() / total)
            if kept < 0.5 and (best is None or kept < best[0]):
                best = kept, k
        if best is None:
            break
        loose.append(best[1])
    if not loose:
        return None
    rest = [k for k in range(len(columns)) if k not in loose]
    # a column that is loose with one of its own group only is a part of that group
    total = weight[np.ix_(loose, rest)].sum()
    if total < 16:
        return None
    kept = float((weight * value)[np.ix_(loose, rest)].sum() / total)
    others = weight[np.ix_(rest, rest)].sum()
    among = float((weight * value)[np.ix_(rest, rest)].sum() / others) if others > 16 else 1.0
    if among < 0.6:
        return None
    return [columns[k] for k in loose], kept, float(1 / np.sqrt(total))


def marginal(comparison: Comparison, name: str, rows: np.ndarray) -> float:
    """How far a column is from the reference in these rows."""
    values = comparison.window.columns[name][rows]
    if name in comparison.reference.numbers:
        return kolmogorov(comparison.base_numbers(name, rows).ordered, np.sort(values[~np.isnan(values)]))
    return variation(comparison.base_words(name, rows), counts_of(words_of(values)))
