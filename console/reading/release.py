"""The page of a release as it happens: shares of the traffic, failures, the evidence against its line, the replay."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from console.drawn import tree
from console.reading.champion import endpoint_of
from console.reading.executions import executions_of, newest_first
from console.reading.run import record_of, summary
from console.reading.state import read_json
from console.reading.stored import json_at
from console.source import Source
from sluice import figures, keys
from sluice.figures import Axis, Line
from sluice.ports import Json

PAIRS_SHOWN = 60
_TESTS = ("failures", "latency", "scores", "split", "error_rate", "better", "worse")


def read(source: Source, project: str, run_id: str) -> Json:
    """`{"plan", "endpoint", "canary", "replay", "bandit", "live"}`, each None before it begins."""
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
    }


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
        "steps": _steps(looks),
        "evidence": evidence(looks),
        "traffic": traffic(looks),
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


def _steps(looks: Sequence[Json]) -> list[Json]:
    """One row for each step of traffic."""
    found: dict[int, Json] = {}
    for look in looks:
        inputs = look.get("inputs") or {}
        step = found.setdefault(int(look.get("step_index") or 0), {"measured": 0})
        step["measured"] += 1
        step |= {
            "percent": inputs.get("percent"),
            "canary": inputs.get("step_canary") or {},
            "control": inputs.get("step_control") or {},
            "tail_ms": inputs.get("tail_ms"),
            "decision": look.get("decision"),
            "log_e": max(_evidence(look).values(), default=None),
        }
    return [found[index] for index in sorted(found)]


def evidence(looks: Sequence[Json]) -> list[Any] | None:
    """ln E of each test over time, against the line at which the canary is aborted."""
    times = _minutes(looks)
    limits = [
        limit for look in looks if isinstance(limit := (look.get("statistic") or {}).get("log_limit"), int | float)
    ]
    names = [name for name in _TESTS if any(name in _evidence(look) for look in looks)]
    if len(times) < 2 or not names or not limits:
        return None
    series = []
    for place, name in enumerate(names):
        points = [(at, _evidence(look)[name]) for at, look in zip(times, looks, strict=True) if name in _evidence(look)]
        series.append(Line(name, [x for x, _ in points], [y for _, y in points], "" if not place else "thin", place))
    limit = limits[-1]
    values = [*(value for line in series for value in line.ys), limit, 0.0]
    x, y = (
        Axis("minutes", 0.0, max(times[-1], 0.1)),
        Axis.around("evidence against it (ln E)", [min(values), max(values) * 1.08]),
    )
    drawn = figures.lines(f"evidence; aborts at {limit:.3g}", x, y, series, level=limit)
    return tree(drawn + figures.key(names))


def traffic(looks: Sequence[Json]) -> list[Any] | None:
    """The new model's share of the traffic over time, in percent."""
    times = _minutes(looks)
    shares = [float((look.get("inputs") or {}).get("percent") or 0) for look in looks]
    if len(times) < 2:
        return None
    xs: list[float] = []
    ys: list[float] = []
    for at, share in zip(times, shares, strict=True):
        if ys and ys[-1] != share:
            xs.append(at)
            ys.append(ys[-1])
        xs.append(at)
        ys.append(share)
    x, y = Axis("minutes", 0.0, max(times[-1], 0.1)), Axis("share of the requests in %", 0.0, 100.0)
    return tree(figures.lines("share of the traffic", x, y, [Line("new model", xs, ys)]))


def bandit_of(record: Json) -> Json:
    """The choices of shares, and what they rest on."""
    steps = [each for each in record.get("steps") or [] if isinstance(each, dict)]
    rows = [
        {
            "share": (step.get("actions") or {}).get("challenger"),
            "rewards": step.get("rewards") or {},
            "best": (step.get("posterior") or {}).get("challenger_best"),
            "log_e": (step.get("evidence") or {}).get("log_e") or {},
            "limit": (step.get("evidence") or {}).get("log_limit"),
            "decision": step.get("decision"),
        }
        for step in steps
    ]
    return {
        "decision": str(record.get("decision") or "?"),
        "reasons": [str(each) for each in record.get("reasons") or []],
        "steps": rows,
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
        "decision": str(record.get("decision") or "?"),
        "reasons": [str(each) for each in record.get("reasons") or []],
        "requests": (record.get("inputs") or {}).get("requests"),
        "source": record.get("source"),
        "log_e": statistic.get("log_e") or {},
        "limit": statistic.get("log_limit"),
        "discordant": statistic.get("discordant") or {},
        **pairs_of(pairs if isinstance(pairs, list) else []),
    }


def pairs_of(pairs: Sequence[Json]) -> Json:
    """Both models' answers to the same requests: counts, a plot of the scores, and those that differ most."""
    told = [_pair(number, each) for number, each in enumerate(pairs, 1) if isinstance(each, dict)]
    apart = sorted(told, key=lambda each: (each["same"], -(each["apart"] or 0.0), each["number"]))
    statuses = Counter(f"{each['champion']['status']} / {each['challenger']['status']}" for each in told)
    return {
        "pairs": apart[:PAIRS_SHOWN],
        "pairs_in_all": len(told),
        "disagree": sum(not each["same"] for each in told),
        "statuses": dict(statuses.most_common(8)),
        "figure": _scores(told),
    }


def _pair(number: int, pair: Json) -> Json:
    both = {who: _answer(pair.get(who) or {}) for who in ("champion", "challenger")}
    scores = [each["score"] for each in both.values()]
    known = all(isinstance(score, int | float) for score in scores)
    return {
        "number": number,
        **both,
        "same": both["champion"]["label"] == both["challenger"]["label"]
        and both["champion"]["status"] == both["challenger"]["status"],
        "apart": abs(scores[0] - scores[1]) if known else None,
    }


def _answer(stored: Json) -> Json:
    labels, scores = stored.get("labels") or [], stored.get("scores") or []
    return {
        "status": stored.get("status"),
        "label": " ".join(map(str, labels)) or None,
        "score": scores[0] if scores and isinstance(scores[0], int | float) else None,
        "ms": stored.get("milliseconds"),
    }


def _scores(told: Sequence[Json]) -> list[Any] | None:
    known = [each for each in told if each["apart"] is not None]
    if len(known) < 3:
        return None
    xs = [float(each["champion"]["score"]) for each in known]
    ys = [float(each["challenger"]["score"]) for each in known]
    both = [*xs, *ys]
    ends = [0.0, 1.0] if min(both) >= 0 and max(both) <= 1 else both
    x, y = Axis.around("champion's answer", ends), Axis.around("new model's answer", ends)
    return tree(figures.lines("answers of both models", x, y, [Line("pairs", xs, ys, "dots")], diagonal=True))


def _evidence(look: Json) -> dict[str, float]:
    found = (look.get("statistic") or {}).get("log_e") or {}
    return {str(name): float(value) for name, value in found.items() if isinstance(value, int | float)}


def _minutes(looks: Sequence[Json]) -> list[float]:
    try:
        at = [datetime.fromisoformat(str(look.get("at"))) for look in looks]
    except ValueError:
        return []
    return [(each - at[0]).total_seconds() / 60 for each in at] if at else []
