"""The model registry: package groups, versioned packages, approval."""

from __future__ import annotations

import re
from typing import Any

from localcloud.extension import CallContext, ServiceError, operation
from localcloud.sagemaker import checks, events, images, store

Record = dict[str, Any]

_EVENT = "SageMaker Model Package State Change"
_NOT_THERE = ("ValidationSpecification", "AdditionalInferenceSpecifications", "CertifyForMarketplace", "ModelCard")

groups = store.Table(
    missing=lambda name: checks.invalid(f"ModelPackageGroup {store.arn('model-package-group', name)} does not exist."),
    exists=lambda name, record: checks.invalid(f"Model Package Group already exists: {record['ModelPackageGroupArn']}"),
)
packages = store.Table(
    missing=lambda arn: checks.invalid(f"ModelPackage {arn} does not exist."),
    exists=lambda arn, record: ServiceError("ConflictException", f"ModelPackage {arn} already exists."),
)


@operation("CreateModelPackageGroup")
def create_model_package_group(request: Record, context: CallContext) -> Record:
    name = request["ModelPackageGroupName"]
    checks.refuse(request, "ManagedConfiguration")
    record = {
        **store.pick(request, "ModelPackageGroupName", "ModelPackageGroupDescription"),
        "ModelPackageGroupArn": store.arn("model-package-group", name),
        "CreationTime": store.now(),
        "CreatedBy": {},
        "ModelPackageGroupStatus": "Completed",
        "_versions": 0,
    }
    groups.add(name, record)
    store.tag(record["ModelPackageGroupArn"], request.get("Tags"))
    return {"ModelPackageGroupArn": record["ModelPackageGroupArn"]}


@operation("DescribeModelPackageGroup")
def describe_model_package_group(request: Record, context: CallContext) -> Record:
    return checks.answer("DescribeModelPackageGroup", groups.get(_name(request["ModelPackageGroupName"])))


@operation("ListModelPackageGroups")
def list_model_package_groups(request: Record, context: CallContext) -> Record:
    found, more = store.page(groups.all(), request, name="ModelPackageGroupName")
    members = ("ModelPackageGroupName", "ModelPackageGroupArn", "ModelPackageGroupDescription", "CreationTime")
    return {
        "ModelPackageGroupSummaryList": [store.pick(r, *members, "ModelPackageGroupStatus") for r in found],
        **more,
    }


@operation("DeleteModelPackageGroup")
def delete_model_package_group(request: Record, context: CallContext) -> Record:
    name = _name(request["ModelPackageGroupName"])
    group = groups.get(name)
    if any(p["ModelPackageGroupName"] == name for p in packages.all()):
        raise ServiceError("ConflictException", f"Model Package Group {group['ModelPackageGroupArn']} is not empty.")
    store.untag(groups.remove(name)["ModelPackageGroupArn"])
    return {}


@operation("CreateModelPackage")
def create_model_package(request: Record, context: CallContext) -> Record:
    if request.get("ModelPackageName") or not request.get("ModelPackageGroupName"):
        raise checks.unsupported("an unversioned model package (use ModelPackageGroupName)")
    checks.refuse(request, *_NOT_THERE, "SourceAlgorithmSpecification", "SecurityConfig", "ManagedStorageType")
    if not request.get("InferenceSpecification"):
        raise checks.unsupported("a model package without InferenceSpecification")
    containers = request["InferenceSpecification"]["Containers"]
    if len(containers) > 1:
        raise checks.unsupported(f"an inference pipeline of {len(containers)} containers")
    images.python_of(containers[0]["Image"])
    group = groups.get(_name(request["ModelPackageGroupName"]))
    with store.lock():
        token = request.get("ClientToken")
        for existing in packages.all() if token else []:
            if existing.get("_token") == token:
                return {"ModelPackageArn": existing["ModelPackageArn"]}
        group["_versions"] += 1
        version = group["_versions"]
        name = group["ModelPackageGroupName"]
        arn = store.arn("model-package", f"{name}/{version}")
        record = {
            **{k: v for k, v in request.items() if k not in ("Tags", "ClientToken")},
            "ModelPackageGroupName": name,
            "ModelPackageVersion": version,
            "ModelPackageArn": arn,
            "CreationTime": store.now(),
            "CreatedBy": {},
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {
                "ValidationStatuses": [],
                "ImageScanStatuses": [],
            },
            "ModelApprovalStatus": request.get("ModelApprovalStatus", "PendingManualApproval"),
            "_token": token,
        }
        packages.add(arn, record)
        store.tag(arn, request.get("Tags"))
        events.changed(_EVENT, arn, _with_name(record))
    return {"ModelPackageArn": arn}


