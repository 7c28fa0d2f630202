"""Models: what an endpoint or a transform runs."""

from __future__ import annotations

from typing import Any

from localcloud.extension import CallContext, operation
from localcloud.sagemaker import checks, images, registry, store, transfer
from localcloud.sagemaker.containers import ClientError

Record = dict[str, Any]

table = store.Table(
    missing=lambda name: checks.invalid(f'Could not find model "{store.arn("model", name)}".'),
    exists=lambda name, record: checks.invalid(f'Cannot create already existing model "{record["ModelArn"]}".'),
)


@operation("CreateModel")
def create_model(request: Record, context: CallContext) -> Record:
    name = request["ModelName"]
    table.free(name)
    checks.ignore(request, name, "VpcConfig")
    if not request.get("ExecutionRoleArn"):
        raise checks.invalid("ExecutionRoleArn is required.")
    if request.get("PrimaryContainer") and request.get("Containers"):
        raise checks.invalid("Only one of PrimaryContainer and Containers can be given.")
    containers = request.get("Containers") or ([request["PrimaryContainer"]] if "PrimaryContainer" in request else [])
    if not containers:
        raise checks.invalid("PrimaryContainer or Containers is required.")
    if len(containers) > 1:
        raise checks.unsupported(f"an inference pipeline of {len(containers)} containers")
    checks.role(request["ExecutionRoleArn"])
    served = _served(containers[0], request["ExecutionRoleArn"])
    record = {
        **{k: v for k, v in request.items() if k != "Tags"},
        "ModelArn": store.arn("model", name),
        "CreationTime": store.now(),
        "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
        "_served": served,
    }
    table.add(name, record)
    store.tag(record["ModelArn"], request.get("Tags"))
    return {"ModelArn": record["ModelArn"]}


@operation("DescribeModel")
def describe_model(request: Record, context: CallContext) -> Record:
    return checks.answer("DescribeModel", table.get(request["ModelName"]))


@operation("ListModels")
def list_models(request: Record, context: CallContext) -> Record:
    found, more = store.page(table.all(), request, name="ModelName")
    return {"Models": [store.pick(r, "ModelName", "ModelArn", "CreationTime") for r in found], **more}


@operation("DeleteModel")
def delete_model(request: Record, context: CallContext) -> Record:
    store.untag(table.remove(request["ModelName"])["ModelArn"])
    return {}


def served_container(name: str) -> Record:
    """What a serving process of model `name` needs: `Image`, `ModelDataUrl`, `Environment`, `RoleArn`, `Isolated`.

    Raises ValidationException when there is no such model.
    """
    record = table.get(name)
    return {**record["_served"], "RoleArn": record["ExecutionRoleArn"], "Isolated": record["EnableNetworkIsolation"]}


def _served(container: Record, role_arn: str) -> Record:
    """A container definition, or that of its model package, with its artefact seen under the role."""
    checks.refuse(
        container,
        "MultiModelConfig",
        "AdditionalModelDataSources",
        "InferenceSpecificationName",
    )
    if container.get("Mode", "SingleModel") != "SingleModel":
        raise checks.unsupported(f"container mode {container['Mode']}")
    if container.get("ModelPackageName"):
        package = registry.package(container["ModelPackageName"])
        if package.get("ModelApprovalStatus") != "Approved":
            raise checks.invalid(
                f"The model package {package['ModelPackageArn']} must be Approved to create a model from it; it is "
                f"{package.get('ModelApprovalStatus')}."
            )
        base = package["InferenceSpecification"]["Containers"][0]
        base = {**base, "Environment": {**base.get("Environment", {}), **container.get("Environment", {})}}
        return _served({k: v for k, v in base.items() if k in ("Image", "Environment", "ModelDataUrl")}, role_arn)
    if not container.get("Image"):
        raise checks.invalid("The container's Image is required.")
    images.python_of(container["Image"])
    uri = container.get("ModelDataUrl") or _single_object(container.get("ModelDataSource"))
    if not uri:
        raise checks.unsupported("a container without ModelDataUrl")
    try:
        there = uri.endswith(".tar.gz") and transfer.exists(role_arn, uri)
    except ClientError as error:
        raise checks.invalid(str(error)) from None
    if not there:
        raise checks.invalid(
            f"Could not find model data at {uri}. It must be a .tar.gz object that the role {role_arn} may read."
        )
    return {"Image": container["Image"], "ModelDataUrl": uri, "Environment": container.get("Environment", {})}


def _single_object(source: Record | None) -> str | None:
    s3 = (source or {}).get("S3DataSource")
    if not s3:
        return None
    if s3["S3DataType"] != "S3Object" or s3["CompressionType"] != "Gzip":
        raise checks.unsupported(f"ModelDataSource {s3['S3DataType']} with compression {s3['CompressionType']}")
    return s3["S3Uri"]
