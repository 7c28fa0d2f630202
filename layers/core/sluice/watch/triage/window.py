"""The types of triage: a window of rows as columns, and a verdict about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

import numpy as np

from sluice.model.values import category_text, parse_json

NUMERIC = frozenset({"integer", "number", "boolean", "timestamp"})
"""Types of a contract's column that are float64 in a window; category and text are object arrays."""


@dataclass(frozen=True, eq=False)
class Window:
    """Rows in the order of their arrival, or a uniform sample of them. Every array has one entry for each row.

    columns   name → float64 with NaN for missing (integer, number, boolean as 0 and 1, timestamp as epoch seconds),
              or an object array of str and None (category, text)
    types     name → type of the contract's column; the same names as `columns`
    arrived   epoch seconds, ascending; of training rows: their own time. None: unknown
    client    who sent the row, host which instance took it: object arrays of str and None. None: unknown
    labels    float64 with NaN where none has come: 1 for the positive class and 0 for the others, or the value of a
              regression; for more than two classes, an object array of str and None. None: no labels are known
    labelled  epoch seconds at which the label came, NaN where none has. None: unknown
    scores    float64: what the model answered (probability of the positive class, or the value). None: unknown
    problem   binary | multiclass | regression; None: unknown
    total     number of rows of the window, of which these are a sample; None: these are all
    usual     number of rows that such a period has; None: unknown
    now       epoch seconds at which the window is judged; None: at its last row
    """

    columns: Mapping[str, np.ndarray]
    types: Mapping[str, str]
    arrived: np.ndarray | None = None
    client: np.ndarray | None = None
    host: np.ndarray | None = None
    labels: np.ndarray | None = None
    labelled: np.ndarray | None = None
    scores: np.ndarray | None = None
    problem: str | None = None
    total: int | None = None
    usual: float | None = None
    now: float | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    @property
    def count(self) -> int:
        """The number of rows of the whole window."""
        return len(self) if self.total is None else self.total

    @property
    def numbers(self) -> list[str]:
        """Columns of integers and numbers."""
        return [name for name in self.columns if self.types[name] in ("integer", "number")]

    @property
    def flags(self) -> list[str]:
        return [name for name in self.columns if self.types[name] == "boolean"]

    @property
    def times(self) -> list[str]:
        return [name for name in self.columns if self.types[name] == "timestamp"]

    @property
    def texts(self) -> list[str]:
        """Columns of categories and free text."""
        return [name for name in self.columns if self.types[name] not in NUMERIC]

    def take(self, places: np.ndarray) -> Window:
        """The rows at `places` (indices or a mask). `total` and `usual` stay those of the whole window."""

        def of(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[places]

        return replace(
            self,
            columns={name: values[places] for name, values in self.columns.items()},
            arrived=of(self.arrived),
            client=of(self.client),
            host=of(self.host),
            labels=of(self.labels),
            labelled=of(self.labelled),
            scores=of(self.scores),
            total=self.count,
        )


def absent(values: np.ndarray) -> np.ndarray:
    """Which values of a column are missing."""
    if values.dtype == object:
        found: np.ndarray = np.equal(values, None)  # type: ignore[call-overload]
        return found.astype(bool)
    return np.isnan(values)


def typed_column(values: Iterable[Any], kind: str) -> np.ndarray:
    """Values as JSON has them → a column of a window. What is not of the type is missing (the endpoint refuses it).

    >>> typed_column(["3", None, 4.5], "number")
    array([3. , nan, 4.5])
    """
    found = [_typed(value, kind) for value in values]
    if kind in NUMERIC:
        return np.array([np.nan if value is None else float(value) for value in found], dtype=np.float64)
    column = np.empty(len(found), dtype=object)
    column[:] = found
    return column


def _typed(value: Any, kind: str) -> float | str | None:
    try:
        parsed = parse_json(value, kind)
    except ValueError:
        return None
    if isinstance(parsed, datetime):
        return parsed.timestamp()
    if kind in NUMERIC:
        return None if parsed is None else float(parsed)
    return None if parsed is None else category_text(parsed)


class Reason(StrEnum):
    """Why a window differs from its reference. The first group are faults of the data, the second real drifts."""

    SCALE = "scale"
    OFFSET = "offset"
    SIGN = "sign"
    MIXED_UNITS = "mixed units"
    SWAPPED = "columns swapped"
    SHIFTED = "columns shifted"
    FOREIGN = "foreign content"
    CONSTANT = "constant"
    REPEATED = "repeated rows"
    SENTINEL = "sentinel"
    DEFAULT = "default value"
    NULLS = "nulls"
    RESOLUTION = "resolution"
    CLIPPED = "clipped"
    NOISE = "noise"
    TRUNCATED = "truncated texts"
    RENAMED = "renamed categories"
    MERGED = "merged categories"
    ENCODING = "encoding"
    INVERTED = "inverted"
    JOIN = "broken join"
    FEED = "part of the feed missing"
    JUMP = "jump in one column"
    ONE_SOURCE = "one source"
    CLOCK = "clock"
    LABELS = "labels"

    PRIOR_SHIFT = "prior shift"
    COVARIATE_SHIFT = "covariate shift"
    NEW_SEGMENT = "new segment"
    CONCEPT_DRIFT = "concept drift"

    UNEXPLAINED = "unexplained"  # a difference that no hypothesis explains: a person is asked
    NONE = "none"


DRIFTS = frozenset({Reason.PRIOR_SHIFT, Reason.COVARIATE_SHIFT, Reason.NEW_SEGMENT, Reason.CONCEPT_DRIFT})

Answer = Literal["hold", "retrain", "nothing", "ask"]


@dataclass(frozen=True)
class Verdict:
    """What to do about a window, and why.

    answer    hold: the data are broken, do not train on them. retrain: real drift. nothing: all is within chance.
              ask: it differs, and no hypothesis explains how; hold until a person decides
    columns   those that the reason names; empty if it concerns whole rows
    sentence  for people: the columns, the suspected change, and what to do
    since     epoch seconds of the first affected row, where arrivals are known; `last`: of the last one
    confirmed whether this window alone is enough to alert people. False where the affected rows are too few, or look
              otherwise when they are judged by themselves: a window that is half old and half new misleads
    evidence  plain JSON: figures of the test that decided, of those that also spoke, and `not_tested` (what could not
              be tested, and why)
    """

    answer: Answer
    reason: Reason
    columns: tuple[str, ...] = ()
    sentence: str = ""
    since: float | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    last: float | None = None
    confirmed: bool = True

    def to_json(self) -> dict[str, Any]:
        return {
            "answer": self.answer,
            "reason": str(self.reason),
            "columns": list(self.columns),
            "sentence": self.sentence,
            "since": self.since,
            "last": self.last,
            "confirmed": self.confirmed,
            "evidence": dict(self.evidence),
        }
