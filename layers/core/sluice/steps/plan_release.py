"""Release: the model, the endpoint configurations and the alarms that it needs; changes no traffic yet."""

from __future__ import annotations

from dataclasses import dataclass

from sluice import keys, names
from sluice.contract import Release
from sluice.errors import ArtifactError, EndpointBusyError, ReleaseError
from sluice.ports import (
    Alarms,
    Champion,
    Clock,
    EndpointState,
    Ledger,
    Models,
    ObjectStore,
    Registry,
    Settings,
    Signer,
    Variant,
)
from sluice.records.boundary import json_boundary
from sluice.records.release_plan import FIRST_MODEL_MODES, Mode, ReleasePlan
from sluice.records.run_record import RunFacts, StartedRelease
from sluice.release import endpoint_alarms, plan
from sluice.serving import canary_alarms
from sluice.serving.endpoint_lock import take_endpoint
from sluice.serving.own_endpoint import serves_a_run_of
from sluice.serving.sealed_models import verified, verified_champion
from sluice.store.run_records import run_contract, update_run

DRILL_PERCENT = 10
ENVIRONMENT = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
}


@json_boundary
def plan_release(
    project: str,
    run_id: str,
    package_arn: str,
    artifact_uri: str,
    drill: bool = False,
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    alarms: Alarms,
    models: Models,
    registry: Registry,
    signer: Signer,
    clock: Clock,
) -> ReleasePlan:
    """The plan that release_model follows; `mode` and `decision` are create | replace | the contract's strategy.

    A drill releases the champion's own model beside itself, as a canary that is never promoted. From here to its
    run's end the release alone may change the endpoint. Raises EndpointBusyError while somebody else does,
    ReleaseError when the endpoint is in no state in which a release may begin, ArtifactError when a model that would
    serve is not the one that was sealed, or the package is of another.
    """
    release, stack = run_contract(project, run_id, objects=objects).release, settings.stack
    endpoint = names.endpoint(stack, project)
    if other := take_endpoint(project, run_id, ledger=ledger, clock=clock):
        raise EndpointBusyError(f"the endpoint of {project} is being changed by {other}")
    champion, state = ledger.champion(project), models.endpoint(endpoint)
    new = (
        _drilled(project, run_id, endpoint, champion, state)
        if drill
        else _released(stack, project, run_id, package_arn, artifact_uri, release, champion, state)
    )
    if new.mode == "replace" and state:
        _refuse_a_strangers(project, endpoint, state, ledger=ledger)
    if state is not None:
        _refuse_what_cannot_be_judged(endpoint, state, models=models)
    if not drill:
        _verify_package(project, run_id, package_arn, artifact_uri, objects=objects, registry=registry, signer=signer)
    if new.beside:
        # its instances start again from its archive: beside the new model, or in a rollback
        verified_champion(project, new.beside, objects=objects, signer=signer)

    if not drill:  # whose model and configuration are the champion's
        models.ensure_model(new.model, artifact_uri, settings.image, ENVIRONMENT)
        alone = {new.variant: (new.model, 1.0)}
        _ensure_config(project, new.only_config, release, alone, new.machines, objects=objects, models=models)
    canary, ringing = None, []
    if new.beside:
        if new.mode != "blue_green":
            canary = names.endpoint_config(stack, project, run_id, "canary")
            both = {new.beside.variant: (new.beside.model, 1.0), new.variant: (new.model, 0.0)}
            _ensure_config(project, canary, release, both, new.machines, objects=objects, models=models)
        swapped = endpoint_alarms.of_fleet(endpoint, new.variant, new.only_config)
        served = swapped if new.mode == "blue_green" else endpoint_alarms.of_variant(endpoint, new.variant)
        ringing = canary_alarms.ensure(project, run_id, served, release, settings=settings, alarms=alarms)
    if not drill:
        started = StartedRelease(mode=new.mode, endpoint=endpoint, package_arn=package_arn)
        update_run(project, run_id, RunFacts(release=started), ledger=ledger)
    times = plan.timing(release)
    # without captures held-out rows may be asked
    replayed = bool(canary and release.replay and (release.capture_percent or release.no_traffic == "promote"))
    return ReleasePlan(
        mode=new.mode,
        decision=new.mode,
        strategy="canary" if drill else release.strategy,
        drill=drill,
        endpoint=endpoint,
        model=new.model,
        package_arn=new.package_arn,
        artifact_uri=new.artifact_uri,
        only_config=new.only_config,
        canary_config=canary,
        champion_config=champion.endpoint_config if champion else None,
        champion_variant=champion.variant if champion else None,
        champion_run=champion.run_id if champion else None,
        variant=new.variant,
        machines=new.machines,
        weights=[plan.step(DRILL_PERCENT)] if drill else plan.weights(release),
        routing=None if drill else plan.routing(release),
        replay=replayed and not drill,
        alarms=ringing,
        started_at=clock.now().isoformat(),
        tags=names.tags(stack, project, run_id),
        bake_seconds=times["bake_seconds"],
        slice_seconds=times["slice_seconds"],
        max_bake_seconds=times["max_bake_seconds"],
    )


@dataclass(frozen=True)
class _NewVariant:
    """The variant that is released: of a new model, or in a drill of the champion's own."""

    mode: Mode
    model: str
    package_arn: str
    artifact_uri: str | None
    only_config: str
    variant: str
    machines: int
    beside: Champion | None
    """The champion, if it serves beside the new variant."""


