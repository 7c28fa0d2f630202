"""Release: its end, either way. Moves the champion pointer, tidies up, sends the alert."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sluice import names
from sluice.contract.durations import seconds
from sluice.errors import DamagedRecordError, InputError, NotFoundError
from sluice.model.shortening import first
from sluice.ports import Alarms, Alerts, Champion, Clock, Json, Ledger, ObjectStore, Registry, Schedules, Settings
from sluice.records.boundary import json_boundary
from sluice.records.evaluation import Evaluation
from sluice.records.release_plan import ReleasePlan
from sluice.records.run_record import RunFacts
from sluice.release import anchors, champions
from sluice.serving import canary_alarms
from sluice.serving.ensure_monitoring import ensure_monitoring
from sluice.serving.release_report import write_release_report
from sluice.store.causes import failure_texts, failures_of
from sluice.store.run_records import MAX_REASONS, evaluation_of, report_line, run_contract, run_record, update_run


class ReportPage(NamedTuple):
    """Where the page about the release is, and what alerts add to their text about it."""

    uri: str | None
    line: str

    @property
    def facts(self) -> Json:
        return {"release_report": self.uri} if self.uri else {}


@json_boundary
def complete_release(
    project: str,
    run_id: str,
    outcome: str,
    package_arn: str,
    artifact_uri: str,
    release_plan: ReleasePlan,
    verification: Json | None = None,
    failure: Json | None = None,
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    alerts: Alerts,
    alarms: Alarms,
    registry: Registry,
    schedules: Schedules,
    clock: Clock,
) -> Json:
    """`{"outcome", "verified"}`; `outcome` is promoted (after its verification) or rolled_back.

    `verification` is verify_endpoint's answer about the rollback; without one the rollback is not verified.
    `failure` is `{"state", "error", "cause", "before"}` of what made the release roll back, or of what a promotion
    went on after: a call whose answer was an error although it was done. `before` is the failure before it, or null.
    """
    if outcome == "promoted":
        overcome = failure_texts(failure)
        page = _write_report(project, run_id, outcome, overcome, release_plan, objects=objects, clock=clock)
        is_new = _make_champion(
            project, run_id, package_arn, artifact_uri, release_plan, objects=objects, ledger=ledger, clock=clock
        )
        if registry.package(package_arn)["status"] != "Approved":
            registry.decide(package_arn, "Approved", f"released as {run_id}")
        canary_alarms.remove(project, run_id, settings=settings, alarms=alarms)
        ensure_monitoring(
            project, reset=is_new, settings=settings, objects=objects, ledger=ledger, alarms=alarms, schedules=schedules
        )
        _report_promotion(project, run_id, package_arn, overcome, page, ledger=ledger, alerts=alerts)
        return {"outcome": outcome, "verified": True}
    if outcome != "rolled_back":
        raise InputError(f"a release ends as promoted or rolled_back, not as {outcome!r}")
    verified = (verification or {}).get("decision") == "verified"
    reasons = _reasons(project, run_id, failure, ledger=ledger)
    if not verified:
        reasons += (verification or {}).get("reasons") or ["the rollback was not verified"]
    canary_alarms.remove(project, run_id, settings=settings, alarms=alarms)
    if release_plan.drill:
        _end_drill(project, run_id, verified, reasons, ledger=ledger, alerts=alerts, clock=clock)
        return {"outcome": outcome, "verified": verified}
    ended = outcome if verified else f"{outcome}, not verified"
    page = _write_report(project, run_id, ended, reasons, release_plan, objects=objects, clock=clock)
    _restore_pointer(project, run_id, ledger=ledger, clock=clock)
    if release_plan.mode == "blue_green":
        # its failures set off the champion's alarm as well, which must go into ALARM again for the champion's own
        ensure_monitoring(
            project, reset=True, settings=settings, objects=objects, ledger=ledger, alarms=alarms, schedules=schedules
        )
    why = _reject(package_arn, reasons, registry=registry)
    facts = RunFacts(release_outcome="rolled_back", rollback_verified=verified, reasons=_brief(reasons), **page.facts)
    update_run(project, run_id, facts, ledger=ledger)
    endpoint = names.endpoint(settings.stack, project)
    _report_rollback(project, run_id, endpoint, verified, why, page, ledger=ledger, alerts=alerts)
    return {"outcome": outcome, "verified": verified}


def _write_report(
    project: str,
    run_id: str,
    outcome: str,
    reasons: list[str],
    release_plan: ReleasePlan,
    *,
    objects: ObjectStore,
    clock: Clock,
) -> ReportPage:
    try:
        written = write_release_report(project, run_id, outcome, reasons, release_plan, objects=objects, clock=clock)
    except Exception as error:
        # a page that cannot be drawn stops no release; the kind of error only: its message may quote a record
        return ReportPage(None, f"\nThe report of the release could not be written ({type(error).__name__}).")
    return ReportPage(written, f"\nReport of the release: {written}")


def _reasons(project: str, run_id: str, failure: Json | None, *, ledger: Ledger) -> list[str]:
    """The judge's reasons when it aborted, and every failure: one during the rollback must not hide them."""
    run = run_record(project, run_id, ledger=ledger)
    canary = run.canary if run else None
    reasons = list(canary.reasons) if canary and canary.decision == "abort" else []
    said = bool(reasons)
    for each, text in zip(failures_of(failure), failure_texts(failure), strict=True):
        if not (said and each.get("error") == "CanaryAborted"):
            reasons.append(text)
    return reasons


