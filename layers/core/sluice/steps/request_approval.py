"""Approval by a person: the run waits at a task token."""

from __future__ import annotations

from sluice.ports import Alerts, Clock, Executions, Json, Ledger, Registry
from sluice.records.run_record import Approval, RunFacts

_ANSWERS = {"Approved": "approved", "Rejected": "not_approved"}


def request_approval(
    project: str,
    run_id: str,
    package_arn: str,
    token: str,
    *,
    ledger: Ledger,
    alerts: Alerts,
    registry: Registry,
    executions: Executions,
    clock: Clock,
) -> Json:
    """Stores the token on the run, so that `resume_approval` finds it, and sends an alert that says how to decide.

    A package that was decided before the token was stored has sent its event already: then the run goes on at once.
    Raises NotFoundError when the run or the package does not exist.
    """
    now = clock.now().isoformat()
    approval = Approval(token=token, package_arn=package_arn, requested_at=now)
    ledger.update_run(project, run_id, RunFacts(approval=approval).set_facts())
    package = registry.package(package_arn)
    answer = _ANSWERS.get(package["status"])
    if answer:
        executions.succeed(token, {"decision": answer})
        return {"decision": answer}
    facts = package["facts"]
    alerts.publish(
        "Approval Requested",
        project,
        f"{project}: the model of {run_id} waits for your approval",
        f"It passed its gates with {facts.get('metric')} = {facts.get('value')}. Without the command `sluice`, decide "
        f"by the status of the model package in the SageMaker registry:\n{package_arn}",
        {"run_id": run_id, "package_arn": package_arn},
    )
    return {"decision": "waiting"}
