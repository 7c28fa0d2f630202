"""Writes the pages about an evaluated candidate beside evaluation.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sluice import keys
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.ports import ObjectStore
from sluice.records.evaluation import Evaluation
from sluice.records.plots import Plots
from sluice.reports import evaluation as report
from sluice.reports import model_card
from sluice.reports.facts import Facts
from sluice.store.run_records import run_inputs, training_plan

HTML = "text/html; charset=utf-8"


def write_report(
    project: str,
    run_id: str,
    evaluation: Evaluation,
    decision: str,
    reasons: Sequence[str],
    verdicts: Sequence[Mapping[str, Any]],
    data: Mapping[str, Any],
    at: str,
    *,
    objects: ObjectStore,
) -> str:
    """The address of the report. Without plots.json, which older evaluations lack, it has no drawing.

    Raises NotFoundError, DamagedRecordError.
    """
    facts = Facts(
        inputs=run_inputs(project, run_id, objects=objects),
        evaluation=evaluation,
        plots=_plots(project, run_id, objects=objects),
        decision=decision,
        reasons=reasons,
        verdicts=verdicts,
        at=at,
        data=data,
        code=_code(project, run_id, objects=objects),
    )
    objects.write(keys.model_card(project, run_id), model_card.render(facts).encode(), HTML)
    objects.write(keys.evaluation_report(project, run_id), report.render(facts).encode(), HTML)
    return objects.uri(keys.evaluation_report(project, run_id))


def _plots(project: str, run_id: str, *, objects: ObjectStore) -> Plots:
    key = keys.run(project, run_id, "evaluation", "plots.json")
    try:
        return Plots.parse(objects.read(key), objects.uri(key))
    except NotFoundError:
        return Plots()


def _code(project: str, run_id: str, *, objects: ObjectStore) -> str | None:
    """`code/<sha256>/…` names the version."""
    try:
        address = training_plan(project, run_id, objects=objects).code.learn
    except (NotFoundError, DamagedRecordError):
        return None
    return address.partition("/code/")[2].partition("/")[0] or None
