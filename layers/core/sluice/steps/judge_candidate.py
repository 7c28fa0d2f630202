"""Gates: may the candidate of a run be registered?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sluice import keys, names
from sluice.contract import Contract
from sluice.contract.dropping import with_dropped
from sluice.contract.metric_limits import SUSPECTED_LEAKS
from sluice.errors import DamagedRecordError, NotFoundError
from sluice.gates import Judgement, judge
from sluice.gates.champion import RULE as BESIDE_CHAMPION
from sluice.model.shortening import first, shortened
from sluice.ports import Alerts, Clock, Json, Ledger, ObjectStore
from sluice.records.evaluation import Evaluation, Suspect
from sluice.records.run_record import GateDecision, RunFacts
from sluice.store.prepared_data import prepared_data, unexpected
from sluice.store.run_records import (
    MAX_REASONS,
    evaluation_of,
    report_line,
    run_contract,
    run_record,
    update_run,
    write_json,
)
from sluice.training.evaluation_report import write_report

_REFUSAL = 500  # characters


def judge_candidate(
    project: str,
    run_id: str,
    warm_start_refused: str = "",
    *,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    clock: Clock,
) -> Json:
    """`{"decision": approved | rejected | inconclusive, "reasons", "record"}`. No evaluation is inconclusive.

    `warm_start_refused`: why SageMaker took no earlier run as the start of the search; it goes into the run's record.
    """
    contract = run_contract(project, run_id, objects=objects)
    _report_data(project, run_id, objects=objects, ledger=ledger, alerts=alerts)
    if warm_start_refused:
        refusal = shortened(warm_start_refused, _REFUSAL, "the execution's history")
        update_run(project, run_id, RunFacts(warm_start_refused=refusal), ledger=ledger)
    source = keys.run(project, run_id, "evaluation", "evaluation.json")
    evaluation, why = _evaluation(project, run_id, objects=objects)
    beside: list[str] = []
    without: list[str] = []
    if evaluation:
        without = _report_leakage(contract, run_id, evaluation, ledger=ledger, alerts=alerts)
        if evaluation.search and evaluation.search.short:
            update_run(project, run_id, RunFacts(few_trials=evaluation.search.short), ledger=ledger)
        is_served = ledger.champion(project) is not None
        known = evaluation.champion is not None or "champion" in evaluation.not_compared
        evaluation = evaluation.model_copy(update={"champion_serves": is_served or known})
        judgement = judge(contract.gates, evaluation)
        # the record, in S3, names the segments; what goes elsewhere names those that the contract lists
        reasons = judge(contract.gates, _masked(evaluation, contract)).reasons
        beside = _leaking_champion(project, judgement, ledger=ledger)
    else:
        judgement = Judgement("inconclusive", ())
        reasons = [f"there is no readable evaluation of the candidate at {source}{why}"]
    at = clock.now().isoformat()
    verdicts = [verdict.to_json() for verdict in judgement.verdicts]
    stated = [*(judgement.reasons if judgement.verdicts else reasons), *beside]
    reasons = [*reasons, *beside]
    report, report_note = (
        _report(project, run_id, evaluation, judgement.decision, stated, verdicts, at, objects=objects)
        if evaluation
        else (None, [])
    )
    record_key = keys.decision(project, run_id, "gates")
    record = {
        "kind": "gates",
        "project": project,
        "run_id": run_id,
        "at": at,
        "decision": judgement.decision,
        "reasons": stated,
        "inputs": {"evaluation": source, "rows": evaluation.rows if evaluation else None},
        "verdicts": verdicts,
        "notes": [*(_notes(evaluation) if evaluation else []), *without, *report_note],
        "report": report,
    }
    write_json(record_key, record, objects=objects)
    # a run's record and a state's output are small; the decision's record has every reason
    brief = first(reasons, MAX_REASONS, record_key)
    facts = RunFacts(gates=GateDecision(decision=judgement.decision, reasons=brief), report=report)
    update_run(project, run_id, facts, ledger=ledger)
    if judgement.decision != "approved":
        leaking = any(each.metric == SUSPECTED_LEAKS and each.outcome != "pass" for each in judgement.verdicts)
        said = [*reasons, *(without if leaking else []), _kept_serving(project, ledger=ledger)]
        alerts.publish(
            "Candidate Rejected",
            project,
            f"{project}: the new model of {run_id} is not released ({judgement.decision})",
            "\n".join(said) + report_line(report),
            {"run_id": run_id, "decision": judgement.decision, "record": record_key},
        )
    return {"decision": judgement.decision, "reasons": brief, "record": record_key}


def _evaluation(project: str, run_id: str, *, objects: ObjectStore) -> tuple[Evaluation | None, str]:
    """None where it cannot be read, and how it is damaged if it is there."""
    try:
        return evaluation_of(project, run_id, objects=objects), ""
    except NotFoundError:
        return None, ""
    except DamagedRecordError as error:
        return None, f": {error}"


def _notes(evaluation: Evaluation) -> list[str]:
    return [
        *([evaluation.window.sentence] if evaluation.window else []),
        *evaluation.encoding.notes(evaluation.problem),
        *(note for name, each in evaluation.similar_values.items() for note in each.notes(name)),
        *(evaluation.unlabelled.notes() if evaluation.unlabelled else []),
        *(evaluation.leakage.sentences() if evaluation.leakage else []),
        *([evaluation.scores_not_compared] if evaluation.scores_not_compared else []),
        *([evaluation.learning_curve.sentence] if evaluation.learning_curve else []),
        *([short] if (short := evaluation.search.short if evaluation.search else None) else []),
    ]


def _kept_serving(project: str, *, ledger: Ledger) -> str:
    champion = ledger.champion(project)
    return f"{champion.run_id} keeps serving." if champion else "No model serves: this would have been the first."


def _report_leakage(
    contract: Contract, run_id: str, evaluation: Evaluation, *, ledger: Ledger, alerts: Alerts
) -> list[str]:
    """Puts what the leakage alarm suspects on the run's record, and asks people about it. Returns what to do."""
    suspects = evaluation.leakage.suspects if evaluation.leakage else []
    if not suspects:
        return []
    project = contract.project
    told = first([each.sentence for each in suspects], MAX_REASONS, f"sluice why {run_id}")
    without = _without(contract, suspects)
    update_run(project, run_id, RunFacts(suspected_leaks=told, without_leaks=without), ledger=ledger)
    alerts.publish(
        "Leakage Suspected",
        project,
        f"{project}: {run_id} learns from columns that may not be known when it predicts",
        "\n".join([*told, _after_leakage(contract), *without, f"All figures: sluice why {run_id}"]),
        {"run_id": run_id, "suspects": len(suspects)},
    )
    return without


