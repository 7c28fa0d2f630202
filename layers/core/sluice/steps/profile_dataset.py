"""A dataset was accepted: its profile and report, then the word that it can be learned from."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from sluice import keys
from sluice.contract import Contract
from sluice.errors import DamagedRecordError, NotFoundError, UnknownProjectError
from sluice.ports import Json, World
from sluice.profile import drift
from sluice.profile.profiles import profile_parquet
from sluice.profile.report import render
from sluice.records.baseline import Baseline
from sluice.store.run_records import baseline_of


def profile_dataset(world: World, project: str, dataset_id: str) -> Json:
    """Writes profile.json and report.html, then sends `Dataset Profiled`. A repetition writes the same again.

    Returns {"project", "dataset_id", "rows", "drift": column → PSI | None}. Raises UnknownProjectError and
    NotFoundError (no accepted file, which the event promised).
    """
    registered = world.ledger.contract(project)
    if registered is None:
        raise UnknownProjectError(f"there is no project {project!r}")
    contract = Contract.model_validate(registered[0])
    with tempfile.TemporaryDirectory(prefix="sluice-") as folder:
        path = Path(folder) / "accepted.parquet"
        world.objects.download(keys.accepted_part(project, dataset_id), path)
        profile = profile_parquet(path, contract, dataset_id)
    baseline = _baseline(world, project)
    scores = drift.population_drift(baseline, profile) if baseline is not None else None
    quarantine = _json_or_none(world, keys.quarantine_summary(project, dataset_id))
    listed = [name for name, column in contract.data.columns.items() if column.values is not None]
    page = render(project, profile, quarantine, scores, contract.monitor.drift.max, baseline, listed)
    body = json.dumps(profile, ensure_ascii=False, allow_nan=False).encode()
    world.objects.write(keys.profile(project, dataset_id), body, "application/json")
    world.objects.write(keys.profile_report(project, dataset_id), page.encode(), "text/html; charset=utf-8")
    world.events.put("Dataset Profiled", {"project": project, "dataset_id": dataset_id})
    return {"project": project, "dataset_id": dataset_id, "rows": profile["rows"], "drift": scores}


def _baseline(world: World, project: str) -> Baseline | None:
    champion = world.ledger.champion(project)
    if champion is None:
        return None
    try:
        return baseline_of(world, project, champion.run_id)
    except (NotFoundError, DamagedRecordError):
        # new data are accepted all the same; monitor_model reports a damaged baseline
        return None


def _json_or_none(world: World, key: str) -> dict[str, Any] | None:
    try:
        return json.loads(world.objects.read(key))
    except NotFoundError:
        return None
