"""baseline.json: the data that a model learned from, as monitoring compares later windows with them.

The evaluation job writes it (`sluice.model.reference` describes its members), in a container without pydantic, so it
is checked where it is read.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sluice.records.record import Record


class Histogram(Record):
    edges: list[float]
    shares: list[float]


class NumberColumn(Histogram):
    type: Literal["number"]
    missing: float


class CategoryColumn(Record):
    type: Literal["category"]
    shares: dict[str, float]
    missing: float

    @property
    def boolean(self) -> bool:
        return bool(self.shares) and self.shares.keys() <= {"true", "false"}


BaselineColumn = NumberColumn | CategoryColumn


class Baseline(Record):
    columns: dict[str, Annotated[BaselineColumn, Field(discriminator="type")]]
    scores: Histogram | None = None
    predictions: dict[str, float] | None = None
    """Share of each segment, or of the rows that are flagged; of models that learned without labels alone."""
    rows: int
