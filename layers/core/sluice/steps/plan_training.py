"""Data or drift ask for a training run: at most one run a project at a time, what comes meanwhile waits for the next.

The run's files are written before its lock is taken, and the lock before the execution is started. So a planner that
finds a lock whose run was never started (its planner died in between) can start that run from its files.
"""

from __future__ import annotations

import contextlib
import json
import logging
from dataclasses import dataclass, replace

from sluice import keys, names
from sluice.contract import Contract, nearest
from sluice.contract.durations import seconds
from sluice.contract.metric_limits import METRICS
from sluice.errors import ConflictError, DamagedRecordError, NotFoundError, UnknownProjectError
from sluice.ports import Champion, Clock, Executions, Json, Ledger, ObjectStore, Registry, Settings
from sluice.records.run_inputs import RunInputs
from sluice.records.run_record import RunFacts
from sluice.records.training_plan import (
    NO_MODEL,
    BaselineTraining,
    ChampionModel,
    JobCode,
    RunNames,
    RunUris,
    TrainingPlan,
)
from sluice.store.run_records import run_inputs, run_record, run_records, training_plan, update_run
from sluice.training.chosen_rows import left_out_rows, window_of
from sluice.training.governor import count_retraining, limits
from sluice.training.tuning_plan import channels, static_parameters, stopping_condition, tuning_plan
from sluice.training.volume import TRIGGER, NewRows, new_rows, request_for

_log = logging.getLogger(__name__)
TRIGGERS = ("data", "arrivals", "drift", "quality", "schedule", "volume", "manual", "request")
_BY_DATA = ("data", "arrivals")
"""These ask for a model of the accepted data; if there is one, nothing is done. The others ask for a
new run in any case. A wish noted during a run comes back as `arrivals`: over the same data that run has met it."""
_UNSTARTED = (None, "starting", "not started")
_TRIES = 5
_BASELINE_SECONDS = 3_600


@dataclass(frozen=True)
class _Request:
    """What asks for a run, and why."""

    trigger: str
    dataset_id: str | None
    """The dataset that has arrived."""
    reason: str
    at: str | None
    """When it was asked for: the same at a retry."""

    @property
    def by_data(self) -> bool:
        return self.trigger in _BY_DATA

    def of_volume(self, volume: NewRows) -> _Request:
        """The request once the new rows are enough, in place of that of the dataset that was the last to arrive."""
        return replace(self, trigger=TRIGGER, reason=volume.reason, at=volume.at.isoformat() if volume.at else self.at)

    def salt(self, clock: Clock) -> str:
        """Tells a run from earlier ones on the same data. Data asks for one run only."""
        return "" if self.by_data else f"{self.trigger}@{self.at or clock.now().isoformat()}"


def plan_training(
    project: str,
    trigger: str,
    dataset_id: str | None = None,
    reason: str = "",
    at: str | None = None,
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    registry: Registry,
    executions: Executions,
    clock: Clock,
) -> Json:
    """Starts a run of the project over all its datasets, or notes the wish for when the present run is over.

    Datasets that were withdrawn are left out, and those that arrived during a data fault. `at`: the requesting event's
    own time, which tells retrainings on the same data apart and is the same at a retry.
    Where the contract has `retrain.on_rows`, arrivals wait until there are as many, and the governor lets a run start.
    Returns {"status": "started" | "coalesced" | "already run" | "already running" | "no data" | "left out" |
    "waits for rows" | "held", "project", "run_id"}; the last three with no run, "held" with its `reasons`.
    Raises UnknownProjectError, ConflictError (lock taken and freed again and again).
    """
    if trigger not in TRIGGERS:
        raise ValueError(f"trigger {trigger!r}{nearest(trigger, TRIGGERS)}; known: {', '.join(TRIGGERS)}")
    asked = _Request(trigger, dataset_id, reason, at)
    for _ in range(_TRIES):
        contract, version = _registered(project, ledger=ledger)
        request = asked
        if asked.by_data and (volume := new_rows(contract, ledger=ledger)):
            if reasons := _reasons_to_wait(contract, volume, ledger=ledger, clock=clock):
                status = "held" if volume.due else "waits for rows"
                return {"status": status, "project": project, "run_id": None, "reasons": reasons}
            request = asked.of_volume(volume)
        left_out = left_out_rows(project, ledger=ledger)
        faulty = {each for fault in left_out for each in fault.datasets}
        if request.trigger == "data" and request.dataset_id in faulty:
            return {"status": "left out", "project": project, "run_id": None}
        present = [each["dataset_id"] for each in ledger.datasets(project) if "withdrawn_at" not in each]
        dataset_ids = [each for each in present if each not in faulty]
        if not dataset_ids:
            return {"status": "no data", "project": project, "run_id": None}
        run_id = names.run_id(project, version, dataset_ids, request.salt(clock))
        if _has_run(project, run_id, ledger=ledger):
            return {"status": "already run", "project": project, "run_id": run_id}
        held = ledger.lock(project)
        if held and held["run_id"] != run_id:
            answer = _wait_for(
                project,
                held["run_id"],
                request,
                settings=settings,
                objects=objects,
                ledger=ledger,
                executions=executions,
                clock=clock,
            )
            if answer:
                return answer
            continue
        plan = run_plan(
            settings,
            contract,
            run_id,
            dataset_ids,
            _champion(project, ledger=ledger, registry=registry),
            trigger=request.trigger,
            anchor=_anchor(contract, ledger=ledger),
            last=_last_completed(project, objects=objects, ledger=ledger) if _warm(contract) else None,
        )
        if plan.tuning.warm_start_note:
            _log.info("%s, run %s: no warm start: %s", project, run_id, plan.tuning.warm_start_note)
        inputs = RunInputs(
            project=project,
            run_id=run_id,
            trigger=request.trigger,
            reason=request.reason,
            contract=contract,
            contract_version=version,
            datasets=dataset_ids,
            created_at=clock.now().isoformat(),
            left_out=left_out,
            window=window_of(contract, ledger=ledger),
        )
        _freeze(inputs, plan, objects=objects)
        if ledger.acquire_lock(project, run_id, clock.now()):
            _start(
                project, run_id, settings=settings, objects=objects, ledger=ledger, executions=executions, clock=clock
            )
            return {"status": "started", "project": project, "run_id": run_id}
    raise ConflictError(f"the lock of {project!r} changed hands {_TRIES} times; the event will be delivered again")


