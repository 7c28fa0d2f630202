"""What is true of a case: the reasons that a judge may give, the decisions that are right, and the kinds of changes."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Decision(StrEnum):
    """What a judge answers."""

    HELD = "held"
    RETRAIN = "retrain"
    NOTHING = "nothing"


class Reason(StrEnum):
    """Why a live window differs from its training window. One enum for faults, drifts and windows without a change."""

    SCALE = "scale"  # one factor, or one formula, maps the usual values onto the new ones
    OFFSET = "offset"  # one constant, or a slowly growing one, is added
    SIGN = "sign"
    MIXED_UNITS = "mixed units"  # a factor in part of the rows
    SWAPPED = "columns swapped"
    SHIFTED = "columns shifted"  # values stand in a neighbour of their column
    FOREIGN = "foreign content"  # a column carries something else: a counter, a running total
    CONSTANT = "constant"  # one value, or one value for a long run of rows
    REPEATED = "repeated rows"  # rows that came before come again
    SENTINEL = "sentinel"  # a value outside the usual support stands for "unknown"
    DEFAULT = "default value"  # a value inside the usual support stands for "unknown"
    NULLS = "nulls"
    RESOLUTION = "resolution"  # values lie on a coarser grid than before
    CLIPPED = "clipped"
    NOISE = "noise"
    TRUNCATED = "truncated texts"
    RENAMED = "renamed categories"  # another spelling, one for one
    MERGED = "merged categories"
    ENCODING = "encoding"
    INVERTED = "inverted"
    JOIN = "broken join"  # each column is as usual, the dependence between them is gone
    FEED = "part of the feed missing"
    JUMP = "jump in one column"
    ONE_SOURCE = "one source"  # one client or one host differs from all others
    CLOCK = "clock"  # time zone, order of day and month, century, epoch
    LABELS = "labels"
    PRIOR_SHIFT = "prior shift"
    COVARIATE_SHIFT = "covariate shift"
    NEW_SEGMENT = "new segment"
    CONCEPT_DRIFT = "concept drift"
    NONE = "none"


class Source(StrEnum):
    """Who had the idea of a kind."""

    ISSUE = "issue"  # the issue "Sluice 7" names it
    BRIEF = "brief"  # the order for this bench names it
    OWN = "own"  # the author of this bench, who had not read the rules of the judge


SEVERITIES = {"mild": 0.3, "plain": 0.6, "severe": 1.0}


class NotApplicableError(LookupError):
    """A data set has no column on which the kind is possible."""


@dataclass(frozen=True)
class Truth:
    """What is true of one window.

    `columns` are those that the change touches, or by which rows are lost; empty if whole rows come, go or repeat.
    `first` is the place of the first row that differs, `rows` the number of rows that differ, are gone or were added.
    `also` are reasons that the data cannot tell from `reason`, so that a judge may give them as well. `decisions` are
    the right ones.
    """

    kind: str
    reason: Reason
    columns: tuple[str, ...]
    first: int | None
    rows: int
    decisions: frozenset[Decision]
    also: tuple[Reason, ...] = ()
    note: str = ""

    def has_reason(self, reason: Reason | None) -> bool:
        return reason is not None and reason in (self.reason, *self.also)


def chance_of(seed: int, *names: str) -> np.random.Generator:
    """A generator that depends on the seed and the names alone, on every machine and in every process."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])
