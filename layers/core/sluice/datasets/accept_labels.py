"""A file arrived in labels/: its labels end up accepted, without a label, or refused with reasons."""

from __future__ import annotations

import contextlib
from pathlib import Path

from sluice import keys, names
from sluice.contract import Contract
from sluice.datasets.file_facts import MAX_FACTS, ignored_columns, reading_told, reasons_told
from sluice.datasets.quarantine_files import where, write_quarantine
from sluice.datasets.upload import Upload
from sluice.errors import NotFoundError, SluiceError
from sluice.escaping import visible
from sluice.intake.labels import LabelFile, read_label_file
from sluice.intake.limits import Limits
from sluice.model.values import NO_LABEL, is_positive
from sluice.ports import Alerts, Json, ObjectStore
from sluice.watch.labels import Entry, accepted_file, has_open_classes, read_entries, refused_file


def accept_labels(
    upload: Upload, contract: Contract, folder: Path, limits: Limits, *, objects: ObjectStore, alerts: Alerts
) -> Json:
    """The terminal record: `accepted`, or `quarantined` where no row of the file can count as a label.

    Raises UnreadableFileError, EmptyFileError, HeaderMismatchError, NotFoundError for a version that was deleted.
    """
    source = folder / "arrival"
    objects.download(upload.key, source, upload.version_to_read)
    found = read_label_file(source, contract, folder, limits, keys.columns_in(upload.key, contract.data.columns))
    why = _refusal(found) or _third_class(found, contract)
    record: Json = {
        "status": "quarantined" if why else "accepted",
        "kind": "labels",
        "project": upload.project,
        "dataset_id": upload.dataset,
        "rows": found.rows,
        "labels": 0 if why else len(found.labels),
        "without_label": found.without_label,
        "quarantined_rows": found.quarantined,
        "duplicates": found.duplicates,
        "conflicts": found.conflicts,
        "identity": found.identity,
        "reasons": found.reason_counts,
        "format": found.notes.format,
        "encoding": found.notes.encoding,
        "notes": ignored_columns(found.extra_columns) | found.notes.told(),
    }
    if why:
        record["message"] = why
    if found.quarantined:
        summary = {**record, "key": upload.key, "version_id": upload.version}
        write_quarantine(found.refused_path, summary, objects=objects)
    if why:
        _withdraw(upload, why, objects=objects)
    else:
        _store(upload, found, objects=objects)
    _report(upload.key, record, objects=objects, alerts=alerts)
    return record


def refuse_labels(upload: Upload, error: SluiceError, *, objects: ObjectStore, alerts: Alerts) -> Json:
    """The record and the alert of a file that cannot be read as labels of the project."""
    kind = type(error).__name__
    if upload.project:
        _withdraw(upload, str(error), objects=objects)
    subject = f"{upload.project or 'no project'}: a label file was refused ({kind})"
    facts = {"key": upload.key, "dataset_id": upload.dataset, "error": kind}
    alerts.publish("Labels Refused", upload.project, subject, f"{visible(upload.key)}: {visible(error)}", facts)
    return {
        "status": "failed",
        "kind": "labels",
        "project": upload.project,
        "dataset_id": upload.dataset,
        "rows": 0,
        "labels": 0,
        "quarantined_rows": 0,
        "reasons": [{"rule": kind, "column": None, "rows": 0}],
        "error": kind,
        "message": str(error),
        "format": None,
        "encoding": None,
    }


def _refusal(found: LabelFile) -> str | None:
    """Why the file as a whole is refused."""
    if not found.labels:
        return f"none of the {found.rows} rows has a label: {_counts(found)}"
    labelled = found.rows - found.without_label - found.quarantined
    if found.quarantined > labelled:
        # the few that happen to be labels would say something else than all of them
        return f"more rows are refused than have a label: {labelled} have one, {_counts(found)}"
    return None