@operation("DescribeModelPackage")
def describe_model_package(request: Record, context: CallContext) -> Record:
    with store.lock():
        return checks.answer("DescribeModelPackage", _with_name(package(request["ModelPackageName"])))


@operation("UpdateModelPackage")
def update_model_package(request: Record, context: CallContext) -> Record:
    checks.refuse(request, "AdditionalInferenceSpecificationsToAdd", "InferenceSpecification", "ModelCard")
    with store.lock():
        record = package(request["ModelPackageArn"])
        before = record["ModelApprovalStatus"]
        for member in ("ModelApprovalStatus", "ApprovalDescription", "SourceUri", "ModelLifeCycle"):
            if member in request:
                record[member] = request[member]
        properties = {**record.get("CustomerMetadataProperties", {}), **request.get("CustomerMetadataProperties", {})}
        for key in request.get("CustomerMetadataPropertiesToRemove", []):
            properties.pop(key, None)
        record["CustomerMetadataProperties"] = properties
        record["LastModifiedTime"] = store.now()
        record["LastModifiedBy"] = {}
        status = record["ModelApprovalStatus"]
        fields = {"ModelApprovalStatus": status} if before != status else {}
        events.changed(_EVENT, record["ModelPackageArn"], {**_with_name(record), "UpdatedModelPackageFields": fields})
        return {"ModelPackageArn": record["ModelPackageArn"]}


@operation("ListModelPackages")
def list_model_packages(request: Record, context: CallContext) -> Record:
    found = packages.all()
    if wanted := request.get("ModelPackageGroupName"):
        name = groups.get(_name(wanted))["ModelPackageGroupName"]
        found = [p for p in found if p["ModelPackageGroupName"] == name]
    elif request.get("ModelPackageType", "Unversioned") == "Unversioned":
        found = []  # every package here has a version
    if status := request.get("ModelApprovalStatus"):
        found = [p for p in found if p["ModelApprovalStatus"] == status]
    # Versions of one group share its name: creation order tells them apart.
    shown, more = store.page(found, request, name="ModelPackageGroupName")
    members = ("ModelPackageGroupName", "ModelPackageVersion", "ModelPackageArn", "ModelPackageDescription")
    return {
        "ModelPackageSummaryList": [
            store.pick(p, *members, "CreationTime", "ModelPackageStatus", "ModelApprovalStatus") for p in shown
        ],
        **more,
    }


@operation("DeleteModelPackage")
def delete_model_package(request: Record, context: CallContext) -> Record:
    with store.lock():
        record = packages.remove(package(request["ModelPackageName"])["ModelPackageArn"])
        store.untag(record["ModelPackageArn"])
        events.changed(_EVENT, record["ModelPackageArn"], {**_with_name(record), "ModelPackageStatus": "Deleted"})
    return {}


def package(name: str) -> Record:
    """The package with ARN `name`; ValidationException when there is none."""
    return packages.get(name if name.startswith("arn:") else store.arn("model-package", name))


def _name(group: str) -> str:
    """A group's name from its name or ARN."""
    return re.sub(r"^arn:.*:model-package-group/", "", group)


def _with_name(record: Record) -> Record:
    # Versioned packages are called by their group and version in answers and events.
    return {**record, "ModelPackageName": f"{record['ModelPackageGroupName']}/{record['ModelPackageVersion']}"}
