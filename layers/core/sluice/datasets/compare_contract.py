"""A changed contract is compared with the accepted datasets: people learn what becomes of which rows.

The comparison follows the registration and never prevents it. Before the new contract replaces the old one, a record
that keeps the old one is written (`begin`); a retry after a crash finishes it (`finish`).
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sluice import keys
from sluice.changes.differences import Differences, differences
from sluice.changes.words import lines
from sluice.contract import Contract
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.ports import Alerts, Clock, Json, Ledger, ObjectStore
from sluice.store.json_objects import stored_json, write_json

MAX_BYTES = 400_000_000
"""The largest accepted file that is compared: the function has 512 MB of disk."""
SECONDS = 120.0
"""For reading accepted rows, where the caller does not say."""


def begin(
    contract: Contract, version: str, registered: tuple[Json, str], *, objects: ObjectStore, ledger: Ledger
) -> bool:
    """Keeps the old contract for `finish`, when the new one changes anything for accepted rows."""
    old, previous = registered
    project = contract.project
    if not differences(old, contract) or not _datasets(project, ledger=ledger):
        return False
    record = {"kind": "contract_change", "status": "comparing", "project": project, "version": version}
    write_json(
        keys.contract_change(project, version), {**record, "previous_version": previous, "old": old}, objects=objects
    )
    return True


def finish(
    project: str,
    registered: Json,
    version: str,
    seconds: float | None = None,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    clock: Clock,
) -> Json | None:
    """Compares, records, and sends `Contract Changed`; None when there is nothing (left) to compare.

    `registered` is the contract of this version as plain JSON.
    """
    key = keys.contract_change(project, version)
    pending = stored_json(key, objects=objects)
    if not pending or pending["status"] != "comparing":
        return None
    found = compare(pending["old"], Contract.model_validate(registered), seconds, objects=objects, ledger=ledger)
    if found is None:
        return None
    record = {**pending, **found, "status": "compared", "at": clock.now().isoformat()}
    del record["old"]
    _publish(record, key, objects=objects, alerts=alerts)
    write_json(key, record, objects=objects)
    return record


def compare(
    old: Json, contract: Contract, seconds: float | None = None, *, objects: ObjectStore, ledger: Ledger
) -> Json | None:
    """What `contract` makes of the accepted rows; None when it changes nothing for them. Writes nothing."""
    changed, datasets = differences(old, contract), _datasets(contract.project, ledger=ledger)
    if not changed or not datasets:
        return None
    # here, not above: pyarrow, whose import every other registration would wait for
    from sluice.changes.accepted_rows import deadline
    from sluice.changes.report import Compared, report

    compared = Compared()
    expired = deadline(SECONDS if seconds is None else seconds)
    with tempfile.TemporaryDirectory(prefix="sluice-") as folder:
        # the newest first: where the time does not suffice, they matter most
        for dataset in reversed(datasets):
            _read(dataset, contract, changed, compared, Path(folder) / "accepted.parquet", expired, objects=objects)
    compared.read.sort(key=lambda facts: facts.dataset)  # as the cleaning job names them
    return {**report(compared, contract, changed), "project": contract.project}


def _read(
    dataset: Json,
    contract: Contract,
    changed: Differences,
    compared: Any,
    path: Path,
    expired: Callable[[], bool],
    *,
    objects: ObjectStore,
) -> None:
    from sluice.changes.accepted_rows import count_rows
    from sluice.changes.from_profile import facts_of_profile

    name, rows, project = str(dataset["dataset_id"]), int(dataset.get("rows") or 0), contract.project
    try:
        if expired():
            raise TimeoutError
        profile = stored_json(keys.profile(project, name), objects=objects)
        facts = facts_of_profile(profile, name, contract, changed) if profile else None
        if facts is None:
            stored = objects.list(keys.accepted(project, name))
            if (size := sum(each.size for each in stored)) > MAX_BYTES:
                why = f"a file of {size / 1e6:,.0f} MB is larger than the {MAX_BYTES / 1e6:,.0f} MB that are read"
                compared.unread.append((name, rows, why))
                return
            if len(stored) > 1:
                compared.unread.append((name, rows, f"its rows are in {len(stored)} files, of a file judged in parts"))
                return
            objects.download(keys.accepted_part(project, name), path)
            facts = count_rows(path, name, contract, changed, compared.keys, expired)
        compared.read.append(facts)
    except TimeoutError:
        compared.unread.append((name, rows, "there was too little time"))
    except (NotFoundError, DamagedRecordError) as error:
        compared.unread.append((name, rows, str(error)))


def _datasets(project: str, *, ledger: Ledger) -> list[Json]:
    return [each for each in ledger.datasets(project) if "withdrawn_at" not in each]


def _publish(record: Json, key: str, *, objects: ObjectStore, alerts: Alerts) -> None:
    project = record["project"]
    subject = f"{project}: the changed contract affects accepted rows"
    if record["run_stops"]:
        subject = f"{project}: the changed contract stops the next run"
    first, *others = lines(record)
    message = f"{first[0].upper()}{first[1:]}.\n" + "\n".join(f"- {each}" for each in others)
    told = {
        "version": record["version"],
        "previous_version": record["previous_version"],
        "run_stops": record["run_stops"],
        "usable_rows": record["usable_rows"],
        "rows": record["rows"],
        "record": objects.uri(key),
    }
    alerts.publish("Contract Changed", project, subject, message, told)


def contract_change(project: str, version: str, *, objects: ObjectStore) -> Json | None:
    """The record of what a version of the contract changed; None when it changed nothing for accepted rows."""
    try:
        return dict(json.loads(objects.read(keys.contract_change(project, version))))
    except NotFoundError:
        return None
