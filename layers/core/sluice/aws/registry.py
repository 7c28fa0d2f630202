"""The SageMaker model registry: a group per project, a package per run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from sluice.aws.clients import Clients, absent, exists_already, project_of
from sluice.errors import InputError, NotFoundError
from sluice.model.shortening import shortened
from sluice.names import digest, tags
from sluice.ports import Json, Settings

_CONTENT_TYPES = ["application/json", "application/jsonlines", "text/csv"]
_NOT_ALLOWED = re.compile(r"[^\w\s.:/=+\-@]")


class SageMakerRegistry:
    def __init__(self, clients: Clients, settings: Settings) -> None:
        self._clients = clients
        self._settings = settings

    def register(self, group: str, artifact_uri: str, image: str, facts: Mapping[str, str], approved: bool) -> str:
        """Raises InputError when `facts` has no `run_id`, by which a retry finds its package."""
        run_id = facts.get("run_id")
        if not run_id:
            raise InputError("a model package needs the fact `run_id`")
        self._ensure_group(group, project_of(artifact_uri))
        existing = self._find(group, run_id)
        if existing:
            return existing
        answer = self._sagemaker.create_model_package(
            ModelPackageGroupName=group,
            ModelPackageDescription=_description(run_id),
            InferenceSpecification={
                "Containers": [{"Image": image, "ModelDataUrl": artifact_uri}],
                "SupportedContentTypes": _CONTENT_TYPES,
                "SupportedResponseMIMETypes": _CONTENT_TYPES,
            },
            ModelApprovalStatus="Approved" if approved else "PendingManualApproval",
            CustomerMetadataProperties=_metadata(facts),
            # two twins at the same moment get the same package; the versions of a group cannot carry tags
            ClientToken=digest(group, run_id, length=32),
        )
        return str(answer["ModelPackageArn"])

    def decide(self, package_arn: str, status: str, reason: str) -> None:
        if status not in ("Approved", "Rejected"):
            raise InputError(f"a model package is Approved or Rejected, not {status!r}")
        description = shortened(reason, 1_024, "the run's record")
        try:
            self._sagemaker.update_model_package(
                ModelPackageArn=package_arn,
                ModelApprovalStatus=status,
                ApprovalDescription=description,
            )
        except ClientError as error:
            raise _translated(error, package_arn) from error

    def package(self, package_arn: str) -> Json:
        try:
            found = self._sagemaker.describe_model_package(ModelPackageName=package_arn)
        except ClientError as error:
            raise _translated(error, package_arn) from error
        return {
            "status": found["ModelApprovalStatus"],
            "artifact_uri": found["InferenceSpecification"]["Containers"][0]["ModelDataUrl"],
            "facts": dict(found.get("CustomerMetadataProperties", {})),
        }

    def _ensure_group(self, group: str, project: str) -> None:
        try:
            self._sagemaker.create_model_package_group(
                ModelPackageGroupName=group,
                ModelPackageGroupDescription=f"Models of the Sluice project {project}",
                Tags=tags(self._settings.stack, project),
            )
        except ClientError as error:
            if not exists_already(error):
                raise

    def _find(self, group: str, run_id: str) -> str | None:
        """The listing has the description but not the metadata: only likely packages are described."""
        pages = self._sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
        )
        for page in pages:
            for summary in page["ModelPackageSummaryList"]:
                arn: str = summary["ModelPackageArn"]
                likely = summary.get("ModelPackageDescription", _description(run_id)) == _description(run_id)
                if likely and self.package(arn)["facts"].get("run_id") == run_id:
                    return arn
        return None

    @property
    def _sagemaker(self) -> Any:
        return self._clients("sagemaker")


def _description(run_id: str) -> str:
    return f"Sluice run {run_id}"


def _metadata(facts: Mapping[str, str]) -> dict[str, str]:
    """Within the service's limits: 50 entries, values of 1 to 256 letters, digits and a few marks."""
    if len(facts) > 50:
        raise InputError(f"a model package takes 50 facts, not {len(facts)}")
    return {key: _NOT_ALLOWED.sub("_", str(value))[:256] for key, value in facts.items() if str(value)}


def _translated(error: ClientError, package_arn: str) -> Exception:
    return NotFoundError(f"there is no model package {package_arn}") if absent(error) else error
