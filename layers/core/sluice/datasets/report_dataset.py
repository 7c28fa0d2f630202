"""What the alerts say about a file in raw/: what was accepted, what was quarantined and why, and where it is."""

from __future__ import annotations

from sluice.datasets.file_facts import MAX_FACTS, OF_FILE, reading_told, reasons_told
from sluice.datasets.quarantine_files import where
from sluice.escaping import visible
from sluice.ports import Alerts, Json, ObjectStore


def report_dataset(key: str, record: Json, *, objects: ObjectStore, alerts: Alerts) -> None:
    """Sends the alerts that follow from the terminal record of an upload: accepted, quarantined, or both."""
    project, dataset, name = record["project"], record["dataset_id"], visible(key)
    facts = {name: record[name] for name in ("dataset_id", "rows", "quarantined_rows")} | {"key": key}
    facts |= {"reasons": record["reasons"][:MAX_FACTS], "reasons_count": len(record["reasons"])}
    if corrects := record.get("corrects"):
        facts["corrects"] = corrects["dataset_id"]
    at = where(project, dataset, objects=objects)
    if record["status"] == "accepted":
        good, refused = record["rows"], record["quarantined_rows"]
        message = f"{name}: {good:,} rows accepted, {refused:,} quarantined."
        if corrects:
            message += f" They correct rows of {visible(corrects['key'])} (dataset {corrects['dataset_id']})."
        if before := record["notes"].get("accepted_before"):
            message += f" An earlier correction had accepted {before} others, which were left out."
        message += reading_told(record["notes"])
        if parts := record["notes"].get("parts"):
            message += f" The file was judged in {parts} part{'s' * (parts > 1)}."
        if twin := record["notes"].get("same_content_as"):
            message += (
                f" Its content is that of {visible(twin['key'])} (dataset {twin['dataset_id']}), so without data.key a "
                f"run learns from each of its rows twice. `sluice withdraw {project} {dataset} --reason TEXT` leaves "
                "this one out."
            )
        alerts.publish("Dataset Accepted", project, f"{project}: {good:,} rows accepted", message, facts)
        if refused:
            subject = f"{project}: {refused:,} rows quarantined"
            told = reasons_told(record["reasons"])
            alerts.publish("Dataset Quarantined", project, subject, f"{name}: {told}. {at}", facts)
    else:
        subject = f"{project}: a whole file was quarantined"
        # those of its rows; the message gives those of the file as a whole
        of_rows = [reason for reason in record["reasons"] if reason["rule"] not in OF_FILE]
        why = f" Its rows: {reasons_told(of_rows)}." if of_rows else ""
        message = f"{name}: {record['message']}. No row was accepted.{why} {at}"
        alerts.publish("Dataset Quarantined", project, subject, message, facts)
