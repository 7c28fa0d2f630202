"""Retraining by volume: the contract's `retrain.on_rows` are new since the last run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from sluice import names
from sluice.contract import Contract
from sluice.ports import Ledger
from sluice.training.governor import Request
from sluice.training.usable_rows import learning_runs, rows_of, usable_datasets

TRIGGER = "volume"


@dataclass(frozen=True)
class NewRows:
    """Accepted rows that no run has learned from, and how many start one."""

    rows: int
    needed: int
    last: str | None
    """The run that they are new since."""
    datasets: tuple[str, ...]
    at: datetime | None
    """When the newest of them arrived: the same at a repetition, so that one volume starts one run."""

    @property
    def due(self) -> bool:
        return self.rows >= self.needed

    @property
    def reason(self) -> str:
        since = f" since {self.last}" if self.last else ""
        return f"{self.rows:,} accepted rows are new{since}; retrain.on_rows starts a run at {self.needed:,}"


def new_rows(contract: Contract, *, ledger: Ledger) -> NewRows | None:
    """None where files start a run as they arrive: without `retrain.on_rows`, and before a model serves.

    A run in progress has learned from its datasets; one that failed has not.
    """
    project, wanted = contract.project, contract.retrain.on_rows
    if wanted is None or ledger.champion(project) is None:
        return None
    last = next(iter(learning_runs(project, ledger=ledger)), None)
    learned = set(last.datasets or ()) if last else set()
    usable = usable_datasets(project, ledger=ledger)
    fresh = [each for each in usable if each["dataset_id"] not in learned]
    had = rows_of(usable) - rows_of(fresh)
    return NewRows(
        rows=rows_of(fresh),
        needed=max(1, math.ceil(wanted * had) if wanted < 1 else int(wanted)),
        last=last.run_id if last else None,
        datasets=tuple(sorted(each["dataset_id"] for each in fresh)),
        at=max((datetime.fromisoformat(each["accepted_at"]) for each in fresh), default=None),
    )


def request_for(project: str, volume: NewRows) -> Request:
    """What the governor is asked; the same volume is the same request."""
    return Request(TRIGGER, names.digest(TRIGGER, project, *volume.datasets), rows=volume.rows)