def _restore_pointer(project: str, run_id: str, *, ledger: Ledger, clock: Clock) -> None:
    """A promotion can fail after it moved the champion pointer; the endpoint is the old champion's again."""
    champion = ledger.champion(project)
    if champion and champion.run_id == run_id and champion.previous:
        ledger.set_champion(project, champions.restored(champion.previous, clock.now()), run_id)


def _make_champion(
    project: str,
    run_id: str,
    package_arn: str,
    artifact_uri: str,
    release_plan: ReleasePlan,
    *,
    objects: ObjectStore,
    ledger: Ledger,
    clock: Clock,
) -> bool:
    """Whether the champion pointer has moved: at a repetition it is there already."""
    contract, champion = run_contract(project, run_id, objects=objects), ledger.champion(project)
    if champion and champion.run_id == run_id:
        return False
    now, metric = clock.now(), str(contract.problem.metric)
    evaluation = _evaluation(project, run_id, objects=objects)
    promoted = Champion(
        run_id=run_id,
        variant=release_plan.variant,
        endpoint=release_plan.endpoint,
        endpoint_config=release_plan.only_config,
        model=release_plan.model,
        package_arn=package_arn,
        promoted_at=now,
        probation_until=now + timedelta(seconds=seconds(contract.release.probation)),
        previous=champions.to_json(champion) if champion else None,
        metrics={
            metric: evaluation.candidate.metrics.get(metric) if evaluation else None,
            "artifact_uri": artifact_uri,
        },
        anchor=anchors.of_next(contract, evaluation, champion),
    )
    ledger.set_champion(project, promoted, champion.run_id if champion else None)
    return True


def _report_promotion(
    project: str,
    run_id: str,
    package_arn: str,
    overcome: list[str],
    page: ReportPage,
    *,
    ledger: Ledger,
    alerts: Alerts,
) -> None:
    """In the run's record, and to people."""
    if _reported(project, run_id, "promoted", ledger=ledger):
        return
    record = RunFacts(release_outcome="promoted", package_arn=package_arn, **page.facts)
    if overcome:
        record = record.model_copy(update={"overcome": overcome})
    done = update_run(project, run_id, record, ledger=ledger)
    champion = ledger.champion(project)
    facts: Json = {"run_id": run_id, "package_arn": package_arn}
    if champion:
        facts["endpoint"] = champion.endpoint
    alerts.publish(
        "Model Promoted",
        project,
        f"{project}: a new model serves, {run_id}",
        _promotion_text(champion, recorded=done)
        + _without_traffic(project, run_id, ledger=ledger)
        + (f" The release went on after these failures: {'; '.join(overcome)}" if overcome else "")
        + _evaluation_line(project, run_id, ledger=ledger)
        + page.line,
        facts,
    )
    update_run(project, run_id, RunFacts(release_told="promoted"), ledger=ledger)


def _evaluation_line(project: str, run_id: str, *, ledger: Ledger) -> str:
    run = run_record(project, run_id, ledger=ledger)
    return report_line(run.report if run else None)