def _third_class(found: LabelFile, contract: Contract) -> str | None:
    """Why it is unknown which labels say no, where the contract does not list the two classes of a binary target."""
    problem, (target, column) = contract.problem, contract.label_column or ("", None)
    if column is None or not has_open_classes(contract):
        return None
    given = {*found.labels.values(), *(label for _, label in found.contradicted)}
    others = {each for each in given if not is_positive(each, problem.positive, column.type)}
    if any(each.casefold() == str(problem.positive).casefold() for each in others):
        what = "a label differs from problem.positive in upper and lower case alone"
    elif len(others) > 1:
        what = f"{len(others)} different labels are not problem.positive, and a binary target has two classes"
    elif any(each.strip().lower() in NO_LABEL for each in others):
        what = (
            "the only label besides problem.positive is a word such as NA or none, which may mean that it is not known"
        )
    else:
        return None
    # each would count as a no, whatever it means
    way = "Correct the rows with another label than the two classes"
    if column.type == "category":
        way = (
            f"List both classes in data.columns.{target}.values: rows with another label are then refused one by one, "
            "and NA and its like are not known yet"
        )
    return f"{what}. {way}. Then send the file again"


def _counts(found: LabelFile) -> str:
    return f"{found.without_label} without one, {found.quarantined} refused"


def _is_newest(upload: Upload, *, objects: ObjectStore) -> bool:
    """Events may come in another order than the versions that they are about."""
    return objects.version(upload.key) == upload.version


def _accepted_key(upload: Upload) -> str:
    return keys.accepted_labels(upload.project, names.digest(upload.key))


def _store(upload: Upload, found: LabelFile, *, objects: ObjectStore) -> None:
    """Puts the accepted labels in the place of those of the version before, whose times of arrival they keep."""
    arrived = next((stored.modified for stored in objects.list(upload.key) if stored.key == upload.key), None)
    # asked after the listing, so that the time is this version's
    if arrived is None or not _is_newest(upload, objects=objects):
        return
    where = _accepted_key(upload)
    before: list[Entry] = []
    # a refused or damaged predecessor has no times to keep
    with contextlib.suppress(NotFoundError, ValueError, KeyError, TypeError):
        before = read_entries(objects.read(where), arrived)
    with found.path.open("w", encoding="utf-8") as out:
        for line in accepted_file(found.labels, found.contradicted, arrived, before):
            out.write(line + "\n")
    objects.upload(found.path, where, "application/jsonl")


def _withdraw(upload: Upload, why: str, *, objects: ObjectStore) -> None:
    if _is_newest(upload, objects=objects):
        objects.write(_accepted_key(upload), refused_file(why), "application/jsonl")


def _report(key: str, record: Json, *, objects: ObjectStore, alerts: Alerts) -> None:
    project, name = record["project"], visible(key)
    counted = ("dataset_id", "rows", "labels", "without_label", "quarantined_rows", "duplicates", "conflicts")
    facts = {each: record[each] for each in counted} | {"key": key, "reasons": record["reasons"][:MAX_FACTS]}
    facts["reasons_count"] = len(record["reasons"])
    told = reasons_told(record["reasons"])
    at = where(project, record["dataset_id"], objects=objects)
    rest = f" {told}. {at}" if record["quarantined_rows"] else ""
    if record["status"] != "accepted":
        subject = f"{project}: a label file was refused"
        alerts.publish("Labels Refused", project, subject, f"{name}: {record['message']}.{rest}", facts)
        return
    message = (
        f"{name}: {record['labels']} labels from {record['rows']} rows; {record['without_label']} rows without a "
        f"label, {record['quarantined_rows']} refused, {record['duplicates']} repeated, {record['conflicts']} that "
        "contradict an earlier row (the last one counts)." + reading_told(record["notes"])
    )
    alerts.publish("Labels Accepted", project, f"{project}: {record['labels']} labels accepted", message, facts)
    if record["quarantined_rows"]:
        subject = f"{project}: {record['quarantined_rows']} rows of a label file were refused"
        alerts.publish("Labels Refused", project, subject, f"{name}:{rest}", facts)
