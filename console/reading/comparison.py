"""The page that compares two runs: data, settings, metrics, gates and how each ended, side by side."""

from __future__ import annotations

from typing import Any

from console.drawn import tree
from console.reading.evaluation import plots_of
from console.reading.run import record_of, summary
from console.reading.stored import json_at
from console.source import Source
from sluice import figures, keys
from sluice.errors import DamagedRecordError
from sluice.figures import Line, share
from sluice.ports import Json
from sluice.records.evaluation import Evaluation
from sluice.store.prepared_data import prepared_data
from sluice.store.run_records import evaluation_if_any

_CURVES = (
    ("roc", "ROC curve", "false positive rate", "true positive rate"),
    ("precision_recall", "Precision and recall", "recall", "precision"),
)


def read(source: Source, project: str, first: str, second: str) -> Json:
    """Each run was evaluated on its own test rows: the figures say so. Raises NotFoundError."""
    both = [_side(source, project, run_id) for run_id in (first, second)]
    metrics: list[Json] = []
    found = [side.pop("evaluation") for side in both]
    for name in dict.fromkeys(name for each in found if each for name in each.candidate.metrics):
        values = [each.metric_of("candidate", name) if each else None for each in found]
        ends = [each.intervals.ends("candidate", name) if each and each.intervals else None for each in found]
        metrics.append({"metric": name, "values": values, "ends": ends})
    contracts = [
        json_at(source, keys.run(project, side["run"]["run_id"], "contract", "contract.json"), {}) for side in both
    ]
    return {
        "project": project,
        "runs": both,
        "metrics": metrics,
        "contract": differences(contracts[0], contracts[1])[:200],
        "plots": _plots(source, project, first, second),
    }


def _side(source: Source, project: str, run_id: str) -> Json:
    record = record_of(source, project, run_id)
    found: Evaluation | None = None
    try:
        found = evaluation_if_any(project, run_id, objects=source.world.objects)
        prepared = prepared_data(project, run_id, objects=source.world.objects)
    except DamagedRecordError:
        prepared = {}
    candidate = found.candidate if found else None
    return {
        "run": summary(record),
        "rows": prepared.get("rows") or {},
        "test_rows": found.rows if found else None,
        "metric": found.metric if found else None,
        "lower_is_better": found.lower_is_better if found else None,
        "family": candidate.name(found.problem) if found and candidate else None,
        "latency_ms": (candidate.latency_ms.get("p50") if candidate else None),
        "size_bytes": candidate.size_bytes if candidate else None,
        "evaluation": found,
    }


def differences(first: Any, second: Any, where: str = "") -> list[Json]:
    """What differs between two contracts, by the place of each value."""
    if isinstance(first, dict) and isinstance(second, dict):
        found = []
        for name in dict.fromkeys([*first, *second]):
            found += differences(first.get(name), second.get(name), f"{where}.{name}" if where else str(name))
        return found
    return [] if first == second else [{"where": where, "values": [first, second]}]


def _plots(source: Source, project: str, first: str, second: str) -> list[Json]:
    both = [plots_of(source, project, run_id) for run_id in (first, second)]
    drawn = []
    for member, title, x, y in _CURVES:
        curves = [getattr(each, member).get("candidate") or [] for each in both]
        series = [
            Line(run_id, curve[0], curve[1], "", place)
            for place, (run_id, curve) in enumerate(zip((first, second), curves, strict=True))
            if len(curve) == 2
        ]
        if len(series) == 2:
            figure = figures.lines(title, share(x), share(y), series, diagonal=member == "roc")
            drawn.append({"title": title, "figure": tree(figure + figures.key([line.name for line in series]))})
    return drawn
