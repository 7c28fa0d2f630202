"""plots.json: what an evaluation's report draws. `jobs/learn/drawings.py` writes it; every member may be absent."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from sluice.records.evidence import Evidence
from sluice.records.record import Record

Curve = list[list[float]]
"""[x of each point, y of each point]; empty where it is not defined."""


class CalibrationBin(Record):
    rows: int
    predicted: float
    observed: float
    low: float
    high: float


class Histogram(Record):
    edges: list[float]
    counts: dict[str, list[int]]


class Confusion(Record):
    """Truth down, prediction across; the last class stands for `others` rare ones if there are any."""

    classes: list[str]
    counts: list[list[int]]
    others: int = 0


class Threshold(Record):
    threshold: float
    rows: int
    precision: float
    recall: float
    f1: float
    profit: float | None = None


class ClassFigures(Record):
    name: str
    rows: int
    precision: float
    recall: float
    f1: float
    roc_auc: Evidence = None


class Grid(Record):
    """Rows by what was predicted (first index) and what was true, over the same edges."""

    edges: list[float]
    counts: list[list[int]]


class Bins(Record):
    edges: list[float]
    counts: list[int]


class ErrorBand(Record):
    rows: int
    predicted: float
    low: float
    mid: float
    high: float


class Strip(Record):
    """Contributions of one column: rows in each bin, and the mean rank of their values, from 0 to 1; None for a column
    without an order and for bins of missing values."""

    counts: list[int]
    ranks: list[float | None]


class Strips(Record):
    """Strips over the same edges, the column with the greatest mean absolute contribution first."""

    edges: list[float] = Field(default_factory=list)
    columns: dict[str, Strip] = Field(default_factory=dict)


class Plots(Record):
    roc: dict[str, Curve] = Field(default_factory=dict)
    """Model (multiclass: class) → curve."""
    precision_recall: dict[str, Curve] = Field(default_factory=dict)
    gain: dict[str, Curve] = Field(default_factory=dict)
    profit: dict[str, Curve] = Field(default_factory=dict)
    calibration: dict[str, list[CalibrationBin]] = Field(default_factory=dict)
    scores: Histogram | None = None
    confusion: Confusion | None = None
    thresholds: list[Threshold] = Field(default_factory=list)
    classes: list[ClassFigures] = Field(default_factory=list)
    predicted: Grid | None = None
    residuals: Bins | None = None
    by_prediction: list[ErrorBand] = Field(default_factory=list)
    contributions: Strips = Field(default_factory=Strips)
    trials: list[dict[str, Any]] = Field(default_factory=list)
    """As training noted them in model.json."""
