"""A rollback is exercised: the champion's own model is its canary, which an alarm ends and which is never promoted."""

from __future__ import annotations

from sluice import keys, names
from sluice.contract import Contract
from sluice.errors import ConflictError, ReleaseError
from sluice.ports import ENDPOINT, Alarms, Champion, Clock, Executions, Json, Ledger, Models, ObjectStore, Settings
from sluice.records.release_plan import ReleaseRequest
from sluice.records.run_inputs import RunInputs
from sluice.records.run_record import RunFacts
from sluice.serving import canary_alarms
from sluice.serving.endpoint_lock import take_endpoint
from sluice.store.run_records import project_contract, run_contract, run_record, update_run, write_json

TRIGGER = "drill"
BAKE = "10m"
"""A drill that no alarm ends is over by then, whatever the contract gives a release: its canary is paid for."""


def start_drill(
    project: str,
    by: str = "somebody",
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    alarms: Alarms,
    models: Models,
    executions: Executions,
    clock: Clock,
) -> Json:
    """What was started: `drill_id`, `execution_arn`, `endpoint`, `champion`, its variant and configuration, `variant`.

    The drill is a run with the trigger `drill`. It holds the endpoint's lock from here to its end.
    Raises UnknownProjectError, ReleaseError where the champion does not serve alone, ConflictError with the name of
    the process that is changing the endpoint.
    """
    project_contract(project, ledger=ledger)
    _serving(project, ledger=ledger, models=models)
    now = clock.now()
    drill_id = "d" + names.digest(project, now.isoformat())
    if other := take_endpoint(project, drill_id, ledger=ledger, clock=clock):
        raise ConflictError(f"{_described(project, other, ledger=ledger)}: start the drill when that has ended")
    try:
        # read again: a release may have ended before the lock was taken
        champion = _serving(project, ledger=ledger, models=models)
        inputs = _inputs(project, drill_id, champion, by, objects=objects, ledger=ledger, clock=clock)
        write_json(keys.run(project, drill_id, "run.json"), inputs.plain(), objects=objects)
        facts = RunFacts(
            trigger=inputs.trigger,
            reason=inputs.reason,
            datasets=inputs.datasets,
            contract_version=inputs.contract_version,
            champion=inputs.champion,
            status="starting",
        )
        ledger.start_run(project, drill_id, now, facts.set_facts())
        request = ReleaseRequest(
            project=project,
            run_id=drill_id,
            package_arn=champion.package_arn,
            artifact_uri=champion.metrics.get("artifact_uri"),
            drill=True,
        ).plain()
        arn = executions.start(settings.release_arn, names.execution(project, drill_id), request)
    except Exception as error:
        end_drill(
            project,
            drill_id,
            f"it was not started: {error}",
            settings=settings,
            ledger=ledger,
            alarms=alarms,
            clock=clock,
        )
        raise
    update_run(project, drill_id, RunFacts(status="running", execution_arn=arn), ledger=ledger)
    return {
        "drill_id": drill_id,
        "execution_arn": arn,
        "endpoint": champion.endpoint,
        "champion": champion.run_id,
        "champion_variant": champion.variant,
        "champion_config": champion.endpoint_config,
        "variant": names.variant(drill_id),
    }


def end_drill(
    project: str,
    drill_id: str,
    why: str | None = None,
    *,
    settings: Settings,
    ledger: Ledger,
    alarms: Alarms,
    clock: Clock,
) -> None:
    """Closes what the execution of a drill, now over, left open, and frees the endpoint. The same again does nothing.

    `why`: what ended an execution that did not come to its own end.
    """
    record = run_record(project, drill_id, ledger=ledger)
    try:
        if record and not record.finished:
            _close(project, drill_id, why, settings=settings, ledger=ledger, alarms=alarms, clock=clock)
    finally:
        ledger.release_lock(project, drill_id, of=ENDPOINT)


def _close(
    project: str, drill_id: str, why: str | None, *, settings: Settings, ledger: Ledger, alarms: Alarms, clock: Clock
) -> None:
    facts = RunFacts(
        status="failed",
        outcome="drill_failed",
        release_outcome="drill_failed",
        ended_at=clock.now().isoformat(),
        reasons=[why or "its execution did not reach the end of a release"],
        finished=True,
    )
    update_run(project, drill_id, facts, ledger=ledger)
    canary_alarms.remove(project, drill_id, settings=settings, alarms=alarms)


def _serving(project: str, *, ledger: Ledger, models: Models) -> Champion:
    """The champion, when it alone serves. Raises ReleaseError."""
    champion = ledger.champion(project)
    if champion is None:
        raise ReleaseError(f"{project} has no model that was released: there is nothing to roll back to")
    state = models.endpoint(champion.endpoint)
    if state is None or champion.serving == "asleep":
        how = "sleeps" if champion.serving == "asleep" else "does not exist"
        raise ReleaseError(f"endpoint {champion.endpoint} {how}: `sluice wake {project}` first")
    if state.status != "InService":
        raise ReleaseError(f"endpoint {champion.endpoint} is {state.status}: start the drill when it is InService")
    serving = [variant.name for variant in state.variants]
    if state.config != champion.endpoint_config or serving != [champion.variant]:
        raise ReleaseError(
            f"endpoint {champion.endpoint} serves {state.config} ({', '.join(serving)}), not the champion's "
            f"{champion.endpoint_config} alone: a drill must begin and end with that"
        )
    return champion


def _inputs(
    project: str, drill_id: str, champion: Champion, by: str, *, objects: ObjectStore, ledger: Ledger, clock: Clock
) -> RunInputs:
    """As of any run: the contract is frozen, here the champion's, with the drill's own bake."""
    plain = run_contract(project, champion.run_id, objects=objects).model_dump(mode="json")
    plain["release"] |= {"bake": BAKE, "max_bake": BAKE}
    record = run_record(project, champion.run_id, ledger=ledger)
    return RunInputs(
        project=project,
        run_id=drill_id,
        trigger=TRIGGER,
        reason=f"rollback drill on {champion.run_id} (asked by {by})",
        contract=Contract.model_validate(plain),
        contract_version=record.contract_version if record else None,
        datasets=[],
        champion=champion.run_id,
        created_at=clock.now().isoformat(),
    )


def _described(project: str, holder: str, *, ledger: Ledger) -> str:
    record, held = run_record(project, holder, ledger=ledger), ledger.lock(project, of=ENDPOINT) or {}
    who = holder
    if record:
        who = f"{'drill' if record.trigger == TRIGGER else 'the release of run'} {holder}"
    since = f" since {held['acquired_at']}" if held.get("run_id") == holder else ""
    return f"the endpoint of {project} is being changed by {who}{since}"
