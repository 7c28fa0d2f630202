"""Release: the model, the endpoint configurations and the alarms that it needs; changes no traffic yet."""

from __future__ import annotations

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
    contract = run_contract(project, run_id, objects=objects)
    stack, release = settings.stack, contract.release
    endpoint, model = names.endpoint(stack, project), names.model(stack, project, run_id)
    if other := take_endpoint(project, run_id, ledger=ledger, clock=clock):
        raise EndpointBusyError(f"the endpoint of {project} is being changed by {other}")
    champion, state = ledger.champion(project), models.endpoint(endpoint)
    if drill:
        return _drill(
            project,
            run_id,
            endpoint,
            champion,
            state,
            release,
            settings=settings,
            objects=objects,
            alarms=alarms,
            models=models,
            signer=signer,
            clock=clock,
        )
    mode = _mode(endpoint, state, champion, run_id, release)
    if state is not None:
        _refuse_what_cannot_be_judged(endpoint, state, models=models)
    seal = verified(project, run_id, artifact_uri, objects=objects, signer=signer)
    approved = registry.package(package_arn)["facts"].get("archive_sha256")
    if approved != seal.archive_sha256:
        raise ArtifactError(
            f"{package_arn} was approved with the archive {str(approved)[:16]}…, but {artifact_uri} is "
            f"{seal.archive_sha256[:16]}…: train again"
        )
    beside = champion if champion and mode not in FIRST_MODEL_MODES else None
    if beside:
        # its instances start again from its archive: beside the new model, or in a rollback
        verified_champion(project, beside, objects=objects, signer=signer)

    models.ensure_model(model, artifact_uri, settings.image, ENVIRONMENT)
    # SageMaker swaps the fleet of a variant, and so wants its name to stay
    variant = beside.variant if beside and mode == "blue_green" else names.variant(run_id)
    machines = max([release.instances, *(v.instances for v in state.variants)] if state and beside else [1])
    only = names.endpoint_config(stack, project, run_id, "only")
    _ensure_config(project, only, release, {variant: (model, 1.0)}, machines, objects=objects, models=models)
    canary, ringing = None, []
    if beside:
        if mode != "blue_green":
            canary = names.endpoint_config(stack, project, run_id, "canary")
            both = {beside.variant: (beside.model, 1.0), variant: (model, 0.0)}
            _ensure_config(project, canary, release, both, machines, objects=objects, models=models)
        swapped = endpoint_alarms.of_fleet(endpoint, variant, only)
        served = swapped if mode == "blue_green" else endpoint_alarms.of_variant(endpoint, variant)
        ringing = canary_alarms.ensure(project, run_id, served, release, settings=settings, alarms=alarms)
    started = StartedRelease(mode=mode, endpoint=endpoint, package_arn=package_arn)
    update_run(project, run_id, RunFacts(release=started), ledger=ledger)
    times = plan.timing(release)
    return ReleasePlan(
        mode=mode,
        decision=mode,
        strategy=release.strategy,
        drill=False,
        endpoint=endpoint,
        model=model,
        package_arn=package_arn,
        artifact_uri=artifact_uri,
        only_config=only,
        canary_config=canary,
        champion_config=champion.endpoint_config if champion else None,
        champion_variant=champion.variant if champion else None,
        champion_run=champion.run_id if champion else None,
        variant=variant,
        machines=machines,
        weights=plan.weights(release),
        routing=plan.routing(release),
        # without captures held-out rows may be asked
        replay=bool(canary and release.replay and (release.capture_percent or release.no_traffic == "promote")),
        alarms=ringing,
        started_at=clock.now().isoformat(),
        tags=names.tags(stack, project, run_id),
        bake_seconds=times["bake_seconds"],
        slice_seconds=times["slice_seconds"],
        max_bake_seconds=times["max_bake_seconds"],
    )


def _drill(
    project: str,
    drill_id: str,
    endpoint: str,
    champion: Champion | None,
    state: EndpointState | None,
    release: Release,
    *,
    settings: Settings,
    objects: ObjectStore,
    alarms: Alarms,
    models: Models,
    signer: Signer,
    clock: Clock,
) -> ReleasePlan:
    if champion is None or state is None or state.status != "InService":
        raise ReleaseError(f"{project} has no endpoint in service to drill on")
    if [variant.name for variant in state.variants] != [champion.variant]:
        raise ReleaseError(f"{endpoint} does not serve {champion.variant} alone: roll the project back first")
    _refuse_what_cannot_be_judged(endpoint, state, models=models)
    verified_champion(project, champion, objects=objects, signer=signer)
    variant = names.variant(drill_id)
    canary = names.endpoint_config(settings.stack, project, drill_id, "canary")
    both = {champion.variant: (champion.model, 1.0), variant: (champion.model, 0.0)}
    _ensure_config(project, canary, release, both, state.variants[0].instances, objects=objects, models=models)
    ringing = canary_alarms.ensure(
        project, drill_id, endpoint_alarms.of_variant(endpoint, variant), release, settings=settings, alarms=alarms
    )
    times = plan.timing(release)
    return ReleasePlan(
        mode="canary",
        decision="canary",
        strategy="canary",
        drill=True,
        endpoint=endpoint,
        model=champion.model,
        package_arn=champion.package_arn,
        artifact_uri=champion.metrics.get("artifact_uri"),
        only_config=champion.endpoint_config,
        canary_config=canary,
        champion_config=champion.endpoint_config,
        champion_variant=champion.variant,
        champion_run=champion.run_id,
        variant=variant,
        machines=state.variants[0].instances,
        weights=[plan.step(DRILL_PERCENT)],
        routing=None,
        replay=False,
        alarms=ringing,
        started_at=clock.now().isoformat(),
        tags=names.tags(settings.stack, project, drill_id),
        bake_seconds=times["bake_seconds"],
        slice_seconds=times["slice_seconds"],
        max_bake_seconds=times["max_bake_seconds"],
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
        return "replace"
    if champion.variant not in {variant.name for variant in state.variants}:
        raise ReleaseError(
            f"endpoint {endpoint} serves {state.config}, which lacks the champion's variant {champion.variant}: "
            "roll the project back or delete the endpoint before the next release"
        )
    return release.strategy


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
