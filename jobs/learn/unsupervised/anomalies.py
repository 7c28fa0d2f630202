"""Learning what is rare: the limit from which a row is flagged, and how stable the order of the rows is."""

from __future__ import annotations

from typing import Any

import numpy as np

from sluice.model import anomaly_metrics as measures
from sluice.model.anomaly_scorers import score_of_raw
from sluice.model.errors import DataError
from unsupervised.base import Detector, Learned, Material
from unsupervised.detectors import DETECTORS, kept_rows

AGAIN = 3
"""Models of random halves of the rows, whose order of the validation rows is compared with the model's."""
TIED = 1e-9
"""Difference of two scores, of the greatest, below which they are equal but for rounding."""
FAR_OUT = 3.0
"""`contamination: auto`: interquartile ranges above the third quartile (Tukey, Exploratory Data Analysis, 1977)."""


def learn(
    name: str, given: dict[str, Any], contamination: float | str, material: Material, truth: np.ndarray, metric: str
) -> Learned:
    """`truth`: of the validation rows, as `anomaly_metrics.truths` gives it. Raises DataError."""
    if metric in measures.LABELLED and not np.any(truth == 1):
        labels = int(np.count_nonzero(~np.isnan(truth)))
        raise DataError(
            f"channel validation: problem.metric {metric} needs labelled anomalies, and of {labels:,} labelled rows "
            "none is positive: bring more labels, or set problem.metric to stability"
        )
    detector, points = DETECTORS[name], material.points
    if len(np.unique(points, axis=0)) < 2:
        raise DataError("channel train: all rows are equal in the features; none is rarer than another")
    chosen = kept_rows(detector, len(points))
    fitted = detector.fit(points[chosen], given, material.seed)
    arrays, meta = detector.export(fitted)
    # rows that the model keeps have themselves for a neighbour: the limit is that of rows that it does not know
    unknown = np.delete(points, chosen, axis=0) if detector.most is not None else points
    raw = detector.raw(fitted, np.concatenate([unknown, material.held_out_points]))
    limit, spread = limits(raw, contamination)
    facts: dict[str, Any] = {
        "contamination": contamination,
        "fitted_rows": len(chosen),
        "of_rows": len(points),
    }
    if contamination != "auto" and limit != np.quantile(raw, 1.0 - float(contamination)):
        facts["flagged"] = float(np.mean(raw >= limit))  # several rows have the score of the limit
    if name != "baseline":
        facts["stability"] = stability(detector, given, fitted, material)

    def answer(matrix: np.ndarray) -> np.ndarray:
        return measures.two_columns(score_of_raw(detector.raw(fitted, material.space(matrix)), limit, spread))

    def measured(scores: np.ndarray) -> dict[str, float]:
        values = measures.measured(scores[:, 1], truth)
        return {**values, "stability": facts["stability"]} if "stability" in facts else values

    scored = {"limit": np.array([limit]), "spread": np.array([spread])}
    return Learned({**arrays, **scored, **material.space.arrays}, meta, (False, True), answer, measured, facts)


def limits(raw: np.ndarray, contamination: float | str) -> tuple[float, float]:
    """The raw value from which a row is flagged, and the unit in which distances from it count, above 0."""
    low, high = (float(value) for value in np.quantile(raw, (0.25, 0.75)))
    if contamination == "auto":
        limit = high + FAR_OUT * (high - low)
    else:
        limit = float(np.quantile(raw, 1.0 - float(contamination)))
    spread = high - low or float(raw.std()) or 1.0
    return _beside_ties(raw, limit, 0.0 if contamination == "auto" else float(contamination)), spread


def _beside_ties(raw: np.ndarray, limit: float, share: float) -> float:
    """`limit`, unless several rows have just this value: then it moves to the side from which a share nearer to `share`
    is flagged. Equal rows have equal values, so a limit on them would flag all of them, or what rounding decides.
    """
    near = TIED * max(1.0, float(np.abs(raw).max()))
    if np.count_nonzero(np.abs(raw - limit) <= near) < 2:
        return limit
    above, below = raw[raw > limit + near], raw[raw < limit - near]
    upper = (limit + float(above.min())) / 2 if len(above) else limit + 2 * near
    lower = (limit + float(below.max())) / 2 if len(below) else limit - 2 * near
    return min((upper, lower), key=lambda each: abs(float(np.mean(raw >= each)) - share))


def stability(detector: Detector, given: dict[str, Any], fitted: Any, material: Material) -> float:
    """Mean rank correlation, on the validation rows, with models of random halves of the train rows and other seeds."""
    generator = np.random.default_rng(material.seed)
    own = detector.raw(fitted, material.held_out_points)
    found = []
    for number in range(AGAIN):
        half = generator.permutation(len(material.points))[: max(3, len(material.points) // 2)]
        chosen = half[: detector.most] if detector.most is not None else half
        again = detector.fit(material.points[chosen], given, material.seed + 1 + number)
        found.append(measures.rank_agreement(own, detector.raw(again, material.held_out_points)))
    values = [value for value in found if np.isfinite(value)]
    return float(np.mean(values)) if values else 0.0
