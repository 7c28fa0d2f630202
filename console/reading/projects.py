"""The first page: every project with what serves, what runs, what waits and what was reported last."""

from __future__ import annotations

from typing import Any

from cli.outcomes import misplaced_lines
from console.reading.champion import champion_of
from console.reading.monitor import few_rows, held_for_you
from console.reading.next_steps import waits
from console.reading.run import summary
from console.reading.stored import json_at
from console.source import Source
from sluice import keys
from sluice.ports import Json


def where(source: Source) -> Json:
    """What every page's head says: the account or local cloud, and the stack."""
    return {"where": f"{source.connection.target}, stack {source.stack}"}


def read(source: Source) -> Json:
    """`{"projects", "not_read"}`."""
    ledger = source.world.ledger
    names = source.kept.get("projects", ledger.projects, 0.8)
    return {
        "projects": [_project(source, name) for name in names],
        "not_read": source.kept.get("misplaced", lambda: misplaced_lines(source.world), 5.0),
    }


def _project(source: Source, project: str) -> Json:
    runs = source.kept.get(("runs", project), lambda: source.world.ledger.runs(project), 0.8)
    newest = runs[0] if runs else None
    return {
        "project": project,
        "champion": champion_of(source, project),
        "runs": len(runs),
        "newest": _brief(newest),
        "running": [record["run_id"] for record in runs if not record.get("outcome")][:5],
        "held": len(held_for_you(source, project)),
        "waiting": [_brief(record) for record in runs[:50] if waits(record)],
        "measured": source.kept.get(("measured", project), lambda: _measured(source, project), 3.0),
    }


def _brief(record: Json | None) -> Json | None:
    if record is None:
        return None
    told = summary(record)
    kept = ("run_id", "started_at", "ended_at", "trigger", "shown", "because", "outcome")
    return {name: told[name] for name in kept if told.get(name) is not None}


def _measured(source: Source, project: str) -> Json | None:
    """The monitor's last decision and its reasons."""
    report: Any = json_at(source, keys.monitor(project, "latest.json"))
    if not isinstance(report, dict):
        return None
    reasons = [str(each) for each in report.get("reasons") or []][:3]
    return {
        "decision": str(report.get("decision") or "?"),
        "few_rows": few_rows(report),
        "at": str(report.get("at") or ""),
        "reasons": reasons,
    }
