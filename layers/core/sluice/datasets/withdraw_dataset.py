"""A dataset is withdrawn: later runs leave it out. Models that learned from it before stay, and are named."""

from __future__ import annotations

from sluice import keys
from sluice.contract import nearest
from sluice.datasets.corrected_by import corrected_by
from sluice.errors import NotFoundError
from sluice.escaping import visible
from sluice.model.shortening import listed
from sluice.ports import Alerts, Clock, Json, Ledger, ObjectStore
from sluice.store.run_records import run_records, write_json

MAX_TOLD = 20
"""Runs that an alert names; the record has all of them."""


def withdraw_dataset(
    project: str,
    dataset_id: str,
    reason: str = "",
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    clock: Clock,
) -> Json:
    """`{"decision": withdrawn | known, "dataset", "runs", "corrections", "champion", "running", "record"}`.

    `runs`: every run that learned from it; `corrections`: datasets with corrected rows of it, which stay; `champion`:
    the serving one if it did; `running`: the current run that reads it, which is not stopped. Raises NotFoundError with
    the nearest dataset.
    """
    datasets = {each["dataset_id"]: each for each in ledger.datasets(project)}
    if dataset_id not in datasets:
        raise NotFoundError(f"{project} has no dataset {dataset_id!r}{nearest(dataset_id, datasets)}")
    at = clock.now()
    fresh = ledger.withdraw_dataset(project, dataset_id, at, reason)
    runs = learned_from(project, dataset_id, ledger=ledger)
    champion, lock = ledger.champion(project), ledger.lock(project)
    answer: Json = {
        "decision": "withdrawn" if fresh else "known",
        "dataset": dataset_id,
        "key": datasets[dataset_id].get("key"),
        "rows": datasets[dataset_id].get("rows"),
        "runs": runs,
        "corrections": [each["dataset_id"] for each in corrected_by(dataset_id, datasets.values())],
        "champion": champion.run_id if champion and champion.run_id in runs else None,
        "running": lock["run_id"] if lock and lock["run_id"] in runs else None,
        "record": keys.monitor(project, "withdrawn", f"{dataset_id}.json"),
    }
    if not fresh:
        return answer
    content = {"kind": "withdrawal", "project": project, "at": at.isoformat(), "reasons": [reason] if reason else []}
    write_json(answer["record"], {**answer, **content}, objects=objects)
    alerts.publish(
        "Dataset Withdrawn",
        project,
        f"{project}: a dataset of {answer['rows']} rows was withdrawn",
        f"{visible(str(answer['key']))} (dataset {dataset_id}) is left out of every later run. {_learned(answer)}",
        {"dataset_id": dataset_id, "runs": runs[:MAX_TOLD], "runs_count": len(runs), "record": answer["record"]},
    )
    return answer


def learned_from(project: str, dataset_id: str, *, ledger: Ledger) -> list[str]:
    """Runs that learned from a dataset, newest first."""
    return [run.run_id for run in run_records(project, ledger=ledger) if dataset_id in (run.datasets or [])]


def _learned(answer: Json) -> str:
    if not answer["runs"]:
        return f"No run has learned from it.{_corrections(answer)}"
    told = f"Runs that learned from it: {listed(answer['runs'], MAX_TOLD, answer['record'])}."
    if answer["running"]:
        told += f" {answer['running']} is in progress and still uses it."
    if answer["champion"]:
        told += f" The serving model {answer['champion']} is one of them: `sluice retrain` trains one without it."
    return told + _corrections(answer)


def _corrections(answer: Json) -> str:
    stay = answer["corrections"]
    return f" Its corrected rows stay, as {listed(stay, MAX_TOLD, answer['record'])}." if stay else ""
