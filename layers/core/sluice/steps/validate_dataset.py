"""A file arrived in raw/: every row ends up accepted or quarantined with reasons, every file in one terminal record.

Files in labels/ arrive here too; what becomes of their rows is in `accept_labels`.

Only the invocation that claims the arrival handles it, so that two deliveries at the same instant send one
alert. The other ends in silence: if the first dies, its own message comes back when its claim's lease is over.

Order of effects: objects, dataset, event, alert, and the terminal record last. A crash before the dataset is in the
state store makes the retry do all of it again, to the same keys. After that the upload is accepted, whatever happens:
the retry, or the dead letter, reads no file, and does the rest. So an event or alert may come twice after a crash, and
is never lost. The readers of these events are idempotent.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sluice import keys, names
from sluice.contract import Contract, nearest
from sluice.datasets.accept_labels import accept_labels, refuse_labels
from sluice.datasets.corrected_by import CORRECTS
from sluice.datasets.corrections import Lineage, lineage
from sluice.datasets.dead_letters import file_letter, given_up
from sluice.datasets.file_records import failed, finished, gone, notes_of, record_of, recorded, without_rows
from sluice.datasets.hand_over import for_parts, hand_over
from sluice.datasets.quarantine_files import write_quarantine
from sluice.datasets.report_dataset import report_dataset
from sluice.errors import (
    ConflictError,
    FileTooLargeError,
    GivenUpError,
    InputError,
    NotFoundError,
    SluiceError,
    UnknownProjectError,
    UnreadableFileError,
)
from sluice.intake.limits import Limits, too_large
from sluice.intake.markers import marker
from sluice.intake.misplaced import contract_among_rows
from sluice.intake.opening import Arrival
from sluice.intake.validation import Outcome, validate_file
from sluice.ports import Alerts, Clock, Events, Executions, Json, Ledger, ObjectStore, Settings
from sluice.profile.profiler import Profiler
from sluice.store.counted_profiles import write_counted

LEASE = timedelta(minutes=10)
"""The longest that the function may take; the queue gives a message back after it."""
LABELS = "labels/"
TRIES = 3


def validate_dataset(
    bucket: str,
    key: str,
    version_id: str | None,
    size: int | None = None,
    queue_arn: str = "",
    seconds: float | None = None,
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    executions: Executions,
    clock: Clock,
) -> Json:
    """The terminal record of this arrival; the first call makes it, later ones only give it back.

    While another call makes it, or the file is judged in parts, `status` is `in progress`. Else it is `accepted`,
    `quarantined` (the whole file, by the contract's expectations), `failed` (with `error` and `message`), `ignored`
    (not a data file) or `gone` (deleted before it was handled). Input mistakes are outcomes; everything else is raised,
    so that the queue delivers it again.
    From the dead-letter queue (`queue_arn`) a file comes to be recorded as failed, unless its dataset is listed.
    `seconds`: the time for reading it.
    """
    version = version_id or objects.version(key) or "null"
    known = ledger.arrival(bucket, key, version)
    if known is not None:
        return known
    if not ledger.claim_arrival(bucket, key, version, clock.now(), LEASE):
        return ledger.arrival(bucket, key, version) or {"status": "in progress", "project": ""}
    dataset = names.dataset_id(bucket, key, version)
    limits = Limits.of(settings).within(seconds)
    project, contract_version = "", None
    try:
        if what := marker(key, size):
            return recorded(
                bucket, key, version, _ignored(key, dataset, what, ledger=ledger, clock=clock), ledger=ledger
            )
        project = keys.parse_arrival(key).project
        if not key.startswith(LABELS) and (begun := ledger.judged(project, dataset)) is not None:
            record = finished(
                key, project, dataset, begun, objects=objects, ledger=ledger, alerts=alerts, events=events
            )
            return recorded(bucket, key, version, record, ledger=ledger)
        large = limits.is_beyond(size) and for_parts(key, settings=settings)
        if not large and queue_arn and queue_arn == settings.dead_arrivals_arn:
            letter = file_letter(bucket, key, version, size)
            raise GivenUpError(given_up(letter.what, letter.function, letter.todo, size))
        if why := contract_among_rows(key):
            raise UnreadableFileError(why)
        if not objects.exists(key):
            record = gone(key, project, dataset, "it was deleted", alerts=alerts)
        else:
            contract, contract_version = _contract(project, objects=objects, ledger=ledger, alerts=alerts, clock=clock)
            limits.check_file(size or 0)
            with tempfile.TemporaryDirectory(prefix="sluice-") as folder:
                if key.startswith(LABELS):
                    record = _judge_labels(
                        key, version, project, dataset, contract, Path(folder), limits, objects=objects, alerts=alerts
                    )
                else:
                    judge = partial(
                        _judge,
                        key,
                        version,
                        project,
                        dataset,
                        contract,
                        contract_version,
                        Path(folder),
                        limits,
                        objects=objects,
                        ledger=ledger,
                        alerts=alerts,
                        events=events,
                        clock=clock,
                    )
                    record = _again_on_conflict(judge)
    except (InputError, GivenUpError, MemoryError, OSError) as caught:
        error = caught if isinstance(caught, SluiceError) else too_large(caught, size)
        if error is None:
            raise
        if isinstance(error, FileTooLargeError) and error.whole and size and for_parts(key, settings=settings):
            return hand_over(bucket, key, version, project, size, settings=settings, executions=executions)
        record = _refused(key, version, project, dataset, error, objects=objects, alerts=alerts)
    return recorded(bucket, key, version, {"contract_version": contract_version, **record}, ledger=ledger)


def _refused(
    key: str, version: str, project: str, dataset: str, error: SluiceError, *, objects: ObjectStore, alerts: Alerts
) -> Json:
    if key.startswith(LABELS):
        return refuse_labels(key, version, project, dataset, error, objects=objects, alerts=alerts)
    return failed(key, project, dataset, error, alerts=alerts)


def _judge_labels(
    key: str,
    version: str,
    project: str,
    dataset: str,
    contract: Contract,
    folder: Path,
    limits: Limits,
    *,
    objects: ObjectStore,
    alerts: Alerts,
) -> Json:
    try:
        return accept_labels(key, version, project, contract, folder, limits, objects=objects, alerts=alerts)
    except NotFoundError:
        return gone(key, project, dataset, "this version of it was deleted", alerts=alerts)


def _contract(
    project: str, *, objects: ObjectStore, ledger: Ledger, alerts: Alerts, clock: Clock
) -> tuple[Contract, str]:
    registered = ledger.contract(project)
    if registered is None:
        # the contract may have been dropped a moment before the file, its event still on the way
        yaml_key = keys.contract(project)
        if objects.exists(yaml_key):
            # here, not above: the types of all records, whose import every other file would wait for
            from sluice.datasets.register_contract import register_contract

            # a project that was unknown a moment ago has no accepted rows to compare the contract with
            version = objects.version(yaml_key)
            answer = register_contract(
                project,
                yaml_key,
                version,
                compare=False,
                objects=objects,
                ledger=ledger,
                alerts=alerts,
                clock=clock,
            )
            if answer["status"] == "refused":
                raise UnknownProjectError(f"the contract of {project!r} was refused: {answer['message']}")
            registered = ledger.contract(project)
    if registered is None:
        hint = nearest(project, ledger.projects())
        raise UnknownProjectError(
            f"there is no project {project!r}{hint}. Upload its contract to {keys.contract(project)}, then drop the "
            f"file again"
        )
    return Contract.model_validate(registered[0]), registered[1]


def _again_on_conflict(judge: Callable[[], Json]) -> Json:
    """Two corrections of a dataset at the same instant: the second one sees then what the first one accepted."""
    for _ in range(TRIES - 1):
        try:
            return judge()
        except ConflictError:
            continue
    return judge()


def _judge(
    key: str,
    version: str,
    project: str,
    dataset: str,
    contract: Contract,
    contract_version: str,
    folder: Path,
    limits: Limits,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    clock: Clock,
) -> Json:
    accepted_at = clock.now()
    arrival = Arrival(lambda: objects.chunks(key, version if version != "null" else None))
    profiler = Profiler(contract)
    of = keys.corrected(key)
    corrects = None if of is None else lineage(project, of, folder, objects=objects, ledger=ledger)
    rows = None if corrects is None else corrects.rows
    try:
        outcome = validate_file(
            arrival,
            contract,
            accepted_at,
            folder,
            limits,
            count=profiler.add,
            correction=rows,
            in_key=keys.columns_in(key, contract.data.columns),
        )
        content = arrival.digest()
    except NotFoundError:
        return gone(key, project, dataset, "this version of it was deleted", alerts=alerts)
    refused = bool(outcome.refusals)
    record = record_of(project, dataset, outcome, _notes(outcome, contract, corrects))
    if corrects is not None:
        record[CORRECTS] = corrects.told(dataset)
    if refused and (twin := ledger.same_content(project, content)):
        record["notes"]["same_content_as"] = twin
    if refused or outcome.quarantined:
        summary = {**record, "key": key, "version_id": version, "refusals": outcome.refusals}
        write_quarantine(outcome.quarantine_path, summary, objects=objects)
    if not refused:
        objects.upload(outcome.accepted_path, keys.accepted_part(project, dataset))
        profile = profiler.profile(dataset) | outcome.notes.of_profile()
        write_counted(profile, project, dataset, contract_version, objects=objects)
        facts = {"rows": outcome.rows, "quarantined_rows": outcome.quarantined, "key": key, "sha256": content}
        judged = {**record, "sha256": content, "contract_version": contract_version}
        if corrects is None:
            ledger.add_dataset(project, dataset, accepted_at, facts, judged)
        else:
            facts[CORRECTS] = record[CORRECTS]
            if not ledger.add_correction(
                project, dataset, accepted_at, facts, judged, corrects.lines_of, corrects.listed
            ):
                raise ConflictError(f"another correction of dataset {corrects.lines_of} was listed meanwhile")
        return finished(key, project, dataset, judged, objects=objects, ledger=ledger, alerts=alerts, events=events)
    report_dataset(key, record, objects=objects, alerts=alerts)
    return record


def _notes(outcome: Outcome, contract: Contract, corrects: Lineage | None) -> dict[str, Any]:
    rows = None if corrects is None else corrects.rows
    before = {"accepted_before": rows.accepted_before} if rows is not None and rows.accepted_before else {}
    return before | notes_of(outcome, contract)


def _ignored(key: str, dataset: str, what: str, *, ledger: Ledger, clock: Clock) -> Json:
    project = keys.project_of(key)
    ledger.add_ignored(project, clock.now(), {"key": key, "what": what})
    return without_rows("ignored", project, dataset, what, f"{what} is not a data file")
