"""Which accepted rows a run would learn from now, and which run has learned from them."""

from __future__ import annotations

from sluice.ports import Json, Ledger
from sluice.records.run_record import RunRecord
from sluice.store.run_records import run_records
from sluice.training.chosen_rows import left_out_rows


def usable_datasets(project: str, *, ledger: Ledger) -> list[Json]:
    """Accepted datasets that are not withdrawn and did not arrive during a data fault."""
    out = {each for fault in left_out_rows(project, ledger=ledger) for each in fault.datasets}
    return [each for each in ledger.datasets(project) if "withdrawn_at" not in each and each["dataset_id"] not in out]


def rows_of(datasets: list[Json]) -> int:
    return sum(int(each.get("rows") or 0) for each in datasets)


def learning_runs(project: str, *, ledger: Ledger) -> list[RunRecord]:
    """Runs that have made a model of their datasets, or are about to; newest first.

    A run that failed has learned nothing, nor has a drill.
    """
    return [
        run
        for run in run_records(project, ledger=ledger)
        if run.datasets and run.champion is None and run.outcome != "failed" and run.status != "not started"
    ]


def run_on_the_same_rows(project: str, contract_version: str, *, ledger: Ledger) -> RunRecord | None:
    """The newest run that has learned from exactly the usable datasets under this version of the contract, if any.

    The same rows under the same contract give the same model again.
    """
    usable = {each["dataset_id"] for each in usable_datasets(project, ledger=ledger)}
    same = (
        run
        for run in learning_runs(project, ledger=ledger)
        if run.contract_version == contract_version and set(run.datasets or ()) == usable
    )
    return next(same, None)
