"""What an evaluation says about models that learned without labels: segments, agreement with the champion, scores."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from sluice.digits import plain
from sluice.model.values import finite
from sluice.records.record import Record

Evidence = Annotated[float | None, BeforeValidator(finite)]


class Trait(Record):
    """A number's median, or the share of a value, in a segment and in all rows; `effect`: how far they are apart."""

    column: str
    value: str | None = None
    segment: Evidence = None
    all: Evidence = None
    effect: Evidence = None

    def text(self) -> str:
        if self.segment is None or self.all is None:
            return self.column
        if self.value is not None:
            return f"{self.column} {self.value}: {self.segment:.0%} (all rows: {self.all:.0%})"
        return f"{self.column} {plain(self.segment, 4)} (all rows: {plain(self.all, 4)})"


class Segment(Record):
    name: str
    rows: int
    share: float
    traits: list[Trait] = Field(default_factory=list)


class Unlabelled(Record):
    segments: list[Segment] = Field(default_factory=list)
    """The candidate's segments on the test rows, the largest first."""
    agreement: dict[str, Evidence] = Field(default_factory=dict)
    """With the champion on the same rows: of segments `adjusted_rand` and `same_name`; of scores `rank`, `flagged`."""
    score_quantiles: dict[str, Evidence] = Field(default_factory=dict)
    labelled_rows: int | None = None
    labelled_anomalies: int | None = None
    training: dict[str, Any] = Field(default_factory=dict)
    """From the artefact: numbers of segments that were tried, rows that were fitted, where names come from."""

    def notes(self) -> list[str]:
        """The same in words."""
        found = []
        for each in self.segments:
            traits = "; ".join(trait.text() for trait in each.traits) or "no column sets it apart"
            found.append(f"{each.name}: {each.rows:,} test rows ({each.share:.1%}): {traits}")
        return found + self.remarks()

    def remarks(self) -> list[str]:
        """What there is to know beside the segments: names, rows and words left out, agreement with the champion."""
        found = []
        if texts := self.training.get("words_left_out"):
            shown = ", ".join(map(repr, texts))
            found.append(f"distances use the lengths and similar figures of text columns, not their words: {shown}")
        names = self.training.get("names") or {}
        if names.get("champion"):
            found.append(
                f"{names.get('kept')} segments keep the name that they have in {names['champion']}; "
                f"{names.get('new')} are new, {names.get('gone')} of its segments are gone"
            )
        fitted, rows = self.training.get("fitted_rows"), self.training.get("rows")
        if fitted and rows and fitted < rows:
            found.append(f"fitted on {fitted:,} of {rows:,} training rows, drawn by chance: it takes no more")
        asked, flagged = self.training.get("contamination"), self.training.get("flagged")
        if isinstance(asked, float) and flagged is not None and abs(flagged - asked) > 0.005:
            found.append(
                f"problem.contamination is {asked:g}, and the limit flags {flagged:.1%} of the rows that it was set "
                "by: many rows have one score, and all or none of them are flagged"
            )
        if self.labelled_rows:
            found.append(f"{self.labelled_anomalies} of {self.labelled_rows:,} labelled test rows are anomalies")
        if self.agreement:
            shown = ", ".join(f"{name} {value:.3f}" for name, value in self.agreement.items() if value is not None)
            found.append(f"agreement with the champion on the test rows: {shown}")
        return found
