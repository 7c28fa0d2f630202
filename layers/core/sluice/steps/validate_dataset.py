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
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sluice import keys
from sluice.contract import Contract, nearest
from sluice.datasets.accept_labels import accept_labels, refuse_labels
from sluice.datasets.corrected_by import CORRECTS
from sluice.datasets.corrections import Lineage, lineage
from sluice.datasets.dead_letters import file_letter, given_up
from sluice.datasets.file_records import failed, finished, gone, listed, notes_of, record_of, recorded, without_rows
from sluice.datasets.hand_over import for_parts, hand_over
from sluice.datasets.quarantine_files import write_quarantine
from sluice.datasets.report_dataset import report_dataset
from sluice.datasets.upload import Upload
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

LEASE = timedelta(minutes=10)
"""The longest that the function may take; the queue gives a message back after it."""
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
    limits = Limits.of(settings).within(seconds)
    upload, contract_version = Upload(bucket, key, version), None
    try:
        if what := marker(key, size):
            return recorded(upload, _ignored(upload, what, ledger=ledger, clock=clock), ledger=ledger)
        upload = replace(upload, project=keys.parse_arrival(key).project)
        begun = None if upload.has_labels else ledger.judged(upload.project, upload.dataset)
        if begun is not None:
            record = finished(upload, begun, objects=objects, ledger=ledger, alerts=alerts, events=events)
            return recorded(upload, record, ledger=ledger)
        large = limits.is_beyond(size) and for_parts(key, settings=settings)
        if not large and queue_arn and queue_arn == settings.dead_arrivals_arn:
            letter = file_letter(bucket, key, version, size)
            raise GivenUpError(given_up(letter.what, letter.function, letter.todo, size))
        if why := contract_among_rows(key):
            raise UnreadableFileError(why)
        if not objects.exists(key):
            record = gone(upload, "it was deleted", alerts=alerts)
        else:
            contract, contract_version = _contract(
                upload.project, objects=objects, ledger=ledger, alerts=alerts, clock=clock
            )
            limits.check_file(size or 0)
            if upload.has_labels:
                record = _judge_labels(upload, contract, limits, objects=objects, alerts=alerts)
            else:
                judge = partial(_judge_rows, upload, contract, contract_version, limits)
                record = _again_on_conflict(
                    partial(judge, objects=objects, ledger=ledger, alerts=alerts, events=events, clock=clock)
                )
    except (InputError, GivenUpError, MemoryError, OSError) as caught:
        error = caught if isinstance(caught, SluiceError) else too_large(caught, size)
        if error is None:
            raise
        if isinstance(error, FileTooLargeError) and error.whole and size and for_parts(key, settings=settings):
            return hand_over(upload, size, settings=settings, executions=executions)
        if upload.has_labels:
            record = refuse_labels(upload, error, objects=objects, alerts=alerts)
        else:
            record = failed(upload, error, alerts=alerts)
    return recorded(upload, {"contract_version": contract_version, **record}, ledger=ledger)


def _judge_labels(upload: Upload, contract: Contract, limits: Limits, *, objects: ObjectStore, alerts: Alerts) -> Json:
    try:
        with tempfile.TemporaryDirectory(prefix="sluice-") as folder:
            return accept_labels(upload, contract, Path(folder), limits, objects=objects, alerts=alerts)
    except NotFoundError:
        return gone(upload, "this version of it was deleted", alerts=alerts)


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
    """Judges again if another correction of the dataset was accepted meanwhile, and sees what that one accepted."""
    for _ in range(TRIES - 1):
        try:
            return judge()
        except ConflictError:
            continue
    return judge()


def _judge_rows(
    upload: Upload,
    contract: Contract,
    contract_version: str,
    limits: Limits,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    events: Events,
    clock: Clock,
) -> Json:
    accepted_at = clock.now()
    arrival = Arrival(lambda: objects.chunks(upload.key, upload.version_to_read))
    profiler = Profiler(contract)
    of = keys.corrected(upload.key)
    with tempfile.TemporaryDirectory(prefix="sluice-") as scratch:
        folder = Path(scratch)
        corrects = None if of is None else lineage(upload.project, of, folder, objects=objects, ledger=ledger)
        try:
            outcome = validate_file(
                arrival,
                contract,
                accepted_at,
                folder,
                limits,
                count=profiler.add,
                correction=None if corrects is None else corrects.rows,
                in_key=keys.columns_in(upload.key, contract.data.columns),
            )
            content = arrival.digest()
        except NotFoundError:
            return gone(upload, "this version of it was deleted", alerts=alerts)
        record = record_of(upload, outcome, _notes(outcome, contract, corrects))
        if corrects is not None:
            record[CORRECTS] = corrects.told(upload.dataset)
        if outcome.refusals and (twin := ledger.same_content(upload.project, content)):
            record["notes"]["same_content_as"] = twin
        if outcome.refusals or outcome.quarantined:
            summary = {**record, "key": upload.key, "version_id": upload.version, "refusals": outcome.refusals}
            write_quarantine(outcome.quarantine_path, summary, objects=objects)
        if outcome.refusals:
            report_dataset(upload.key, record, objects=objects, alerts=alerts)
            return record
        objects.upload(outcome.accepted_path, keys.accepted_part(upload.project, upload.dataset))
    return listed(
        upload,
        outcome,
        record,
        profiler,
        accepted_at,
        content,
        contract_version,
        corrects,
        objects=objects,
        ledger=ledger,
        alerts=alerts,
        events=events,
    )


def _notes(outcome: Outcome, contract: Contract, corrects: Lineage | None) -> dict[str, Any]:
    rows = None if corrects is None else corrects.rows
    before = {"accepted_before": rows.accepted_before} if rows is not None and rows.accepted_before else {}
    return before | notes_of(outcome, contract)


def _ignored(upload: Upload, what: str, *, ledger: Ledger, clock: Clock) -> Json:
    upload = replace(upload, project=keys.project_of(upload.key))
    ledger.add_ignored(upload.project, clock.now(), {"key": upload.key, "what": what})
    return without_rows("ignored", upload, what, f"{what} is not a data file")
