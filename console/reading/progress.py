"""How far a run in progress is: the search's trials, and the canary's newest measurement."""

from __future__ import annotations

from botocore.exceptions import ClientError

from cli.text import plural
from console.reading import trials
from console.reading.run import record_of
from console.reading.stored import json_at
from console.source import Source
from sluice import keys
from sluice.ports import Json


def read(source: Source, project: str, run_id: str) -> list[str]:
    """A line for each; nothing for a run that has ended, and for what the caller may not ask."""
    if record_of(source, project, run_id).get("outcome"):
        return []
    return source.kept.get(("progress", project, run_id), lambda: _read(source, project, run_id), 2.0)


def _read(source: Source, project: str, run_id: str) -> list[str]:
    canary = json_at(source, keys.decision(project, run_id, "canary"), {})
    if looks := canary.get("looks"):
        return [_measured(looks[-1])]
    try:
        found = trials.read(source, project, run_id)
    except ClientError:
        return []
    return _searched(found) if (found["tuning"] or {}).get("status") == "InProgress" else []


def _measured(look: Json) -> str:
    """The newest measurement of the canary, in one line."""
    inputs = look.get("inputs") or {}
    counts = inputs.get("step_canary") or {}
    share = f"The new model has {inputs.get('percent')} % of the traffic"
    failed = f"{counts.get('failures', 0):,} of its {counts.get('requests', 0):,} requests failed"
    return "; ".join([share, failed, *(look.get("reasons") or [])])


def _searched(found: Json) -> list[str]:
    scored = [each for each in found["trials"] if isinstance(each["score"], int | float)]
    best = next((each for each in scored if each["name"] == found["best"]), None)
    told = f"{plural(len(scored), 'training job')} with a score"
    return [*found["progress"], f"{told}; the best so far is {best['score']:.4f}" if best else told]
