"""A dataset was accepted: its profile and report, then the word that it can be learned from."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from sluice import keys
from sluice.contract import Contract
from sluice.datasets.accepted_files import accepted_files
from sluice.errors import DamagedRecordError, NotFoundError, UnknownProjectError
from sluice.ports import Events, Json, Ledger, ObjectStore
from sluice.profile import drift
from sluice.profile.report import render
from sluice.records.baseline import Baseline
from sluice.store.baselines import baseline_of
from sluice.store.counted_profiles import counted, of_file
from sluice.store.json_objects import read_json


def profile_dataset(project: str, dataset_id: str, *, objects: ObjectStore, ledger: Ledger, events: Events) -> Json:
    """Writes profile.json and report.html, then sends `Dataset Profiled`. A repetition writes the same again.

    The intake has counted the rows already, unless the contract changed since or an older version accepted them.

    Returns {"project", "dataset_id", "rows", "drift": column → PSI | None, "notes"}; a note says what could not be
    compared or read, as the report does. Raises UnknownProjectError and NotFoundError (no accepted file, which the
    event promised).
    """
    registered = ledger.contract(project)
    if registered is None:
        raise UnknownProjectError(f"there is no project {project!r}")
    contract = Contract.model_validate(registered[0])
    profile = counted(project, dataset_id, registered[1], objects=objects)
    if profile is None:
        profile = _counted_again(project, dataset_id, contract, objects=objects) | {"contract_version": registered[1]}
        profile |= of_file(project, dataset_id, objects=objects)
    notes: list[str] = []
    baseline = _baseline(project, notes, objects=objects, ledger=ledger)
    scores = drift.population_drift(baseline, profile) if baseline is not None else None
    quarantine = _quarantine(keys.quarantine_summary(project, dataset_id), notes, objects=objects)
    listed = [name for name, column in contract.data.columns.items() if column.values is not None]
    page = render(project, profile, quarantine, scores, contract.monitor.drift.max, baseline, listed, notes)
    body = json.dumps(profile, ensure_ascii=False, allow_nan=False).encode()
    objects.write(keys.profile(project, dataset_id), body, "application/json")
    objects.write(keys.profile_report(project, dataset_id), page.encode(), "text/html; charset=utf-8")
    events.put("Dataset Profiled", {"project": project, "dataset_id": dataset_id})
    return {"project": project, "dataset_id": dataset_id, "rows": profile["rows"], "drift": scores, "notes": notes}


def _counted_again(project: str, dataset_id: str, contract: Contract, *, objects: ObjectStore) -> Json:
    # pyarrow and numpy take a quarter of a cold start, and few datasets are counted here
    from sluice.profile.profiles import profile_parquet

    with tempfile.TemporaryDirectory(prefix="sluice-") as folder:
        return profile_parquet(accepted_files(project, dataset_id, Path(folder), objects=objects), contract, dataset_id)


def _baseline(project: str, notes: list[str], *, objects: ObjectStore, ledger: Ledger) -> Baseline | None:
    """What the champion learned from. New data are accepted even if that cannot be read; a note says so."""
    champion = ledger.champion(project)
    if champion is None:
        return None
    try:
        return baseline_of(project, champion.run_id, objects=objects)
    except NotFoundError:
        notes.append(f"Drift was not measured: the serving model {champion.run_id} has no baseline.")
    except DamagedRecordError as error:
        notes.append(f"Drift was not measured against the serving model {champion.run_id}: {error}.")
    return None


def _quarantine(key: str, notes: list[str], *, objects: ObjectStore) -> dict[str, Any] | None:
    """The summary of the arrival's refused rows; None where no row was refused, empty where it cannot be read."""
    try:
        found = read_json(key, objects=objects)
        return found if isinstance(found, dict) else {}
    except NotFoundError:
        return None
    except DamagedRecordError as error:
        notes.append(f"The refused rows cannot be shown: {error}.")
        return {}
