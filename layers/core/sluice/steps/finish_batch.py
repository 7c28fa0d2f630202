"""Batch: the answers beside the rows that they are for, the file's terminal record and the alert."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sluice import keys, names
from sluice.datasets.batch_answers import ending, join_answers, list_refused
from sluice.datasets.batch_counts import counts_of
from sluice.errors import AnswersError, InputError
from sluice.escaping import visible
from sluice.ports import Alerts, Clock, Json, Ledger, ObjectStore
from sluice.store.causes import failure_texts

_TYPES = {"csv": "text/csv", "jsonl": "application/jsonlines"}


def finish_batch(
    project: str,
    key: str,
    version_id: str,
    status: str,
    output_uri: str | None = None,
    error: Json | None = None,
    file: Json | None = None,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    clock: Clock,
) -> Json:
    """`{"status", "recorded"}`; `status` is scored | failed. A second call changes and tells nothing.

    `file` holds the counts of the file's rows, as `plan_batch` has made them; `output_uri` is the folder that the
    transform job wrote to. Raises AnswersError when the answers are not one for each row that was sent.
    """
    if status not in ("scored", "failed"):
        raise InputError(f"a batch ends as scored or failed, not as {status!r}")
    why = failure_texts(error)
    places = (
        _handed_over(project, key, version_id, output_uri, file, objects=objects) if status == "scored" and file else {}
    )
    record = {
        "status": "accepted" if status == "scored" else "failed",
        "kind": "batch",
        "project": project,
        "dataset_id": names.dataset_id(objects.bucket, key, version_id),
        "output_uri": None,
        **places,
        "reasons": why,
        "at": clock.now().isoformat(),
        **({"file": file} if file else {}),
    }
    recorded = ledger.record_arrival(objects.bucket, key, version_id, record)
    if recorded and status == "scored":
        alerts.publish(
            "Batch Finished", project, f"{project}: a batch was scored", _told(key, places, file), {"key": key}
        )
    elif recorded:
        alerts.publish(
            "Batch Failed", project, f"{project}: a batch failed", "\n".join([visible(key), *why]), {"key": key}
        )
    return {"status": status, "recorded": recorded}


def _handed_over(
    project: str, key: str, version_id: str, output_uri: str | None, file: Json, *, objects: ObjectStore
) -> Json:
    """Writes what the person gets, and says where: answers, refused rows, and the job's own output."""
    name, batch = keys.parse_arrival(key).name, names.digest(key, version_id)
    form, columns = ending(str(file["format"])), file["key_columns"]
    folder = str(output_uri).removeprefix(f"s3://{objects.bucket}/")
    target = keys.predictions(project, name)
    places = {"output_uri": f"{target}.answers.{form}", "raw_uri": f"{target}.out"}
    with tempfile.TemporaryDirectory(prefix="sluice-") as scratch:
        index, raw, out = (Path(scratch) / part for part in ("index", "raw", "out"))
        objects.download(keys.scored_rows(project, batch), index)
        objects.download(f"{folder}/{name.rpartition('/')[2]}.out", raw)
        joined = join_answers(index, raw, out, form, columns, str(file.get("score_member") or "probability"))
        if joined != file["scored_rows"]:
            raise AnswersError(f"{joined} answers came for {file['scored_rows']} rows")
        objects.upload(raw, places["raw_uri"], _TYPES[form])
        objects.upload(out, places["output_uri"], _TYPES[form])
        if file["quarantined_rows"]:
            places["refused_uri"] = f"{target}.refused.{form}"
            dataset = names.dataset_id(objects.bucket, key, version_id)
            objects.download(keys.quarantined_rows(project, dataset), index)
            list_refused(index, out, form, columns)
            objects.upload(out, places["refused_uri"], _TYPES[form])
    return {what: objects.uri(where) for what, where in places.items()}


def _told(key: str, places: Json, file: Json | None) -> str:
    lines = [f"{visible(key)} → {visible(places.get('output_uri'))}"]
    if file:
        lines.append(f"{counts_of(file)} Each answer has its row number and key beside it.")
    if places.get("refused_uri"):
        lines.append(f"Refused rows, with numbers and reasons: {visible(places['refused_uri'])}")
    return "\n".join(lines)
