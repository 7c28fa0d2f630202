"""The page of a run's decisions: gates with their verdicts in words, all other records, and responses to alarms."""

from __future__ import annotations

from typing import Any

from cli import decisions
from console.drawn import tree
from console.reading import next_steps
from console.reading.run import next_of, record_of
from console.source import Source
from sluice import figures
from sluice.errors import DamagedRecordError
from sluice.figures import Axis
from sluice.ports import Json
from sluice.records import gate_figures
from sluice.store.prepared_data import prepared_data
from sluice.store.run_records import evaluation_if_any

_GATE = ("metric", "rule", "outcome", "statistic", "threshold", "reason")


def read(source: Source, project: str, run_id: str) -> Json:
    """`{"gates", "others", "responses", "approval", "data", "figure"}`."""
    record = record_of(source, project, run_id)
    world = source.world
    found = source.kept.get(("decided", project, run_id), lambda: decisions.records(world, project, run_id), 0.8)
    gates = next((each for _, each in found if each.get("kind") == "gates"), None)
    # an object for each response of the project
    answers = source.kept.get(
        ("answered", project, run_id), lambda: decisions.responses(world, project, run_id, record), 10.0
    )
    approval = record.get("approval") or {}
    return {
        "project": project,
        "run_id": run_id,
        "live": not record.get("outcome"),
        "gates": _gates(gates) if gates else None,
        "figure": differences(source, project, run_id),
        "others": [_other(key, each) for key, each in found if each.get("kind") != "gates"],
        "responses": [_other(key, each) for key, each in answers],
        "approval": {
            name: approval.get(name)
            for name in ("package_arn", "requested_at", "decision", "reason", "decided_at")
            if approval.get(name)
        },
        "waits": next_steps.waits(record),
        "next": next_of(source, project, record),
        "data": prepared_data(project, run_id, objects=world.objects),
    }


def _gates(record: Json) -> Json:
    return {
        "decision": str(record.get("decision") or "?"),
        "at": str(record.get("at") or ""),
        "rows": (record.get("inputs") or {}).get("rows"),
        "reasons": [str(each) for each in record.get("reasons") or []],
        "notes": [str(each) for each in record.get("notes") or []],
        "verdicts": [_verdict(each) for each in record.get("verdicts") or []],
    }


def _verdict(verdict: Json) -> Json:
    return {
        **{name: verdict.get(name) for name in _GATE},
        "gate": gate_figures.gate_name(verdict),
        "shown": {
            "measured": gate_figures.measured(verdict),
            "compared": gate_figures.compared(verdict),
            "limit": gate_figures.limit(verdict),
        },
    }


def _other(key: str, record: Json) -> Json:
    inputs = record.get("inputs") or {}
    return {
        "name": key.rpartition("/")[2].removesuffix(".json"),
        "kind": str(record.get("kind") or "decision"),
        "decision": str(record.get("decision") or "?"),
        "at": str(record.get("at") or inputs.get("at") or ""),
        "alarm": inputs.get("alarm"),
        "purpose": record.get("purpose"),
        "reasons": [str(each) for each in record.get("reasons") or []],
        "key": key,
        "record": record,
    }


def differences(source: Source, project: str, run_id: str) -> list[Any] | None:
    """The candidate minus what serves (or the baseline) in the contract's metric, with intervals."""
    try:
        found = evaluation_if_any(project, run_id, objects=source.world.objects)
    except DamagedRecordError:
        return None
    if found is None:
        return None
    rows = []
    for who, pairs in (
        ("champion", found.paired),
        ("best so far", found.paired_anchor),
        ("baseline", found.paired_baseline),
    ):
        pair = (pairs or {}).get(found.metric)
        if pair is None or pair.difference is None or pair.low is None or pair.high is None:
            continue
        rows.append((f"minus the {who}", pair.difference, pair.low, pair.high, f"{pair.difference:+.4f}"))
    if not rows:
        return None
    ends = [0.0, *(value for row in rows for value in row[1:4])]
    what = f"{found.metric} of the candidate minus that of others"
    return tree(figures.whiskers(what, Axis.around(found.metric, ends), rows, 0.0))
