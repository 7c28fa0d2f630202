"""The page of a release as it happens: shares of the traffic, failures, the evidence against its line, the replay."""

from __future__ import annotations

from typing import Any

from console.drawn import page_body, tree
from console.reading.champion import endpoint_of
from console.reading.executions import executions_of, newest_first
from console.reading.run import record_of, summary
from console.reading.state import read_json
from console.reading.stored import json_at
from console.source import Source
from sluice import keys
from sluice.errors import NotFoundError
from sluice.page import Safe
from sluice.ports import Json
from sluice.reports import release_course as course


def read(source: Source, project: str, run_id: str) -> Json:
    """`{"plan", "endpoint", "canary", "replay", "bandit", "page", "live"}`, each None before it begins."""
    record = record_of(source, project, run_id)
    live = not record.get("outcome")
    canary = json_at(source, keys.decision(project, run_id, "canary"))
    bandit = json_at(source, keys.decision(project, run_id, "bandit"))
    return {
        "project": project,
        "run_id": run_id,
        "live": live,
        "run": summary(record),
        "plan": source.kept.get(("plan", project, run_id), lambda: _plan(source, project, record), 2.0 if live else 60),
        "endpoint": source.kept.get(("endpoint", project), lambda: endpoint_of(source, project), 0.5),
        "canary": canary_of(canary) if canary else None,
        "bandit": bandit_of(bandit) if bandit else None,
        "replay": _replay(source, project, run_id),
        "abort_requested": record.get("abort_requested"),
        "page": None
        if live
        else source.kept.get(("release page", project, run_id), lambda: _page(source, project, run_id), 60),
    }


def _page(source: Source, project: str, run_id: str) -> list[Any] | None:
    """The release's report; None where the run has none."""
    try:
        return page_body(source.world.objects.read(keys.release_report(project, run_id)).decode("utf-8", "replace"))
    except NotFoundError:
        return None


def _plan(source: Source, project: str, record: Json) -> Json | None:
    """Mode and steps, as the release machine was answered them."""
    machine = next((each for each in executions_of(source, project, record) if each.machine == "ReleaseModel"), None)
    if machine is None:
        return None
    for event in reversed(list(newest_first(source, machine.arn, data=True))[-60:]):
        told = event.get("stateExitedEventDetails") or {}
        if told.get("name") == "Plan Release":
            answer = read_json(told.get("output"))
            plan = answer.get("Payload") if isinstance(answer, dict) else None
            if isinstance(plan, dict):
                kept = ("mode", "strategy", "variant", "champion_variant", "champion_run", "endpoint", "bake_seconds")
                return {
                    **{name: plan.get(name) for name in kept},
                    "weights": [step.get("percent") for step in plan.get("weights") or [] if isinstance(step, dict)],
                }
    return None


def canary_of(record: Json) -> Json:
    """The judge's measurements: the newest in figures, all of them as plots."""
    looks = [each for each in record.get("looks") or [] if isinstance(each, dict)]
    newest = looks[-1] if looks else None
    return {
        "decision": str(record.get("decision") or "?"),
        "reasons": [str(each) for each in record.get("reasons") or []],
        "inconclusive": bool(record.get("inconclusive")),
        "measurements": len(looks),
        "newest": _newest(newest) if newest else None,
        "steps": course.steps(looks),
        "evidence": _drawn(course.evidence(looks)),
        "traffic": _drawn(course.traffic(looks)),
    }


def _newest(look: Json) -> Json:
    inputs, statistic = look.get("inputs") or {}, look.get("statistic") or {}
    limit = statistic.get("log_limit")
    return {
        "at": look.get("at"),
        "percent": inputs.get("percent"),
        "decision": look.get("decision"),
        "reasons": look.get("reasons") or [],
        "canary": inputs.get("step_canary") or {},
        "control": inputs.get("step_control") or {},
        "tail_ms": inputs.get("tail_ms"),
        "evidence": {name: value for name, value in (statistic.get("log_e") or {}).items() if value is not None},
        "limit": limit,
        "alarms": inputs.get("alarms") or {},
    }


def bandit_of(record: Json) -> Json:
    """The choices of shares, and what they rest on."""
    return {
        "decision": str(record.get("decision") or "?"),
        "reasons": [str(each) for each in record.get("reasons") or []],
        "steps": course.bandit_steps(record),
    }


def _replay(source: Source, project: str, run_id: str) -> Json | None:
    record = json_at(source, keys.decision(project, run_id, "replay"))
    if not isinstance(record, dict):
        return None
    pairs = source.kept.get(
        ("pairs", project, run_id), lambda: json_at(source, keys.run(project, run_id, "replay", "pairs.json"), []), 3.0
    )
    statistic = record.get("statistic") or {}
    return {
        "decision": str(record.get("result") or record.get("decision") or "?"),
        "reasons": [str(each) for each in record.get("reasons") or []],
        "requests": (record.get("inputs") or {}).get("requests"),
        "source": record.get("source"),
        "log_e": statistic.get("log_e") or {},
        "limit": statistic.get("log_limit"),
        "discordant": statistic.get("discordant") or {},
        **_pairs(pairs if isinstance(pairs, list) else []),
    }


def _pairs(pairs: list[Json]) -> Json:
    told = course.pairs_of(pairs)
    return told | {"figure": _drawn(told["figure"])}


def _drawn(figure: Safe | None) -> list[Any] | None:
    return tree(figure) if figure else None
