"""Writes the page about a release that has ended into the run's folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sluice import keys
from sluice.ports import Clock, ObjectStore
from sluice.records.release_plan import ReleasePlan
from sluice.reports.release import ReleaseFacts, render
from sluice.store.json_objects import stored_json
from sluice.store.run_records import evaluation_if_any

HTML = "text/html; charset=utf-8"


def write_release_report(
    project: str,
    run_id: str,
    outcome: str,
    reasons: Sequence[str],
    plan: ReleasePlan,
    *,
    objects: ObjectStore,
    clock: Clock,
) -> str:
    """The report's address. A step that is called again writes it again. Raises DamagedRecordError."""

    def record(name: str) -> dict[str, Any]:
        found = stored_json(keys.decision(project, run_id, name), objects=objects)
        return found if isinstance(found, dict) else {}

    pairs = stored_json(keys.run(project, run_id, "replay", "pairs.json"), objects=objects)
    facts = ReleaseFacts(
        project=project,
        run_id=run_id,
        outcome=outcome,
        reasons=reasons,
        at=clock.now().isoformat(timespec="seconds"),
        plan=plan,
        evaluation=evaluation_if_any(project, run_id, objects=objects),
        canary=record("canary"),
        bandit=record("bandit"),
        replay=record("replay"),
        verification=record("verification-promotion" if outcome == "promoted" else "verification-rollback"),
        pairs=pairs if isinstance(pairs, list) else [],
    )
    key = keys.release_report(project, run_id)
    objects.write(key, render(facts).encode(), HTML)
    return objects.uri(key)
