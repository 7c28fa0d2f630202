"""What the training rows look like, in evaluation.json; `jobs/learn/exploring` writes it in the baseline's job."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from sluice.model.values import finite
from sluice.records.record import Record

Figure = Annotated[float | None, BeforeValidator(finite)]
Outcome = dict[str, tuple[Figure, Figure, Figure]]
"""The target, or one of its classes → its mean or share, and the ends of the 95 % interval."""


class Topic(Record):
    words: list[str]
    """Those that count most, each in at least `Topics.least` texts."""
    rows: int
    """Texts that have more of it than of any other topic."""
    coherence: Figure = None
    outcome: Outcome = Field(default_factory=dict)


class Topics(Record):
    column: str
    rows: int
    """Texts that were looked at, of `texts`."""
    texts: int
    words: int
    least: int
    tried: dict[str, Figure]
    """Number of topics → mean coherence of their words."""
    topics: list[Topic]
    without: int
    """Texts without any word of a topic."""
    outcome: dict[str, Figure] = Field(default_factory=dict)
    """The outcome over all these rows."""


class Cluster(Record):
    rows: int
    outcome: Outcome = Field(default_factory=dict)
    apart: list[tuple[str, float]] = Field(default_factory=list)
    """Columns whose mean differs most from the other rows', in standard deviations."""


class Density(Record):
    rows: int
    """Rows that were looked at, drawn by chance from all of them."""
    all_rows: int
    columns: int
    neighbours: int
    reach: float
    curve: tuple[list[float], list[float]]
    """Share of the rows, and the distance to the last of the neighbours that this share does not exceed."""
    bend: float
    """Share of the rows at the bend."""
    clusters: int
    noise: int
    largest: list[Cluster] = Field(default_factory=list)
    outcome_of_noise: Outcome = Field(default_factory=dict)
    outcome: dict[str, Figure] = Field(default_factory=dict)
    cells: list[tuple[int, int, int, int]] = Field(default_factory=list)
    """Place across, place upwards, number of the cluster (-1: noise; the last one: all smaller ones), rows."""
    explained: list[float] = Field(default_factory=list)
    """Share of the variance that each axis of the picture has."""


class Exploration(Record):
    topics: list[Topics] = Field(default_factory=list)
    density: Density | None = None
    notes: list[str] = Field(default_factory=list)
    """What was not looked at, and why."""
