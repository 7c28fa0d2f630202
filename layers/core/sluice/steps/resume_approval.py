"""Approval by a person: the registry's event lets the waiting run go on."""

from __future__ import annotations

from sluice.errors import ConflictError, NotFoundError
from sluice.ports import Clock, Executions, Json, Ledger, Registry
from sluice.records.run_record import RunFacts
from sluice.store.run_records import run_record, update_run

_ANSWERS = {"Approved": "approved", "Rejected": "not_approved"}


def resume_approval(
    package_arn: str,
    status: str,
    reason: str = "",
    *,
    ledger: Ledger,
    registry: Registry,
    executions: Executions,
    clock: Clock,
) -> Json:
    """`{"decision": approved | not_approved | ignored, "reason"}`; events of other packages or again change nothing."""
    answer = _ANSWERS.get(status)
    if answer is None:
        return _ignored(f"status {status} decides nothing")
    try:
        facts = registry.package(package_arn)["facts"]
    except NotFoundError:
        return _ignored("the package is not known")
    project, run_id = facts.get("project"), facts.get("run_id")
    run = run_record(project, run_id, ledger=ledger) if project and run_id else None
    approval = run.approval if run else None
    if approval is None or approval.package_arn != package_arn:
        return _ignored("no run waits for this package")
    if approval.decision:
        return _ignored("the run was resumed before")
    try:
        executions.succeed(approval.token, {"decision": answer})
    except (NotFoundError, ConflictError):
        return _ignored("the run no longer waits")
    # after the answer: a crash in between answers again, which an answered token bears
    decided = {"decision": answer, "reason": reason, "decided_at": clock.now().isoformat()}
    update_run(project, run_id, RunFacts(approval=approval.model_copy(update=decided)), ledger=ledger)
    return {"decision": answer, "project": project, "run_id": run_id, "reason": reason}


def _ignored(why: str) -> Json:
    return {"decision": "ignored", "reason": why}
