"""Learning segments: how many there are, how stable they are, and what they are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from sluice.model import segment_metrics as measures
from sluice.model.errors import DataError, ModelError
from sluice.model.model import Model
from sluice.model.schema import Row
from sluice.model.scorers import build_scorer
from unsupervised.base import Arrays, Learned, Material, Meta
from unsupervised.segmenters import SEGMENTERS, Centres, Segmenter

MAX_SEGMENTS = 10
"""Segments that `clusters: auto` tries at most."""
STABLE = 0.8
"""Stability from which a number of segments is taken for found rather than drawn by chance."""
SMALLEST = 0.01
"""Share of the rows below which a segment is a handful of outliers: `auto` does not choose such a division."""
FIT_ROWS = 20_000
CHOOSING_ROWS = 1_500
RESAMPLES = 8
SAME = 0.25
"""Jaccard overlap with a segment of the champion from which a new segment keeps its name."""


Names = Callable[[np.ndarray, int], tuple[tuple[str, ...], dict[str, Any]]]
"""(each train row's segment, how many there are) → the segments' names, and how they were found."""


def learn(name: str, given: dict[str, Any], clusters: int | str, material: Material, names: Names) -> Learned:
    """`clusters`: auto, or how many. Raises ModelError, DataError."""
    points, seed = material.points, material.seed
    if len(np.unique(points, axis=0)) < 2:
        raise DataError("channel train: all rows are equal in the features; there is nothing to tell apart")
    if name == "baseline":
        return _baseline(clusters, material, names)
    segmenter = SEGMENTERS[name]
    fitted_rows = points[measures.sampled(len(points), FIT_ROWS)]
    tried = _tried(segmenter, given, clusters, points[measures.sampled(len(points), CHOOSING_ROWS)], seed)
    segments = best_number(tried) if clusters == "auto" else int(clusters)
    fitted = segmenter.fit(fitted_rows, segments, given, seed)
    facts = {
        "stability": tried[segments]["stability"],
        "clusters": clusters,
        "tried": {str(number): values for number, values in tried.items()},
        "fitted_rows": len(fitted_rows),
    }
    space = material.space
    return _learned(
        segmenter.export(fitted), lambda matrix: segmenter.shares(fitted, space(matrix)), material, names, facts
    )


def best_number(tried: dict[int, dict[str, float]]) -> int:
    """The number with the greatest silhouette among the stable ones; where none is stable, the most stable one."""
    usable = {number: values for number, values in tried.items() if values["smallest_share"] >= SMALLEST} or tried
    stable = {number: values for number, values in usable.items() if values["stability"] >= STABLE}
    by, among = ("silhouette", stable) if stable else ("stability", usable)
    return max(among, key=lambda number: (among[number].get(by, -1.0), -number))


def _tried(
    segmenter: Segmenter, given: dict[str, Any], clusters: int | str, points: np.ndarray, seed: int
) -> dict[int, dict[str, float]]:
    distinct = len(np.unique(points, axis=0))
    if clusters != "auto" and int(clusters) > distinct:
        raise ModelError(
            f"problem.clusters is {clusters}, and the training rows have {distinct} different ones: write a smaller "
            "number, or auto"
        )
    numbers = (
        range(2, min(MAX_SEGMENTS, distinct, max(2, len(points) // 20)) + 1) if clusters == "auto" else [int(clusters)]
    )
    found = {}
    for number in numbers:
        fitted = segmenter.fit(points, number, given, seed)
        labels = segmenter.labels(fitted, points)
        found[number] = {
            **measures.measured(points, labels, number),
            "stability": stability(segmenter, given, number, points, labels, seed),
        }
    return found


def stability(
    segmenter: Segmenter, given: dict[str, Any], number: int, points: np.ndarray, labels: np.ndarray, seed: int
) -> float:
    """Mean adjusted Rand index of `labels` with those of models fitted to bootstrap samples of the rows.

    Hennig, Computational Statistics & Data Analysis 52 (2007), with the index of Hubert & Arabie.
    """
    generator = np.random.default_rng(seed)
    found = []
    for number_of in range(RESAMPLES):
        drawn = points[generator.integers(0, len(points), len(points))]
        if len(np.unique(drawn, axis=0)) < number:
            continue
        again = segmenter.fit(drawn, number, given, seed + 1 + number_of)
        found.append(measures.adjusted_rand(segmenter.labels(again, points), labels))
    return float(np.mean(found)) if found else 0.0


def _baseline(clusters: int | str, material: Material, names: Names) -> Learned:
    """The answer to beat: segments by one column, the one whose segments have the best silhouette over all columns."""
    small = material.points[measures.sampled(len(material.points))]
    numbers = (2, 3, 4) if clusters == "auto" else (int(clusters),)
    best: tuple[bool, float, Centres, np.ndarray] | None = None
    for offset, width in material.columns:
        only = np.zeros(small.shape[1])
        only[offset : offset + width] = 1.0
        distinct = len(np.unique(small * only, axis=0))
        for number in numbers:
            if distinct < number:
                continue
            centres = Centres(small * only, number, 0.0, material.seed, starts=1)
            labels = centres.kmeans.labels_
            value = float(np.mean(measures.silhouettes(small, labels)))
            # as for the candidates: a handful of outliers beside all others has a great silhouette and divides nothing
            usable = bool(np.bincount(labels, minlength=number).min() >= SMALLEST * len(small))
            if best is None or (usable, value) > best[:2]:
                best = usable, value, centres, only
    if best is None:
        # no column has as many values as there shall be segments: all columns together
        number = min(int(numbers[0]), len(np.unique(small, axis=0)))
        best = True, 0.0, Centres(small, number, 0.0, material.seed, starts=1), np.ones(small.shape[1])
    _, _, centres, only = best
    # what does not count is projected to 0
    arrays = {**centres.arrays, "project": np.diag(only), "mean": np.zeros(len(only))}
    facts = {"clusters": clusters, "fitted_rows": len(small)}
    space = material.space
    return _learned(
        (arrays, {"scorer": "nearest-centre"}),
        lambda matrix: centres.shares(space(matrix) * only),
        material,
        names,
        facts,
    )


def _learned(
    exported: tuple[Arrays, Meta],
    answer: Callable[[np.ndarray], np.ndarray],
    material: Material,
    names: Names,
    facts: dict[str, Any],
) -> Learned:
    arrays, meta = {**exported[0], **material.space.arrays}, exported[1]
    shares = build_scorer(arrays, meta)(material.matrix)
    labels = shares.argmax(axis=1)
    classes, matched = names(labels, shares.shape[1])

    def measured(answered: np.ndarray) -> dict[str, float]:
        values = measures.measured(material.held_out_points, answered.argmax(axis=1), len(classes))
        # one segment among the validation rows: the worst that a silhouette can be
        values = {"silhouette": -1.0, **values}
        return {**values, "stability": facts["stability"]} if "stability" in facts else values

    counts = np.bincount(labels, minlength=len(classes)) / len(labels)
    named = dict(zip(classes, counts.tolist(), strict=True))
    return Learned(arrays, meta, classes, answer, measured, {**facts, "shares": named, "names": matched})


def namer(champion: Model | None, rows: Sequence[Row]) -> Names:
    """Names segments by size, "segment 1" the greatest; those that are the champion's keep its names."""

    def named(labels: np.ndarray, segments: int) -> tuple[tuple[str, ...], dict[str, Any]]:
        order = np.argsort(-np.bincount(labels, minlength=segments), kind="stable").tolist()
        if champion is not None:
            return champions_names(labels, order, champion, rows)
        names = {int(place): f"segment {rank}" for rank, place in enumerate(order, 1)}
        return tuple(names[place] for place in range(segments)), {"champion": None}

    return named


def champions_names(
    labels: np.ndarray, order: Sequence[int], champion: Model, rows: Sequence[Row]
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Pairs segments with the champion's so that the pairs overlap the most (Hungarian method), on the same rows."""
    segments, known = len(order), champion.labels.classes
    chosen = measures.sampled(len(labels), FIT_ROWS)
    theirs = champion.score([rows[place] for place in chosen]).argmax(axis=1)
    own = labels[chosen]
    both = measures.contingency(own, theirs, segments, len(known))
    either = both.sum(axis=1)[:, None] + both.sum(axis=0)[None, :] - both
    overlap = both / np.maximum(1, either)
    pairs = zip(*linear_sum_assignment(-overlap), strict=True)
    kept = {int(i): str(known[j]) for i, j in pairs if overlap[i, j] >= SAME}
    taken = [int(name.rsplit(" ", 1)[-1]) for name in map(str, known) if name.rsplit(" ", 1)[-1].isdigit()]
    # names that are gone by now are not given again: who reads old answers would take them for the same segment
    last = int((champion.training.get("names") or {}).get("last") or 0)
    number, names = max([*taken, last]), dict(kept)
    for place in order:
        if place not in names:
            number += 1
            names[int(place)] = f"segment {number}"
    facts = {
        "champion": champion.run_id,
        "kept": len(kept),
        "new": segments - len(kept),
        "gone": len(known) - len(kept),
        "last": number,
        "agreement": measures.adjusted_rand(own, theirs),
    }
    return tuple(names[place] for place in range(segments)), facts
