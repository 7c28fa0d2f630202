"""The page of an evaluation: the report that the gates write, made anew from what the job measured."""

from __future__ import annotations

from console.drawn import page_body
from console.reading.run import record_of
from console.reading.stored import json_at
from console.source import Source
from sluice import keys
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.ports import Json
from sluice.records.evaluation import Evaluation
from sluice.records.plots import Plots
from sluice.reports import evaluation as report
from sluice.reports import model_card
from sluice.reports.facts import Facts
from sluice.store.prepared_data import prepared_data
from sluice.store.run_records import evaluation_if_any, run_inputs


def read(source: Source, project: str, run_id: str) -> Json:
    """`{"evaluated", "page", "card", "comparison", "problem"}`; pages are trees (`console.drawn`)."""
    record = record_of(source, project, run_id)
    told: Json = {"project": project, "run_id": run_id, "evaluated": False, "live": not record.get("outcome")}
    try:
        found = evaluation_if_any(project, run_id, objects=source.world.objects)
        if found is None:
            return told
        facts = facts_of(source, project, run_id, found)
    except (DamagedRecordError, NotFoundError) as error:
        return told | {"problem": str(error)}
    return told | {
        "evaluated": True,
        "metric": found.metric,
        "rows": found.rows,
        "page": page_body(report.render(facts)),
        "card": page_body(model_card.render(facts)),
    }


def facts_of(source: Source, project: str, run_id: str, found: Evaluation) -> Facts:
    """Before the gates have decided, the decision says so. Raises NotFoundError, DamagedRecordError."""
    objects = source.world.objects
    gates = json_at(source, keys.decision(project, run_id, "gates"), {})
    return Facts(
        inputs=run_inputs(project, run_id, objects=objects),
        evaluation=found,
        plots=plots_of(source, project, run_id),
        decision=str(gates.get("decision") or "not decided yet"),
        reasons=[str(each) for each in gates.get("reasons") or []],
        verdicts=gates.get("verdicts") or [],
        at=str(gates.get("at") or ""),
        data=prepared_data(project, run_id, objects=objects),
    )


def plots_of(source: Source, project: str, run_id: str) -> Plots:
    """Empty where an older evaluation has none."""
    key = keys.run(project, run_id, "evaluation", "plots.json")
    try:
        return Plots.parse(source.world.objects.read(key), source.world.objects.uri(key))
    except (NotFoundError, DamagedRecordError):
        return Plots()