def _released(
    stack: str,
    project: str,
    run_id: str,
    package_arn: str,
    artifact_uri: str,
    release: Release,
    champion: Champion | None,
    state: EndpointState | None,
) -> _NewVariant:
    """Raises ReleaseError when the endpoint is in no state in which a release may begin."""
    mode = _mode(names.endpoint(stack, project), state, champion, run_id, release)
    beside = champion if mode not in FIRST_MODEL_MODES else None
    return _NewVariant(
        mode=mode,
        model=names.model(stack, project, run_id),
        package_arn=package_arn,
        artifact_uri=artifact_uri,
        only_config=names.endpoint_config(stack, project, run_id, "only"),
        # SageMaker swaps the fleet of a variant, and so wants its name to stay
        variant=beside.variant if beside and mode == "blue_green" else names.variant(run_id),
        machines=max([release.instances, *(v.instances for v in state.variants)] if state and beside else [1]),
        beside=beside,
    )


def _drilled(
    project: str, drill_id: str, endpoint: str, champion: Champion | None, state: EndpointState | None
) -> _NewVariant:
    """The champion's own model and configuration, as a canary. Raises ReleaseError if it does not serve alone."""
    if champion is None or state is None or state.status != "InService":
        raise ReleaseError(f"{project} has no endpoint in service to drill on")
    if [variant.name for variant in state.variants] != [champion.variant]:
        raise ReleaseError(f"{endpoint} does not serve {champion.variant} alone: roll the project back first")
    return _NewVariant(
        mode="canary",
        model=champion.model,
        package_arn=champion.package_arn,
        artifact_uri=champion.metrics.get("artifact_uri"),
        only_config=champion.endpoint_config,
        variant=names.variant(drill_id),
        machines=state.variants[0].instances,
        beside=champion,
    )


def _verify_package(
    project: str,
    run_id: str,
    package_arn: str,
    artifact_uri: str,
    *,
    objects: ObjectStore,
    registry: Registry,
    signer: Signer,
) -> None:
    """Raises ArtifactError unless the archive is the one that was sealed, and the one that the package names."""
    seal = verified(project, run_id, artifact_uri, objects=objects, signer=signer)
    approved = registry.package(package_arn)["facts"].get("archive_sha256")
    if approved != seal.archive_sha256:
        raise ArtifactError(
            f"{package_arn} was approved with the archive {str(approved)[:16]}…, but {artifact_uri} is "
            f"{seal.archive_sha256[:16]}…: train again"
        )


def _ensure_config(
    project: str,
    name: str,
    release: Release,
    served: dict[str, tuple[str, float]],
    machines: int,
    *,
    objects: ObjectStore,
    models: Models,
) -> None:
    """`served`: variant → (model, weight)."""
    variants = [
        Variant(variant, model, weight, release.instance, max(machines, release.instances))
        for variant, (model, weight) in served.items()
    ]
    capture = objects.uri(keys.capture(project)).rstrip("/")
    models.ensure_endpoint_config(name, variants, capture, release.capture_percent)


def _mode(endpoint: str, state: EndpointState | None, champion: Champion | None, run_id: str, release: Release) -> Mode:
    if champion and champion.run_id == run_id:
        raise ReleaseError(f"{run_id} is the champion on {endpoint} already")
    if state is None:
        return "create"
    if state.status != "InService":
        # a failed endpoint can only be deleted; one that is changing belongs to somebody else's change
        advice = "delete it and release again" if state.status == "Failed" else "wait until it is InService"
        raise ReleaseError(f"endpoint {endpoint} is {state.status}: {advice}")
    if champion is None:
        return "replace"  # of a first release that failed
    if champion.variant not in {variant.name for variant in state.variants}:
        raise ReleaseError(
            f"endpoint {endpoint} serves {state.config}, which lacks the champion's variant {champion.variant}: "
            "roll the project back or delete the endpoint before the next release"
        )
    return release.strategy


def _refuse_a_strangers(project: str, endpoint: str, state: EndpointState, *, ledger: Ledger) -> None:
    """Raises ReleaseError for an endpoint that no run of this project has changed: others' requests go to it."""
    if not serves_a_run_of(project, state, ledger=ledger):
        serves = ", ".join(variant.name for variant in state.variants)
        raise ReleaseError(
            f"endpoint {endpoint} serves {serves or 'nothing'}, which no run of {project} made: it is another stack's, "
            "or was made by hand. Give this project another name, or delete that endpoint, then release again"
        )


def _refuse_what_cannot_be_judged(endpoint: str, state: EndpointState, *, models: Models) -> None:
    """Changes to the endpoint that no contract can ask for, but that somebody may have made by hand."""
    if serverless := [variant.name for variant in state.variants if variant.serverless]:
        raise ReleaseError(
            f"{', '.join(serverless)} of {endpoint} is serverless: such an endpoint has no second variant, no weights "
            "and no captured requests, so no release onto it can be judged. `sluice remove-endpoint`, then release"
        )
    if scaled := models.scaled_variants(endpoint):
        raise ReleaseError(
            f"{', '.join(scaled)} of {endpoint} has an autoscaling policy: SageMaker refuses to replace such a "
            "variant. Deregister its scalable target, set `release.instances` for the peak, then release again"
        )
