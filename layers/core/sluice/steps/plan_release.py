"""Release: the model, the endpoint configurations and the alarms that it needs; changes no traffic yet."""

from __future__ import annotations

from typing import Any

from sluice import keys, names
from sluice.errors import ArtifactError, ReleaseError
from sluice.ports import Champion, EndpointState, Json, Variant, World
from sluice.release import alarms, plan
from sluice.steps.run_records import run_contract, update_run
from sluice.steps.sealed_models import verified, verified_champion

ENVIRONMENT = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
}


def plan_release(world: World, project: str, run_id: str, package_arn: str, artifact_uri: str) -> Json:
    """The plan that release_model follows; `mode` and `decision` are create | canary | replace.

    Raises ReleaseError when the endpoint is in no state in which a release may begin, ArtifactError when a model that
    would serve is not the one that was sealed, or the package is of another.
    """
    contract = run_contract(world, project, run_id)
    stack, release = world.settings.stack, contract.release
    endpoint = names.endpoint(stack, project)
    variant = names.variant(run_id)
    model = names.model(stack, project, run_id)
    champion = world.ledger.champion(project)
    mode = _mode(endpoint, world.models.endpoint(endpoint), champion, run_id)
    seal = verified(world, project, run_id, artifact_uri)
    approved = world.registry.package(package_arn)["facts"].get("archive_sha256")
    if approved != seal.archive_sha256:
        raise ArtifactError(
            f"{package_arn} was approved with the archive {str(approved)[:16]}…, but {artifact_uri} is "
            f"{seal.archive_sha256[:16]}…: train anew"
        )
    if mode == "canary" and champion:
        # the canary's configuration starts the champion's instances anew, from its archive
        verified_champion(world, project, champion)

    world.models.ensure_model(model, artifact_uri, world.settings.image, ENVIRONMENT)
    capture = world.objects.uri(keys.capture(project)).rstrip("/")

    def with_weight(name: str, model_name: str, weight: float) -> Variant:
        return Variant(name, model_name, weight, release.instance, release.instances)

    only = names.endpoint_config(stack, project, run_id, "only")
    world.models.ensure_endpoint_config(only, [with_weight(variant, model, 1.0)], capture, release.capture_percent)
    canary = None
    ringing: list[str] = []
    if mode == "canary" and champion:
        canary = names.endpoint_config(stack, project, run_id, "canary")
        both = [with_weight(champion.variant, champion.model, 1.0), with_weight(variant, model, 0.0)]
        world.models.ensure_endpoint_config(canary, both, capture, release.capture_percent)
        for alarm in alarms.canary_alarms(stack, project, run_id, endpoint, release.max_p99_ms):
            world.alarms.put(alarm)
            ringing.append(alarm.name)
    update_run(world, project, run_id, {"release": {"mode": mode, "endpoint": endpoint, "package_arn": package_arn}})
    content: dict[str, Any] = {
        "mode": mode,
        "decision": mode,
        "endpoint": endpoint,
        "model": model,
        "package_arn": package_arn,
        "artifact_uri": artifact_uri,
        "only_config": only,
        "canary_config": canary,
        "champion_config": champion.endpoint_config if champion else None,
        "champion_variant": champion.variant if champion else None,
        "variant": variant,
        "steps": list(release.steps),
        "weights": plan.weights(release.steps),
        "alarms": ringing,
        "traffic": False,
        "started_at": world.clock.now().isoformat(),
        "tags": names.tags(stack, project, run_id),
    }
    return {**content, **plan.timing(release)}


def _mode(endpoint: str, state: EndpointState | None, champion: Champion | None, run_id: str) -> str:
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
    return "canary"
