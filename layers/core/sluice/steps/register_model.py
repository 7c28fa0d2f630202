"""Registry: the candidate's sealed archive becomes a model package."""

from __future__ import annotations

from sluice import names
from sluice.errors import ArtifactError
from sluice.ports import Json, Ledger, ObjectStore, Registry, Settings, Signer
from sluice.records.run_record import RunFacts
from sluice.serving.sealed_models import verified
from sluice.store.run_records import evaluation_of, run_inputs, update_run


def register_model(
    project: str,
    run_id: str,
    artifact_uri: str,
    *,
    settings: Settings,
    objects: ObjectStore,
    ledger: Ledger,
    registry: Registry,
    signer: Signer,
) -> Json:
    """`{"package_arn", "approval", "decision", "artifact_sha256"}`; `decision` equals `approval`.

    Raises ArtifactError when the archive is not the one that was sealed, or not the one that was evaluated.
    """
    inputs = run_inputs(project, run_id, objects=objects)
    contract = inputs.contract
    seal = verified(project, run_id, artifact_uri, objects=objects, signer=signer)
    sha256 = seal.artifact_sha256
    evaluation = evaluation_of(project, run_id, objects=objects)
    evaluated = evaluation.candidate.artifact_sha256
    if evaluated != sha256:
        raise ArtifactError(
            f"{artifact_uri} is {sha256[:12]}…, but the gates judged {str(evaluated)[:12]}…: train again"
        )
    metric = str(contract.problem.metric)
    facts = {
        "run_id": run_id,
        "project": project,
        "metric": metric,
        "value": str(evaluation.candidate.metrics.get(metric)),
        "artifact_sha256": sha256,
        "archive_sha256": seal.archive_sha256,
        "datasets": str(len(inputs.datasets)),
    }
    approval = contract.release.approval
    arn = registry.register(
        names.package_group(settings.stack, project),
        artifact_uri,
        settings.image,
        facts,
        approved=approval == "automatic",
    )
    update_run(
        project, run_id, RunFacts(package_arn=arn, artifact_uri=artifact_uri, artifact_sha256=sha256), ledger=ledger
    )
    return {"decision": approval, "approval": approval, "package_arn": arn, "artifact_sha256": sha256}
