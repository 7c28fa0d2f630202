"""CreateEndpointConfig and its kin: what an endpoint is to look like."""

from __future__ import annotations

from typing import Any

from localcloud.extension import CallContext, operation
from localcloud.sagemaker import checks, models, store
from localcloud.sagemaker.checks import invalid

Record = dict[str, Any]

configs = store.Table(
    missing=lambda name: invalid(f'Could not find endpoint configuration "{arn(name)}".'),
    exists=lambda name, record: invalid(
        f'Cannot create already existing endpoint configuration "{record["EndpointConfigArn"]}".'
    ),
)


def arn(name: str) -> str:
    return store.arn("endpoint-config", name)


@operation("CreateEndpointConfig")
def create_endpoint_config(request: Record, context: CallContext) -> Record:
    name = request["EndpointConfigName"]
    configs.free(name)
    checks.refuse(
        request, "AsyncInferenceConfig", "ExplainerConfig", "ShadowProductionVariants", "VpcConfig", "MetricsConfig"
    )
    if request.get("ExecutionRoleArn"):
        checks.role(request["ExecutionRoleArn"])
    checks.ignore(request, name, "KmsKeyId", "EnableNetworkIsolation")
    variants = [_variant(name, variant) for variant in request["ProductionVariants"]]
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) < len(names):
        raise invalid(f"Variant names of an endpoint configuration must be unique, not {names}.")
    capture = request.get("DataCaptureConfig")
    if capture and not capture["DestinationS3Uri"].startswith("s3://"):
        raise invalid(f"DestinationS3Uri {capture['DestinationS3Uri']!r} is not of the form s3://bucket/prefix.")
    kept = ("EndpointConfigName", "DataCaptureConfig", "KmsKeyId", "ExecutionRoleArn", "EnableNetworkIsolation")
    record = {
        **store.pick(request, *kept),
        "EndpointConfigArn": arn(name),
        "ProductionVariants": variants,
        "CreationTime": store.now(),
    }
    configs.add(name, record)
    store.tag(record["EndpointConfigArn"], request.get("Tags"))
    return {"EndpointConfigArn": record["EndpointConfigArn"]}


def _variant(config: str, variant: Record) -> Record:
    checks.refuse(
        variant,
        "ServerlessConfig",
        "InstancePools",
        "AcceleratorType",
        "CoreDumpConfig",
        "ManagedInstanceScaling",
        "CapacityReservationConfig",
    )
    if (variant.get("RoutingConfig") or {}).get("RoutingStrategy") == "PREFIX_AWARE":
        raise checks.unsupported("RoutingStrategy PREFIX_AWARE")
    checks.ignore(variant, config, "VolumeSizeInGB", "EnableSSMAccess", "InferenceAmiVersion")
    for member in ("ModelName", "InstanceType", "InitialInstanceCount"):
        if not variant.get(member):
            raise invalid(f"{member} is required for production variant {variant['VariantName']}.")
    models.table.get(variant["ModelName"])
    return {"InitialVariantWeight": 1.0, **variant}


@operation("DescribeEndpointConfig")
def describe_endpoint_config(request: Record, context: CallContext) -> Record:
    return checks.answer("DescribeEndpointConfig", configs.get(request["EndpointConfigName"]))


@operation("ListEndpointConfigs")
def list_endpoint_configs(request: Record, context: CallContext) -> Record:
    found, more = store.page(configs.all(), request, name="EndpointConfigName")
    members = ("EndpointConfigName", "EndpointConfigArn", "CreationTime")
    return {"EndpointConfigs": [store.pick(record, *members) for record in found], **more}


@operation("DeleteEndpointConfig")
def delete_endpoint_config(request: Record, context: CallContext) -> None:
    """AWS deletes one that is in use as well; an endpoint keeps what it was deployed with."""
    record = configs.remove(request["EndpointConfigName"])
    store.untag(record["EndpointConfigArn"])
