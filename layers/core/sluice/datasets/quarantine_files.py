"""What lies in quarantine/ of a file with refused rows: the rows, their summary, and a page for people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from sluice import keys
from sluice.intake.refused_report import render
from sluice.ports import Json, ObjectStore


def write_quarantine(rows: Path, summary: Json, *, objects: ObjectStore) -> None:
    """`rows`: rows.jsonl; `summary` names `project` and `dataset_id`, whose folder it is."""
    objects.upload(rows, keys.quarantined_rows(summary["project"], summary["dataset_id"]), "application/jsonl")
    with rows.open(encoding="utf-8") as lines:
        write_summary(summary, lines, objects=objects)


def write_summary(summary: Json, lines: Iterable[str], *, objects: ObjectStore) -> None:
    """What stands beside the rows, of which the first `lines` are shown."""
    project, dataset = summary["project"], summary["dataset_id"]
    body = json.dumps(summary, indent=1, ensure_ascii=False).encode()
    objects.write(keys.quarantine_summary(project, dataset), body, "application/json")
    page = render(summary, lines, _next_steps(summary))
    objects.write(keys.quarantine_report(project, dataset), page.encode(), "text/html; charset=utf-8")


def where(project: str, dataset: str, *, objects: ObjectStore) -> str:
    """For an alert: where the page and the rows are."""
    report, rows = keys.quarantine_report(project, dataset), keys.quarantined_rows(project, dataset)
    return f"Report: {objects.uri(report)}. Rows and reasons: {objects.uri(rows)}"


def _next_steps(summary: Json) -> list[str]:
    project, dataset = summary["project"], summary["dataset_id"]
    write = f"sluice quarantine {project} {dataset} --output refused.csv writes the refused rows for a spreadsheet."
    kind = summary.get("kind")
    if kind in ("labels", "batch"):
        command = "label" if kind == "labels" else "batch"
        return [write, f"Correct the file, and send it again: sluice {command} {project} FILE."]
    if summary.get("status") == "quarantined" and "corrects" not in summary:
        again = f"sluice redrive {project} FILE --dataset {dataset}"
        return [write, f"No row was accepted. Correct the whole file, and send it again: {again}."]
    return [write, f"Correct them there, and send them back: sluice redrive {project} refused.csv."]
