"""Decision records in words: gates, replays, canary measurements, bandits, approvals, responses to alarms."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from cli.text import duration, indent, moment, number, plural, table
from sluice import keys
from sluice.bootstrap import World
from sluice.escaping import visible
from sluice.ports import Json
from sluice.records import gate_figures
from sluice.records.words import in_words

_CAUSES = ("drift", "quality", "schedule", "volume")
_MARKS = {"pass": "✓", "fail": "✗", "inconclusive": "?"}


def records(world: World, project: str, run_id: str) -> list[tuple[str, Json]]:
    """(key, record) of every decision of the run, as `at` orders them."""
    stored = world.objects.list(keys.run(project, run_id, "decisions/"))
    found = [(item.key, json.loads(world.objects.read(item.key))) for item in stored]
    return sorted(found, key=lambda pair: str(pair[1].get("at", "")))


def responses(world: World, project: str, run_id: str, record: Json) -> list[tuple[str, Json]]:
    """Answers to alarms that concern the run: those to its release or to its model, and the one that started it."""
    found = []
    for item in world.objects.list(keys.monitor(project, "responses/")):
        response = json.loads(world.objects.read(item.key))
        inputs = response.get("inputs") or {}
        if run_id in (response.get("run_id"), inputs.get("champion")):
            found.append((item.key, response))
    started = str(record.get("started_at", ""))
    if record.get("trigger") in _CAUSES:
        causes = [pair for pair in _retrainings(world, project, str(record["trigger"])) if _at(pair) <= started]
        found += [pair for pair in causes[-1:] if pair not in found]
    return sorted(found, key=_at)


def run_started_by(response: Json, records: Iterable[Json]) -> str | None:
    """The run that a response to an alarm asked for: the first of its trigger after it. `records`: newest first."""
    if response.get("decision") != "retrain":
        return None
    cause, at = _cause(("", response)), _at(("", response))
    after = [
        each["run_id"] for each in records if each.get("trigger") == cause and str(each.get("started_at", "")) >= at
    ]
    return after[-1] if after else None


def _retrainings(world: World, project: str, kind: str) -> list[tuple[str, Json]]:
    stored = world.objects.list(keys.monitor(project, "responses/"))
    found = [(item.key, json.loads(world.objects.read(item.key))) for item in stored]
    return sorted((pair for pair in found if pair[1].get("decision") == "retrain" and _cause(pair) == kind), key=_at)


def _cause(pair: tuple[str, Json]) -> str:
    """The trigger of the run that a response started."""
    inputs = pair[1].get("inputs") or {}
    if "schedule" in inputs:
        return "schedule"
    # an alarm's own name when it goes into ALARM, its kind while it lasts
    kind = str(inputs.get("alarm")).rpartition("/")[2]
    return "drift" if kind == "accept-drift" else kind


def _at(pair: tuple[str, Json]) -> str:
    return str((pair[1].get("inputs") or {}).get("at", ""))


def head(project: str, record: Json) -> str:
    """The facts of the run itself."""
    took = duration(record.get("started_at"), record.get("ended_at"))
    datasets = record.get("datasets") or []
    lines = [
        f"{record['run_id']} of {project}: {record.get('outcome') or record.get('status')}",
        f"  started   {moment(record.get('started_at'))} UTC by {record.get('trigger')}"
        + (f": {record['reason']}" if record.get("reason") else ""),
        f"  took      {took}",
        f"  data      {plural(len(datasets), 'dataset')}: {', '.join(datasets)}",
        f"  contract  version {record.get('contract_version')}",
    ]
    if record.get("approval"):
        lines.append(f"  approval  {approval(record['approval'])}")
    if record.get("artifact_sha256"):
        lines.append(f"  model     {record.get('artifact_uri')} (digest of its files {record['artifact_sha256']})")
    error = record.get("error")
    if error:
        lines.append(f"  failed at {error.get('state')}: {error.get('error')}: {error.get('cause')}")
    if record.get("rollback_verified") is not None:
        verified = "verified by a live request" if record["rollback_verified"] else "NOT VERIFIED: check the endpoint"
        lines.append(f"  rollback  {verified}")
    return "\n".join(lines)


def data(facts: Json) -> str:
    """What the cleaning job did to the accepted rows."""
    parts = ", ".join(f"{count:,} {part}" for part, count in (facts.get("rows") or {}).items())
    lines = [f"Data: {facts.get('rows_read') or 0:,} accepted rows read; {parts}"]
    lines += [f"  - {visible(loss['text'])}" for loss in facts.get("losses") or []]
    if facts.get("losses_more"):
        lines.append(f"  … and {facts['losses_more']} more in prepared/manifest.json")
    return "\n".join(lines)


def gates(record: Json) -> str:
    rows = [
        (
            _MARKS.get(verdict["outcome"], verdict["outcome"]),
            gate_figures.gate_name(verdict),
            gate_figures.measured(verdict),
            gate_figures.compared(verdict),
            gate_figures.limit(verdict),
            verdict["reason"],
        )
        for verdict in record.get("verdicts", [])
    ]
    measured = (record.get("inputs") or {}).get("rows")
    title = f"Gates: {record['decision']}" + (f", on {measured} held-out rows" if measured else "")
    body = (
        table(("", "gate", "measured [interval]", "compared", "has to be", "reason"), rows)
        if rows
        else _listed(record["reasons"])
    )
    notes = "".join(f"\n{indent(visible(note))}" for note in record.get("notes") or [])
    return f"{title}\n{indent(body)}{notes}"


def canary(record: Json) -> str:
    """One line for consecutive measurements at a step with the same decision."""
    looks = record.get("looks", [])
    lines = [f"Canary: {record.get('decision')} after {plural(len(looks), 'measurement')}"]
    rows = []
    for (step, decision), stretch in groupby(looks, key=lambda look: (look["step_index"], look["decision"])):
        same = list(stretch)
        last = same[-1]
        inputs, statistic = last["inputs"], last.get("statistic") or {}
        own, control = inputs["step_canary"], inputs["step_control"]
        rows.append(
            (
                f"{step}: {inputs['percent']} %",
                len(same),
                f"{own['failures']}/{own['requests']}",
                f"{control['failures']}/{control['requests']}",
                number(inputs.get("tail_ms")),
                number(max((statistic.get("log_e") or {"": None}).values(), default=None)),
                decision,
            )
        )
    header = ("step", "measured", "canary failed", "control failed", "tail ms", "max ln E", "decision")
    if rows:
        lines.append(indent(table(header, rows)))
        limit = (looks[-1].get("statistic") or {}).get("log_limit")
        lines.append(f"  aborts at ln E ≥ {number(limit)}")
    lines.append(indent(_listed(record.get("reasons") or [])))
    return "\n".join(lines)


def replay(record: Json) -> str:
    """Pairs of answers to the same captured requests."""
    statistic, inputs = record.get("statistic") or {}, record.get("inputs") or {}
    result = record.get("result") or record.get("decision")
    lines = [f"Replay: {result} after {plural(inputs.get('requests', 0), 'captured request')}"]
    evidence = statistic.get("log_e") or {}
    both = statistic.get("discordant") or {}
    rows = [
        (name, (both.get(name) or {}).get("worse", ""), (both.get(name) or {}).get("better", ""), number(value))
        for name, value in evidence.items()
    ]
    if rows:
        lines.append(indent(table(("test", "new model alone", "champion alone", "ln E"), rows)))
        lines.append(f"  aborts at ln E ≥ {number(statistic.get('log_limit'))}")
    lines.append(indent(_listed(record.get("reasons") or [])))
    return "\n".join(lines)


def bandit(record: Json) -> str:
    """One line for each choice of shares."""
    steps = record.get("steps", [])
    lines = [f"Bandit: {record.get('decision')} after {plural(len(steps), 'step')}"]
    rows = []
    for number_of, step in enumerate(steps):
        rewards, posterior, evidence = step["rewards"], step["posterior"], step["evidence"]
        rows.append(
            (
                number_of,
                f"{step['actions']['challenger']:.0%}",
                *(f"{rewards[who]['successes']}/{rewards[who]['trials']}" for who in ("challenger", "control")),
                f"{posterior['challenger_best']:.1%}",
                number(evidence["log_e"]["better"]),
                number(evidence["log_e"]["worse"]),
                step["decision"],
            )
        )
    header = ("step", "share", "new model", "champion", "P(new is best)", "ln E better", "ln E worse", "decision")
    if rows:
        lines.append(indent(table(header, rows)))
        lines.append(f"  ends at ln E ≥ {number(steps[-1]['evidence']['log_limit'])}")
    lines.append(indent(_listed(record.get("reasons") or [])))
    return "\n".join(lines)


def response(record: Json) -> str:
    inputs = record.get("inputs") or {}
    asked = inputs.get("alarm") or ("the schedule" if "schedule" in inputs else "nothing that is recorded")
    title = f"Response to {asked} at {moment(inputs.get('at'))} UTC: {record.get('decision')}"
    return f"{title}\n{indent(_listed(record.get('reasons') or []))}"


def approval(record: Json) -> str:
    if record.get("decision"):
        reason = f": {record['reason']}" if record.get("reason") else ""
        asked, decided = record.get("requested_at"), record.get("decided_at")
        waited = f", after {duration(asked, decided)}" if asked and decided else ""
        return f"{in_words(record['decision'])} at {moment(decided)} UTC{waited}{reason}"
    return f"pending since {moment(record.get('requested_at'))} UTC"


def verification(record: Json) -> str:
    """What was found when the endpoint was looked at and asked after a change."""
    what = f"Verification of the {record.get('purpose', 'endpoint')} at {moment(record.get('at'))} UTC"
    return f"{what}: {record.get('decision')}\n{indent(_listed(record.get('reasons') or []))}"


def other(record: Json) -> str:
    """A kind of record that this command does not know: all of it."""
    title = f"{record.get('kind', 'decision')}: {record.get('decision')}"
    rest = {key: value for key, value in record.items() if key not in ("kind", "decision", "project", "run_id")}
    return f"{title}\n{indent(json.dumps(rest, indent=1, ensure_ascii=False))}"


SHOWN: dict[str, Callable[[Json], str]] = {
    "gates": gates,
    "replay": replay,
    "canary": canary,
    "bandit": bandit,
    "verification": verification,
    "response": response,
}


def shown(record: Json) -> str:
    return SHOWN.get(str(record.get("kind")), other)(record)


def _listed(reasons: Iterable[Any]) -> str:
    return "\n".join(f"- {visible(reason)}" for reason in reasons) or "- no reason was recorded"
