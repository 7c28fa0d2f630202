"""run.json: what a run was started with, frozen so that later changes do not reach it.

`plan_training` writes it for a run, `start_drill` for a drill; the Glue job reads its `contract` and `datasets`.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from sluice.contract import Contract
from sluice.records.record import Record


class LeftOutRows(Record):
    """A data fault whose rows a run does not learn from: those that arrived in its time, or are of its time."""

    change_id: str
    reason: str
    columns: list[str]
    since: str
    until: str | None
    """None while it lasted: up to `created_at` of the run."""
    datasets: list[str]
    """Datasets that arrived in its time; the run does not read them."""
    rows: int
    """Rows of these datasets."""


class RowWindow(Record):
    """`retrain.window` of the contract as a run carries it out; `text` is how the contract says it."""

    kind: Literal["all", "last", "since_drift", "compared"]
    text: str
    windows: list[RowWindow] = Field(default_factory=list)
    """For `compared`: the windows, in the contract's order."""
    seconds: int | None = None
    """For `last`: how far the window reaches back from the newest row."""
    since: str | None = None
    """For `since_drift`: when the newest drift that led to a retraining began; None if there was none."""
    min_rows: int
    half_life: str | None = None
    half_life_seconds: int | None = None


class RunInputs(Record):
    # a contract's paths are its keys and the columns' names
    shown: ClassVar[int] = 6

    project: str
    run_id: str
    trigger: str
    reason: str
    contract: Contract
    contract_version: str | None
    """S3 version of project.yaml; None for a drill on a champion whose run has no record."""
    datasets: list[str]
    created_at: str
    left_out: list[LeftOutRows] = Field(default_factory=list)
    window: RowWindow | None = None
    """None before a model serves: the first run learns from all rows."""
    champion: str | None = None
    """The run whose model a drill exercises."""

    @field_validator("contract", mode="before")
    @classmethod
    def _strict(cls, value: Any) -> Any:
        """A frozen contract is read as a new one is: a key that is not known would change what it means."""
        return Contract.model_validate(value) if isinstance(value, dict) else value