def _without(contract: Contract, suspects: Sequence[Suspect]) -> list[str]:
    """Lines to paste: the contract without the columns, and its registration."""
    columns = dict.fromkeys(name for each in suspects for name in each.columns)
    return [
        "To leave them out, put this line into project.yaml; what is known in time goes into known_before:",
        f"  {with_dropped(contract, columns)}",
        "Then run:",
        f'  sluice register project.yaml && sluice retrain {contract.project} --reason "leaks dropped"',
    ]


def _after_leakage(contract: Contract) -> str:
    """Whether the suspicion stops the model."""
    if any(gate.metric == SUSPECTED_LEAKS for gate in contract.gates):
        return "The gate `suspected_leaks` decides whether the model is released."
    return "The model may be released in any case: the contract has no gate `suspected_leaks`."


def _leaking_champion(project: str, judgement: Judgement, *, ledger: Ledger) -> list[str]:
    """What to do where a champion that is suspected of a leak keeps an honest candidate out."""
    champion = ledger.champion(project)
    beaten = [each for each in judgement.verdicts if each.rule == BESIDE_CHAMPION and each.outcome != "pass"]
    if champion is None or not beaten:
        return []
    run = run_record(project, champion.run_id, ledger=ledger)
    if run is None or not run.suspected_leaks:
        return []
    return [
        f"the champion {champion.run_id} is suspected of a leak, so it may only seem to be better (sluice why "
        f"{champion.run_id}). If it is one, release a model without the columns once under a contract that has no "
        f"gate `{BESIDE_CHAMPION}`; then put the gate back"
    ]


def _report_data(project: str, run_id: str, *, objects: ObjectStore, ledger: Ledger, alerts: Alerts) -> None:
    """Puts what became of the accepted rows on the run's record, and alerts people to what they may not expect."""
    facts = prepared_data(project, run_id, objects=objects)
    if not facts:
        return
    update_run(project, run_id, RunFacts(data=facts), ledger=ledger)
    if told := unexpected(facts):
        alerts.publish(
            "Data Changed",
            project,
            f"{project}: run {run_id} leaves out or changes accepted data",
            "\n".join([*told, f"Full list: sluice why {run_id}"]),
            {"run_id": run_id, "losses": len(told)},
        )


def _report(
    project: str,
    run_id: str,
    evaluation: Evaluation,
    decision: str,
    reasons: list[str],
    verdicts: list[Json],
    at: str,
    *,
    objects: ObjectStore,
) -> tuple[str | None, list[str]]:
    """The report's address, or a note why there is none: a page that cannot be drawn must not stop a release."""
    try:
        data = prepared_data(project, run_id, objects=objects)
        return write_report(project, run_id, evaluation, decision, reasons, verdicts, data, at, objects=objects), []
    except Exception as error:
        # the kind of error only, since its message may quote the evaluation
        return None, [f"the report could not be written ({type(error).__name__}); evaluation.json has its figures"]


def _masked(evaluation: Evaluation, contract: Contract) -> Evaluation:
    """Segments of a category whose values the contract does not list get a hash as their name: values stay in S3."""

    def mask(column: str, values: Iterable[str]) -> dict[str, str]:
        declared = contract.data.columns.get(column)
        known = declared is not None and (declared.type == "boolean" or declared.values is not None)
        return {value: value if known else f"value {names.digest(value)[:8]}" for value in values}

    slices = {}
    for name, segments in evaluation.slices.items():
        shown = mask(name, segments)
        slices[name] = {shown[value]: segment for value, segment in segments.items()}
    gaps = [gap.renamed(mask(gap.slice, gap.segments)) for gap in evaluation.gaps]
    return evaluation.model_copy(update={"slices": slices, "gaps": gaps})