def _without_traffic(project: str, run_id: str, *, ledger: Ledger) -> str:
    """What a promotion rests on if no live request came."""
    run = run_record(project, run_id, ledger=ledger)
    parts = (run.canary, run.replay) if run else ()
    found = [part for part in parts if part and part.no_traffic == "promote"]
    return "".join(f" {'; '.join(part.reasons)}." for part in found[:1])


def _promotion_text(champion: Champion | None, recorded: bool) -> str:
    if champion is None:
        return "The model serves."
    before = champion.previous["run_id"] if champion.previous else None
    text = (
        f"{champion.run_id} serves all requests of {champion.endpoint}. Probation until "
        f"{champion.probation_until.isoformat()}: until then errors or poor quality bring "
        f"{before or 'nothing (there was no model before)'} back."
    )
    return text if recorded else text + " The run has no record in the state store."


def _reject(package_arn: str, reasons: list[str], *, registry: Registry) -> str:
    """Rejects the package; returns why, in one line."""
    why = "; ".join(reasons) or "no reason was given"
    try:
        if registry.package(package_arn)["status"] != "Rejected":
            registry.decide(package_arn, "Rejected", why)
    except NotFoundError:
        why += "; the model package is gone"
    return why


def _report_rollback(
    project: str,
    run_id: str,
    endpoint: str,
    verified: bool,
    why: str,
    page: ReportPage,
    *,
    ledger: Ledger,
    alerts: Alerts,
) -> None:
    outcome = "rolled_back" if verified else "not_verified"
    if _reported(project, run_id, outcome, ledger=ledger):
        return
    champion = ledger.champion(project)
    facts = {"run_id": run_id, "verified": verified, "champion": champion.run_id if champion else None}
    if verified:
        serving = f"{champion.run_id} serves again, verified by a live request." if champion else "No model serves."
        message = f"{why}\n{serving}{page.line}"
        alerts.publish("Model Rolled Back", project, f"{project}: {run_id} was rolled back", message, facts)
    else:
        alerts.publish(
            "Rollback Not Verified",
            project,
            f"ACT NOW: {project}: the rollback of {run_id} is NOT verified",
            f"{why}\nThe endpoint {endpoint} may still serve the failed model or nothing at all. Check its active "
            f"configuration and restore the champion's.{page.line}",
            facts,
        )
    update_run(project, run_id, RunFacts(release_told=outcome), ledger=ledger)


def _brief(reasons: list[str]) -> list[str]:
    return first(reasons, MAX_REASONS, "the decision's record")


def _reported(project: str, run_id: str, outcome: str, *, ledger: Ledger) -> bool:
    """Whether people know: the step may be called again after it was done."""
    run = run_record(project, run_id, ledger=ledger)
    return run is not None and run.release_told == outcome


def _end_drill(
    project: str, drill_id: str, verified: bool, reasons: list[str], *, ledger: Ledger, alerts: Alerts, clock: Clock
) -> None:
    """No package is judged by a drill, and the champion was never another."""
    outcome = "drill_passed" if verified else "drill_failed"
    facts = RunFacts(
        release_outcome=outcome,
        outcome=outcome,
        status="finished" if verified else "failed",
        ended_at=clock.now().isoformat(),
        reasons=_brief(reasons),
        # no run's end follows; a finished run's lock on the endpoint is free to take
        finished=True,
    )
    update_run(project, drill_id, facts, ledger=ledger)
    if _reported(project, drill_id, outcome, ledger=ledger):
        return
    champion = ledger.champion(project)
    serves = f"{champion.run_id} serves, verified by a live request" if champion else "no model serves"
    alerts.publish(
        "Rollback Drill",
        project,
        f"{project}: the rollback drill {'passed' if verified else 'FAILED: ACT NOW'}",
        f"{'; '.join(reasons)}\n"
        + (serves if verified else "The endpoint is not in its earlier state: restore the champion's configuration."),
        {"drill_id": drill_id, "verified": verified},
    )
    update_run(project, drill_id, RunFacts(release_told=outcome), ledger=ledger)


def _evaluation(project: str, run_id: str, *, objects: ObjectStore) -> Evaluation | None:
    try:
        return evaluation_of(project, run_id, objects=objects)
    except (NotFoundError, DamagedRecordError):
        # the gates have read it, and a promotion that is done stands; its value is shown, and its anchor stays
        return None
