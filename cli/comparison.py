"""Two runs side by side: metrics with intervals, settings, data, contract, gates. Pure: records in, facts out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cli.text import indent, number, plural, table
from sluice.escaping import visible
from sluice.model.shortening import listed
from sluice.ports import Json
from sluice.records import gate_figures
from sluice.records.evaluation import Evaluation

_SIDES = ("a", "b")
_HIDDEN = ("leakage", "exploration", "similar_values", "learning_curve", "validation", "trials", "search")
"""Members of model.json's `training` that describe the data or the search, not how the model was made."""
_SHOWN = 40


@dataclass(frozen=True)
class Side:
    """What is known of one run. `model`: model.json, or why it cannot be read; `gates`: the decision record."""

    record: Json
    contract: Json = field(default_factory=dict)
    evaluation: Evaluation | None = None
    model: Mapping[str, Any] | str = ""
    gates: Json = field(default_factory=dict)
    prepared: Json = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        return str(self.record["run_id"])


def compared(project: str, a: Side, b: Side) -> Json:
    """The whole comparison, in the shape of the command's JSON."""
    return {
        "project": project,
        "runs": [_run(side) for side in (a, b)],
        "metrics": _metrics(a, b),
        "paired": _paired(a, b),
        "settings": differences(_settings(a), _settings(b)),
        "data": _data(a, b),
        "contract": differences(a.contract, b.contract),
        "gates": _gates(a, b),
        "not_read": [f"{side.run_id}: {side.model}" for side in (a, b) if isinstance(side.model, str) and side.model],
    }


def differences(a: Any, b: Any) -> list[Json]:
    """The keys, with dots, whose values differ; a value that is not there is null, of lists the items that differ.

    >>> differences({"x": {"y": 1, "z": 2}}, {"x": {"y": 3, "z": 2}})
    [{'key': 'x.y', 'a': 1, 'b': 3}]
    """
    one, other = _flat(a), _flat(b)
    keys = sorted(one.keys() | other.keys())
    return [
        {"key": key, "a": _without(one.get(key), other.get(key)), "b": _without(other.get(key), one.get(key))}
        for key in keys
        if one.get(key) != other.get(key)
    ]


def _without(mine: Any, other: Any) -> Any:
    """Reduces a list of objects, such as gates, to those that the other list lacks, without their empty members."""
    if not (isinstance(mine, list) and isinstance(other, list) and all(isinstance(each, Mapping) for each in mine)):
        return mine
    return [{name: value for name, value in each.items() if value is not None} for each in mine if each not in other]


def told(found: Json) -> str:
    """The comparison in words and tables."""
    a, b = found["runs"]
    rows = [(name, a[name], b[name]) for name in ("outcome", "started_at", "trigger", "model", "rows", "contract")]
    parts = [table(("", a["run"], b["run"]), rows)]
    if found["metrics"]:
        lines = [
            (each["metric"], *(_with_interval(each[side]) for side in _SIDES), number(each["difference"]))
            for each in found["metrics"]
        ]
        parts.append(
            "Metrics, each on its own run's held-out rows, with their intervals\n"
            + indent(table(("metric", a["run"], b["run"], "b − a"), lines))
        )
    for each in found["paired"]:
        parts.append(
            f"On the same rows ({each['of']} − {each['against']}): {each['metric']} {number(each['difference'])} "
            f"[{number(each['low'])}, {number(each['high'])}]"
        )
    data = found["data"]
    parts.append(
        f"Data: {plural(len(data['both']), 'dataset')} in both; {_named(data['only_a'])} only in {a['run']}; "
        f"{_named(data['only_b'])} only in {b['run']}"
    )
    for title, name in (("Settings", "settings"), ("Contract", "contract")):
        parts.append(_changes(title, found[name], a["run"], b["run"]))
    gates = [(g["gate"], *(_verdict(g[side]) for side in _SIDES)) for g in found["gates"]]
    if gates:
        parts.append("Gates\n" + indent(table(("gate", a["run"], b["run"]), gates)))
    parts += [f"not read: {visible(each)}" for each in found["not_read"]]
    return "\n\n".join(parts)


def _run(side: Side) -> Json:
    record, evaluation = side.record, side.evaluation
    return {
        "run": side.run_id,
        "outcome": record.get("outcome") or record.get("status"),
        "trigger": record.get("trigger"),
        "started_at": record.get("started_at"),
        "contract": record.get("contract_version"),
        "family": evaluation.candidate.family if evaluation else None,
        "model": evaluation.candidate.name(evaluation.problem) if evaluation else None,
        "rows": evaluation.rows if evaluation else None,
    }