def _registered(project: str, *, ledger: Ledger) -> tuple[Contract, str]:
    """The contract and its version. Raises UnknownProjectError."""
    registered = ledger.contract(project)
    if registered is None:
        raise UnknownProjectError(f"there is no project {project!r}{nearest(project, ledger.projects())}")
    return Contract.model_validate(registered[0]), registered[1]


def _reasons_to_wait(contract: Contract, volume: NewRows, *, ledger: Ledger, clock: Clock) -> list[str]:
    """Why the new rows start no run yet: they are too few, or the governor holds the run. With no reason, the
    retraining is counted."""
    if not volume.due or volume.at is None:
        return [volume.reason]
    wanted = request_for(contract.project, volume)
    if against := limits(contract.project, contract, wanted, ledger=ledger, clock=clock):
        # the next measurement asks again, and notifies people
        return [volume.reason, *against]
    count_retraining(contract.project, wanted, volume.at, ledger=ledger)
    return []


def _has_run(project: str, run_id: str, *, ledger: Ledger) -> bool:
    """Whether this very run is over; then its lock is free."""
    record = run_record(project, run_id, ledger=ledger)
    if record is None or record.status in _UNSTARTED:
        return False
    if record.status == "running":
        # its lock goes before its record is closed: taking the lock again now would leave it held permanently
        return ledger.lock(project) is None
    # a crash between a run's end and the freeing of its lock must not hold the project
    ledger.release_lock(project, run_id)
    return True


def _wait_for(
    project: str,
    holder: str,
    request: _Request,
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    executions: Executions,
    clock: Clock,
) -> Json | None:
    """Notes the request beside the lock; None when the lock is gone meanwhile."""
    record = run_record(project, holder, ledger=ledger)
    if (record is None or record.status in _UNSTARTED) and objects.exists(keys.run(project, holder, "plan.json")):
        _start(project, holder, settings=settings, objects=objects, ledger=ledger, executions=executions, clock=clock)
        record = run_record(project, holder, ledger=ledger)
    if request.trigger == "data" and record and request.dataset_id in (record.datasets or []):
        return {"status": "already running", "project": project, "run_id": holder}
    if ledger.add_pending(project, request.dataset_id or f"({request.trigger})", request.reason or request.trigger):
        return {"status": "coalesced", "project": project, "run_id": holder}
    return None


def _champion(project: str, *, ledger: Ledger, registry: Registry) -> ChampionModel | None:
    champion: Champion | None = ledger.champion(project)
    if champion is None:
        return None
    uri = champion.metrics.get("artifact_uri") or registry.package(champion.package_arn)["artifact_uri"]
    return ChampionModel(run_id=champion.run_id, artifact_uri=uri)


def _anchor(contract: Contract, *, ledger: Ledger) -> ChampionModel | None:
    """None where no gate asks for it, or where it is the champion itself."""
    champion = ledger.champion(contract.project)
    gated = any(gate.not_worse_than_champion_by is not None for gate in contract.gates)
    if champion is None or champion.anchor is None or not gated:
        return None
    return ChampionModel(run_id=champion.anchor["run_id"], artifact_uri=champion.anchor["artifact_uri"])


def _warm(contract: Contract) -> bool:
    return contract.training.tuning.warm_start


