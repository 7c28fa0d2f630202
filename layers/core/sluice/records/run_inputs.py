"""run.json: what a run was started with, frozen so that later changes do not reach it.

`plan_training` writes it for a run, `start_drill` for a drill; the Glue job reads its `contract` and `datasets`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import field_validator

from sluice.contract import Contract
from sluice.records.record import Record


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
    champion: str | None = None
    """The run whose model a drill exercises."""

    @field_validator("contract", mode="before")
    @classmethod
    def _strict(cls, value: Any) -> Any:
        """A frozen contract is read as a new one is: a key that is not known would change what it means."""
        return Contract.model_validate(value) if isinstance(value, dict) else value
