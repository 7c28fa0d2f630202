"""NAB's own scoring of Sluice's detectors on nab_anomaly.

NAB (Lavin & Ahmad, ICMLA 2015; the standard profile of its scoring code): a detection in a window counts by how early
it comes, one outside costs 0.11 by how far behind a window it lies, a window without a detection costs 1. The one
threshold for all series is the best one, as NAB chooses it. 0 is a detector that never reports, 100 a perfect one.

The models are those of a training job on the first 15 % of a series (at most 750 rows), which NAB does not score.
Columns are the value, its change, its distance from the last day's median in their usual distances, and the hour. An
answer becomes the share of the earlier answers that are as great: each series has its own usual level.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.learning.tables import Table, shared
from benchmarks.learning.training_job import run

FALSE_POSITIVE = 0.11
PROBATION, PROBATION_ROWS = 0.15, 750


def series() -> list[tuple[str, pd.DataFrame, list[tuple[int, int]]]]:
    """Name, rows, and the first and last row of each window."""
    folder = shared() / "nab_anomaly"
    windows = json.loads((folder / "combined_windows.json").read_text())
    found = []
    for name, given in sorted(windows.items()):
        frame = pd.read_csv(folder / name, parse_dates=["timestamp"])
        times = frame["timestamp"]
        inside = [np.flatnonzero((times >= pd.Timestamp(a)) & (times <= pd.Timestamp(b))) for a, b in given]
        found.append((name, frame, [(int(rows[0]), int(rows[-1])) for rows in inside if len(rows)]))
    return found


def columns(frame: pd.DataFrame) -> pd.DataFrame:
    """What each row says about itself and of the rows before it, none of a later one."""
    value = frame["value"].astype(float)
    day = max(12, int(pd.Timedelta("1D") / frame["timestamp"].diff().median()))
    median = value.rolling(day, min_periods=1).median().shift(1).fillna(value)
    usual = (value - median).abs().rolling(day, min_periods=1).median().shift(1)
    away = (value - median) / usual.where(usual > 0, value.abs().median() * 0.01 + 1e-9)
    hour = frame["timestamp"].dt.hour + frame["timestamp"].dt.minute / 60.0
    return pd.DataFrame(
        {"value": value, "change": value.diff().fillna(0.0), "away": away.fillna(0.0).clip(-1e6, 1e6), "hour": hour}
    )


def rarity(scores: np.ndarray) -> np.ndarray:
    """-log10 of the share of the earlier scores that are at least as great, and of the score itself."""
    found, seen = np.empty(len(scores)), np.empty(0)
    for place, score in enumerate(scores):
        greater = len(seen) - np.searchsorted(seen, score, side="left")
        found[place] = -np.log10((1 + greater) / (1 + len(seen)))
        seen = np.insert(seen, np.searchsorted(seen, score), score)
    return found


def scaled(position: float) -> float:
    """NAB's sigmoid: about 1 at the start of a window (-1), 0 at its end (0), -1 far behind it."""
    return -1.0 if position > 3.0 else 2.0 / (1.0 + float(np.exp(5.0 * position))) - 1.0


def nab(detected: np.ndarray, windows: Sequence[tuple[int, int]], probation: int) -> float:
    """The raw score of one series: `detected` are the rows that are reported."""
    best: dict[int, float] = {}
    total = 0.0
    for row in detected[detected >= probation].tolist():
        within = next((k for k, (first, last) in enumerate(windows) if first <= row <= last), None)
        if within is not None:
            first, last = windows[within]
            worth = scaled(-(last - row + 1) / (last - first + 1)) / scaled(-1.0)
            best[within] = max(best.get(within, -np.inf), worth)
            continue
        before = [(first, last) for first, last in windows if last < row]
        width = before[-1][1] - before[-1][0] + 1 if before else 0
        total += FALSE_POSITIVE * (scaled((row - before[-1][1]) / max(1, width - 1)) if before else -1.0)
    return total + sum(best.values()) - (len(windows) - len(best))


def normalised(all_scores: Sequence[tuple[np.ndarray, Sequence[tuple[int, int]], int]]) -> tuple[float, float]:
    """The corpus' score at the best threshold, and the threshold."""
    count = sum(len(windows) for _, windows, _ in all_scores)
    tried = np.unique(np.concatenate([scores[probation:] for scores, _, probation in all_scores]))
    tried = np.unique(np.quantile(tried, np.linspace(0, 1, 200), method="nearest"))
    raw = [
        sum(nab(np.flatnonzero(scores >= limit), windows, probation) for scores, windows, probation in all_scores)
        for limit in tried
    ]
    best = int(np.argmax(raw))
    none = -count
    return max(0.0, 100.0 * (raw[best] - none) / (count - none)), float(tried[best])


def score_of(family: str, seed: int) -> float:
    """The score of a family that is trained on the beginning of each series."""
    found = []
    for name, frame, windows in series():
        rows = columns(frame)
        probation = min(round(PROBATION * len(rows)), PROBATION_ROWS)
        table = Table(Path(name).stem, "anomaly", rows, "", "stability", dict.fromkeys(rows.columns, "number"))
        everything = np.arange(len(rows))
        answer = run(table, everything[:probation], everything, family=family, seconds=60, seed=seed)
        found.append((rarity(answer.scores[:, 1]), windows, probation))
    return normalised(found)[0]