def _last_completed(project: str, *, objects: ObjectStore, ledger: Ledger) -> TrainingPlan | None:
    """The plan of the newest run that came to a decision about its model; its tuning job has ended."""
    for record in run_records(project, ledger=ledger):
        if record.gates is not None:
            with contextlib.suppress(NotFoundError, DamagedRecordError):  # of an older deployment, or deleted
                return training_plan(project, record.run_id, objects=objects)
    return None


def _freeze(inputs: RunInputs, plan: TrainingPlan, *, objects: ObjectStore) -> None:
    plain = inputs.plain()
    files = {"contract/contract.json": plain["contract"], "run.json": plain, "plan.json": plan.plain()}
    for name, body in files.items():
        text = json.dumps(body, indent=1, ensure_ascii=False).encode()
        objects.write(keys.run(inputs.project, inputs.run_id, name), text, "application/json")


def _start(
    project: str,
    run_id: str,
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    executions: Executions,
    clock: Clock,
) -> None:
    """Starts the execution of a frozen run whose lock is held. When that fails the lock is freed again."""
    try:
        inputs, plan = run_inputs(project, run_id, objects=objects), training_plan(project, run_id, objects=objects)
        facts = RunFacts(
            trigger=inputs.trigger,
            reason=inputs.reason,
            datasets=inputs.datasets,
            contract_version=inputs.contract_version,
            status="starting",
        )
        ledger.start_run(project, run_id, clock.now(), facts.set_facts())
        arn = executions.start(settings.lifecycle_arn, names.execution(project, run_id), plan.plain())
    except Exception:
        update_run(project, run_id, RunFacts(status="not started"), ledger=ledger)
        ledger.release_lock(project, run_id)
        raise
    update_run(project, run_id, RunFacts(status="running", execution_arn=arn), ledger=ledger)


def run_plan(
    settings: Settings,
    contract: Contract,
    run_id: str,
    dataset_ids: list[str],
    champion: ChampionModel | None,
    trigger: str = "data",
    anchor: ChampionModel | None = None,
    last: TrainingPlan | None = None,
) -> TrainingPlan:
    """What the state machine ml_lifecycle reads: every name, place and setting of the run. Pure."""
    project, stack = contract.project, settings.stack
    base = f"s3://{settings.bucket}/"

    def uri(*rest: str) -> str:
        return base + keys.run(project, run_id, *rest)

    def prepared_of(model: ChampionModel | None) -> str:
        return base + keys.run(project, model.run_id, "prepared/") if model else NO_MODEL

    def execution(stage: str) -> str:
        return names.bounded(f"{project}-{run_id}-{stage}", names.EXECUTION_LIMIT)

    uris = RunUris(
        accepted=base + keys.accepted(project),
        inputs=uri("run.json"),
        prepared=uri("prepared/"),
        train=uri("prepared", "train/"),
        validation=uri("prepared", "validation/"),
        test=uri("prepared", "test/"),
        contract=uri("contract/"),
        source=settings.source_uri,
        training=uri("training/"),
        evaluation=uri("evaluation/"),
        champion_prepared=prepared_of(champion),
        anchor_prepared=prepared_of(anchor),
    )
    tags = names.tags(stack, project, run_id)
    metric = f"validation:{contract.problem.metric}"
    metric_definitions = [
        {"Name": f"validation:{name}", "Regex": f"validation:{name}=([-+0-9.eE]+)"}
        for name in METRICS[contract.problem.type]
    ]
    # segments keep the names that they have in the serving model: each training job asks it
    asked = champion.artifact_uri if champion and contract.problem.type == "clustering" else None
    return TrainingPlan(
        project=project,
        run_id=run_id,
        trigger=trigger,
        datasets=len(dataset_ids),
        metric=metric,
        metric_definitions=metric_definitions,
        maximize=not contract.lower_is_better,
        approval=contract.release.approval,
        approval_timeout_seconds=seconds(contract.release.approval_timeout),
        endpoint=names.endpoint(stack, project),
        image=settings.image,
        tags=tags,
        channels=channels(uris, champion=asked),
        baseline=BaselineTraining(hyperparameters=static_parameters(run_id, "baseline")),
        spot=contract.training.spot,
        stopping=stopping_condition(contract, _BASELINE_SECONDS),
        instance=contract.training.instance,
        code=JobCode(sourcedir=settings.source_uri, learn=settings.learn_uri, glue=settings.glue_script_uri),
        uris=uris,
        names=RunNames(
            baseline_job=names.job(stack, project, run_id, "baseline"),
            tuning_job=names.tuning_job(stack, run_id),
            evaluation_job=names.job(stack, project, run_id, "evaluation"),
            prepare_execution=execution("prepare"),
            build_execution=execution("build"),
            release_execution=execution("release"),
        ),
        tuning=tuning_plan(settings, contract, run_id, uris, metric, metric_definitions, asked, last),
        champion=champion,
        anchor=anchor,
    )