def _metrics(a: Side, b: Side) -> list[Json]:
    """Every metric that either run has; the contract's own first."""
    main = next((side.evaluation.metric for side in (b, a) if side.evaluation), "")
    names = {name for side in (a, b) if side.evaluation for name in side.evaluation.candidate.metrics}
    found: list[Json] = []
    for name in sorted(names, key=lambda each: (each != main, each)):
        one, other = _measured(a, name), _measured(b, name)
        known = one["value"] is not None and other["value"] is not None
        found.append(
            {"metric": name, "a": one, "b": other, "difference": other["value"] - one["value"] if known else None}
        )
    return [each for each in found if each["a"]["value"] is not None or each["b"]["value"] is not None]


def _measured(side: Side, metric: str) -> Json:
    if side.evaluation is None:
        return {"value": None, "low": None, "high": None}
    ends = side.evaluation.intervals.ends("candidate", metric) if side.evaluation.intervals else None
    value = side.evaluation.metric_of("candidate", metric)
    return {"value": value, "low": ends[0] if ends else None, "high": ends[1] if ends else None}


def _paired(a: Side, b: Side) -> list[Json]:
    """Differences on the same rows, where one of the two was the other's champion."""
    found: list[Json] = []
    for side, other in ((a, b), (b, a)):
        evaluation = side.evaluation
        if evaluation is None or evaluation.champion is None or evaluation.champion.run_id != other.run_id:
            continue
        for metric, pair in (evaluation.paired or {}).items():
            numbers = {"difference": pair.difference, "low": pair.low, "high": pair.high}
            found.append({"metric": metric, "of": side.run_id, "against": other.run_id, **numbers})
    return found


def _settings(side: Side) -> Json:
    if isinstance(side.model, str):
        return {}
    training = dict(side.model.get("training") or {})
    kept = {key: value for key, value in training.items() if key not in _HIDDEN}
    top = {key: side.model.get(key) for key in ("family", "threshold", "calibration") if key in side.model}
    return {**top, **kept}


def _data(a: Side, b: Side) -> Json:
    one, other = list(a.record.get("datasets") or []), list(b.record.get("datasets") or [])
    return {
        "both": [each for each in one if each in other],
        "only_a": [each for each in one if each not in other],
        "only_b": [each for each in other if each not in one],
        "rows": {"a": a.prepared.get("rows"), "b": b.prepared.get("rows")},
    }


def _gates(a: Side, b: Side) -> list[Json]:
    found: dict[str, Json] = {}
    for place, side in zip(_SIDES, (a, b), strict=True):
        for verdict in side.gates.get("verdicts") or []:
            gate = gate_figures.gate_name(verdict)
            kept = {key: verdict.get(key) for key in ("outcome", "rule", "measured", "statistic", "threshold")}
            found.setdefault(gate, {"gate": gate, "a": None, "b": None})[place] = kept
    return list(found.values())


def _flat(value: Any, before: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping) or not value:
        return {before: value} if before else {}
    found: dict[str, Any] = {}
    for key, each in value.items():
        found |= _flat(each, f"{before}.{key}" if before else str(key))
    return found


def _changes(title: str, changes: list[Json], a: str, b: str) -> str:
    if not changes:
        return f"{title}: no difference"
    rows = [(each["key"], _short(each["a"]), _short(each["b"])) for each in changes[:_SHOWN]]
    more = f"\n  and {len(changes) - _SHOWN} more: --json" if len(changes) > _SHOWN else ""
    return f"{title}: {plural(len(changes), 'difference')}\n{indent(table(('key', a, b), rows))}{more}"


def _short(value: Any, limit: int = 60) -> str | None:
    text = None if value is None else number(value) if isinstance(value, float) else str(value)
    return text if text is None or len(text) <= limit else f"{text[: limit - 1]}…"


def _with_interval(side: Json) -> str:
    ends = f" [{number(side['low'])}, {number(side['high'])}]" if side["low"] is not None else ""
    return f"{number(side['value'])}{ends}"


def _verdict(side: Json | None) -> str | None:
    if not side:
        return None
    return f"{side['outcome']}: {gate_figures.compared(side) or 'nothing measured'} ({gate_figures.limit(side)})"


def _named(datasets: list[str]) -> str:
    return f"{len(datasets)} ({listed(datasets, 3)})" if datasets else "none"
