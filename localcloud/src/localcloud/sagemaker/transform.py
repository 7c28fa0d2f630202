"""Batch transform: a serving container for the length of the job, fed with the objects under a prefix.

Input is split by lines and nothing else, as on AWS: a CSV header is a line like any other and reaches only the first
request, so a model behind a transform must do without one.
"""

from __future__ import annotations

from typing import Any

from localcloud.extension import CallContext, ServiceError, operation
from localcloud.sagemaker import checks, models, store
from localcloud.sagemaker.single_jobs import Kind
from localcloud.sagemaker.transform_container import TransformContainer

Record = dict[str, Any]

table = store.Table(
    missing=lambda name: ServiceError("ResourceNotFound", f"Could not find requested transform job with name: {name}"),
    exists=lambda name, record: ServiceError(
        "ResourceInUse",
        "Transform job names must be unique within an AWS account and region, and a transform job with this name "
        f"already exists ({record['TransformJobArn']})",
    ),
)
kind = Kind("Transform", table)


@operation("CreateTransformJob")
def create_transform_job(request: Record, context: CallContext) -> Record:
    table.free(request["TransformJobName"])
    served = models.served_container(request["ModelName"])
    _check(request)
    more = {
        "MaxPayloadInMB": request.get("MaxPayloadInMB", 6),
        "MaxConcurrentTransforms": request.get("MaxConcurrentTransforms") or 1,
    }
    return kind.create(request, more, lambda record: _transform(record, served))


@operation("DescribeTransformJob")
def describe_transform_job(request: Record, context: CallContext) -> Record:
    with store.lock():
        return checks.answer("DescribeTransformJob", table.get(request["TransformJobName"]))


@operation("ListTransformJobs")
def list_transform_jobs(request: Record, context: CallContext) -> Record:
    found, more = store.page(table.all(), request, name="TransformJobName", status="TransformJobStatus")
    members = ("TransformJobName", "TransformJobArn", "CreationTime", "TransformEndTime", "TransformJobStatus")
    return {"TransformJobSummaries": [store.pick(r, *members, "FailureReason") for r in found], **more}


@operation("StopTransformJob")
def stop_transform_job(request: Record, context: CallContext) -> Record:
    return kind.stop(request)


def _check(request: Record) -> None:
    """Raises ValidationException for what this cloud cannot run."""
    source, target = request["TransformInput"], request["TransformOutput"]
    checks.one_instance(request["TransformResources"])
    checks.ignore(request, request["TransformJobName"], "ExperimentConfig")
    checks.refuse(request, "DataCaptureConfig")
    if source.get("CompressionType", "None") != "None":
        raise checks.unsupported(f"TransformInput.CompressionType {source['CompressionType']}")
    if source.get("SplitType", "None") not in ("None", "Line"):
        raise checks.unsupported(f"TransformInput.SplitType {source['SplitType']}")
    if source["DataSource"]["S3DataSource"]["S3DataType"] != "S3Prefix":
        raise checks.unsupported(f"S3DataType {source['DataSource']['S3DataSource']['S3DataType']}")
    if request.get("BatchStrategy") == "SingleRecord" and source.get("SplitType", "None") == "None":
        raise checks.invalid("BatchStrategy SingleRecord needs a SplitType other than None.")
    processing = request.get("DataProcessing", {})
    for member, neutral in (("InputFilter", "$"), ("OutputFilter", "$"), ("JoinSource", "None")):
        if processing.get(member, neutral) != neutral:
            raise checks.unsupported(f"DataProcessing.{member} {processing[member]}")
    if target.get("AssembleWith", "None") not in ("None", "Line"):
        raise checks.unsupported(f"TransformOutput.AssembleWith {target['AssembleWith']}")
    if request.get("MaxPayloadInMB", 6) * (request.get("MaxConcurrentTransforms") or 1) > 100:
        raise checks.invalid("MaxConcurrentTransforms * MaxPayloadInMB must not exceed 100 MB.")
    if request.get("MaxPayloadInMB") == 0:
        raise checks.unsupported("MaxPayloadInMB 0 (chunked streaming)")


def _transform(record: Record, served: Record) -> Record:
    with store.lock():
        record["TransformStartTime"] = store.now()
    TransformContainer(record, served).run()
    return {"TransformJobStatus": "Completed"}
