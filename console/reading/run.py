"""The page of a run: its facts, and its machines as graphs with what became of each state."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from cli.commands.runs import explanation, outcome
from cli.state_sentences import sentence
from cli.watching import findings
from cli.watching.digest import proposed_gate
from console import graph
from console.reading import next_steps
from console.reading.champion import serving_run
from console.reading.executions import Execution, History, definition_of, executions_of, history_of
from console.reading.stored import json_at
from console.source import Source
from sluice import keys
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.ports import Json
from sluice.store.run_records import evaluation_if_any

TITLES = {
    "Lifecycle": "The run",
    "PrepareData": "Prepare data",
    "BuildModel": "Build model",
    "ReleaseModel": "Release model",
}
NO_PROMOTION = frozenset({"Model Rolled Back", "Model Not Approved", "Candidate Rejected", "Nothing To Roll Back To"})
"""Ends at which a machine succeeds although no model was promoted: drawn in another colour than other ends."""
SUMMARY = (
    *("run_id", "trigger", "reason", "status", "started_at", "ended_at", "outcome", "datasets", "contract_version"),
    *("artifact_uri", "artifact_sha256", "package_arn", "error", "champion", "suspected_leaks", "reasons", "release"),
    *("gates", "canary", "replay", "bandit", "rollback_verified", "rolled_back", "overcome", "warm_start_refused"),
)
"""Members of a run's record that pages show; a task token stays where it is."""


def read(source: Source, project: str, run_id: str) -> Json:
    """Raises NotFoundError when there is no such run."""
    record = record_of(source, project, run_id)
    found = executions_of(source, project, record)
    machines = [_machine(source, each) for each in found]
    return {
        "project": project,
        "run": summary(record),
        "live": not record.get("outcome"),
        "machines": machines,
        "now": _now(machines),
        "waits": next_steps.waits(record),
        "next": _next(source, project, record, machines),
        "pages": source.kept.get(
            ("pages", project, run_id),
            lambda: _pages(source, project, run_id),
            2.0 if not record.get("outcome") else 20,
        ),
    }


def record_of(source: Source, project: str, run_id: str) -> Json:
    """The run's record. Raises NotFoundError."""
    record = source.kept.get(("run", project, run_id), lambda: source.world.ledger.run(project, run_id), 0.3)
    if record is None:
        raise NotFoundError(f"project {project!r} has no run {run_id!r}")
    return record


def summary(record: Json) -> Json:
    """What is shown of a run's record, in the command line's own words."""
    found = {name: record[name] for name in SUMMARY if record.get(name) is not None}
    return found | {"shown": outcome(record), "because": explanation(record)}


def _machine(source: Source, execution: Execution) -> Json:
    known = definition_of(source, execution)
    history = history_of(source, execution)
    name = execution.machine
    drawn = source.kept.get(("graph", execution.arn, known["from"]), lambda: graph.laid_out(known["definition"]), 600)
    states = _states(name, drawn, history)
    ends = [node["name"] for node in drawn["nodes"] if node["type"] == "Succeed" and states[node["name"]].get("status")]
    return {
        "machine": name,
        "title": TITLES.get(name, name),
        "arn": execution.arn,
        "started_by": execution.started_by,
        "from": known["from"],
        "status": history.status or "NOT_STARTED",
        "end": ends[-1] if ends and history.status == "SUCCEEDED" else None,
        "promoted": not NO_PROMOTION.intersection(ends),
        "started": history.started,
        "ended": history.ended,
        "error": history.error,
        "cause": history.cause,
        "graph": drawn,
        "taken": sorted(history.taken),
        "states": states,
    }


def _states(machine: str, drawn: Json, history: History) -> dict[str, Json]:
    """Each state by its name; a state that was not entered has no status."""
    found = {}
    for node in drawn["nodes"]:
        state = history.states.get(node["name"])
        words = sentence(machine, node["name"]).removesuffix(f" ({machine}.{node['name']})")
        found[node["name"]] = {
            "words": "" if words == f"{machine}.{node['name']}" else words,
            **(state.plain() if state else {}),
            **({"status": "otherwise"} if state and node["name"] in NO_PROMOTION else {}),
        }
    return found


def _next(source: Source, project: str, record: Json, machines: list[Json]) -> Json | None:
    """What to do next; of a failed run first the state that failed, whose error and log a person needs."""
    found = next_of(source, project, record)
    failed = str((record.get("error") or {}).get("state") or "")
    machine = next((each["machine"] for each in reversed(machines) if failed in each["states"]), None)
    if found and machine and record.get("outcome") == "failed":
        place = urlencode({"machine": machine, "state": failed})
        found["pages"].insert(0, ["The state that failed", f"?{place}"])
    return found


def next_of(source: Source, project: str, record: Json) -> Json | None:
    """What to do about a run as it stands."""
    serves = serving_run(source, project)
    gate = ""
    if record.get("outcome") == "promoted" and serves == record["run_id"]:
        gate = source.kept.get(("gate", record["run_id"]), lambda: _proposed(source, project, record["run_id"]), 3_600)
    return next_steps.of_run(project, record, serves, gate)


def _proposed(source: Source, project: str, run_id: str) -> str:
    """The gate that `sluice watch` proposes after a first promotion; "" where it proposes none."""
    try:
        found = evaluation_if_any(project, run_id, objects=source.world.objects)
    except DamagedRecordError:
        return ""
    verdicts = json_at(source, keys.decision(project, run_id, "gates"), {}).get("verdicts") or []
    return proposed_gate(findings.evaluation(found).facts, verdicts) if found else ""


def _now(machines: list[Json]) -> list[str]:
    """What happens at this moment, a sentence for each innermost state that runs."""
    told = []
    started = {each["started_by"] for each in machines if each["status"] == "RUNNING"}
    for machine in machines:
        if machine["status"] != "RUNNING":
            continue
        for name, state in machine["states"].items():
            if state.get("status") == "running" and name not in started:
                told.append(state["words"] or name)
    return told


def _pages(source: Source, project: str, run_id: str) -> Json:
    """Which of the run's pages have something to show."""
    stored = {item.key.removeprefix(keys.run(project, run_id)) for item in _listed(source, project, run_id)}
    decided = sorted(key.removeprefix("decisions/")[:-5] for key in stored if key.startswith("decisions/"))
    return {
        "evaluation": "evaluation/evaluation.json" in stored,
        "release": any(name in decided for name in ("replay", "canary", "bandit")),
        "decisions": decided,
    }


def _listed(source: Source, project: str, run_id: str) -> list[Any]:
    objects = source.world.objects
    return [item for part in ("decisions/", "evaluation/") for item in objects.list(keys.run(project, run_id, part))]
