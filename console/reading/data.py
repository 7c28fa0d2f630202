"""The page of a project's data: its files with what was accepted and refused, and one file's profile and reasons."""

from __future__ import annotations

import json
from typing import Any

from cli.outcomes import described, is_of_file, next_steps
from console.drawn import page_body
from console.reading.alert_records import verdicts
from console.reading.champion import serving_run
from console.reading.stored import json_at
from console.source import Source
from sluice import keys
from sluice.errors import NotFoundError
from sluice.ports import Json

MAX_REFUSED = 40
MAX_VALUE = 300
MAX_BYTES = 8_000_000
"""How much of the refused rows is read to show the first ones."""


def read(source: Source, project: str) -> Json:
    """`{"datasets": [newest first], "refused": [...], "unread", "ignored"}`: of each file, its facts and counts.

    `unread`: files in raw/ that could not be read, of the newest there.
    """
    ledger = source.world.ledger
    datasets = source.kept.get(("datasets", project), lambda: ledger.datasets(project), 0.8)
    accepted = [
        {
            "dataset_id": each["dataset_id"],
            "key": str(each.get("key") or ""),
            "rows": each.get("rows"),
            "accepted_at": each.get("accepted_at"),
            "withdrawn_at": each.get("withdrawn_at"),
            "withdrawn_because": each.get("withdrawn_because"),
        }
        for each in reversed(datasets)
    ]
    summaries = source.kept.get(("refused", project), lambda: _summaries(source, project), 3.0)
    return {
        "project": project,
        "datasets": accepted,
        "refused": summaries,
        "unread": source.kept.get(("unread", project), lambda: _unread(source, project), 5.0),
        "rows": sum(int(each["rows"] or 0) for each in accepted if not each["withdrawn_at"]),
        "refused_rows": sum(int(each["quarantined_rows"] or 0) for each in summaries),
        "ignored": source.kept.get(("ignored", project), lambda: ledger.ignored(project), 3.0)[:200],
    }


def _summaries(source: Source, project: str) -> list[Json]:
    """The counts of each file with refused rows, newest first."""
    stored = [
        item for item in source.world.objects.list(f"quarantine/{project}/") if item.key.endswith("/summary.json")
    ]
    newest = sorted(stored, key=lambda item: (item.modified, item.key), reverse=True)[:200]
    found = []
    for item in newest:
        summary = json_at(source, item.key)
        if not isinstance(summary, dict):
            continue
        found.append(
            {
                "dataset_id": str(summary.get("dataset_id") or item.key.split("/")[2]),
                "key": str(summary.get("key") or ""),
                "status": str(summary.get("status") or ""),
                "rows": summary.get("rows"),
                "quarantined_rows": summary.get("quarantined_rows"),
                "told": _told(summary)[:1],
                "at": item.modified.isoformat(),
                "reasons": [_reason(each) for each in summary.get("reasons") or [] if not is_of_file(each)][:40],
            }
        )
    return found


def _unread(source: Source, project: str) -> list[Json]:
    return [
        {"key": item.key, "told": _told(record), "at": item.modified.isoformat()}
        for item, record in verdicts(source, project, "raw")
        if record.get("status") == "failed"
    ]


def _told(record: Any) -> list[str]:
    """The verdict in the command line's words; none of a record that is not as the intake writes it."""
    try:
        return [line.strip() for line in described(record)]
    except (AttributeError, KeyError, TypeError):
        return []


def _next(project: str, summary: Any) -> list[str]:
    """What to do about the refused rows, in the command line's words; the page has them already."""
    try:
        return [each for each in next_steps({"project": project, **summary}) if "sluice quarantine" not in each]
    except (AttributeError, KeyError, TypeError):
        return []


def dataset(source: Source, project: str, dataset_id: str) -> Json:
    """`{"profile": tree | None, "refused": [first rows], "accepted": {…} | None}`; `accepted`: its facts in the ledger.

    Raises NotFoundError for an unknown dataset.
    """
    summary = json_at(source, keys.quarantine_summary(project, dataset_id))
    report = _report(source, project, dataset_id)
    ledger = source.world.ledger
    datasets = source.kept.get(("datasets", project), lambda: ledger.datasets(project), 0.8)
    known = next((each for each in datasets if each["dataset_id"] == dataset_id), None)
    if summary is None and report is None and known is None:
        raise NotFoundError(f"nothing is stored about dataset {dataset_id!r} of {project!r}")
    return {
        "project": project,
        "dataset_id": dataset_id,
        "key": str((known or {}).get("key") or (summary or {}).get("key") or ""),
        "profile": report,
        "told": _told(summary)[:1],
        "next": _next(project, summary),
        "summary": summary if isinstance(summary, dict) else None,
        "refused": _refused(source, project, dataset_id) if isinstance(summary, dict) else [],
        "accepted": _accepted(source, project, known) if known else None,
    }


def _accepted(source: Source, project: str, known: Json) -> Json:
    """What a person wants to know before the dataset is withdrawn, or who has withdrawn it."""
    serves = serving_run(source, project)
    runs = [each["run_id"] for each in source.records(project) if known["dataset_id"] in (each.get("datasets") or [])]
    return {
        **{name: known.get(name) for name in ("rows", "accepted_at", "withdrawn_at", "withdrawn_because")},
        "runs": runs,
        "serving": serves if serves in runs else None,
    }


def _report(source: Source, project: str, dataset_id: str) -> list[Any] | None:
    try:
        document = source.world.objects.read(keys.profile_report(project, dataset_id))
    except NotFoundError:
        return None
    return page_body(document.decode("utf-8", "replace"))


def _refused(source: Source, project: str, dataset_id: str) -> list[Json]:
    """The first refused rows with their reasons."""
    rows: list[Json] = []
    rest, read = b"", 0
    try:
        for piece in source.world.objects.chunks(keys.quarantined_rows(project, dataset_id)):
            read += len(piece)
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                rows += _row(line)
            if len(rows) >= MAX_REFUSED or read >= MAX_BYTES:
                break
        else:
            rows += _row(rest)
    except NotFoundError:
        return []
    return rows[:MAX_REFUSED]


def _row(line: bytes) -> list[Json]:
    try:
        entry = json.loads(line)
        values = entry["values"]
        shown = values.items() if isinstance(values, dict) else [("", values)]
        reasons = [_reason(each) for each in entry["reasons"]]
        return [{"row": entry["row"], "reasons": reasons, "values": [[str(n), _cut(v)] for n, v in shown]}]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _cut(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}…"


def _reason(reason: Any) -> Json:
    if not isinstance(reason, dict):
        return {"rule": "", "column": None, "rows": None, "message": str(reason)}
    return {name: reason.get(name) for name in ("rule", "column", "rows", "message")}
