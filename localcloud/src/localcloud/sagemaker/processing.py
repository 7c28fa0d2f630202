"""Processing jobs: an entry point with S3 inputs before and S3 outputs after it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from localcloud.extension import CallContext, ServiceError, operation
from localcloud.sagemaker import checks, containers, images, store, transfer
from localcloud.sagemaker.containers import Container, mounted
from localcloud.sagemaker.logstream import LogStream
from localcloud.sagemaker.single_jobs import Kind

Record = dict[str, Any]

_LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
_BASE = "/opt/ml/processing"

table = store.Table(
    missing=lambda name: checks.invalid(f"Could not find requested job with name: {name}"),
    exists=lambda name, record: ServiceError(
        "ResourceInUse",
        f"Job name must be unique within an AWS account and region, and a processing job with this "
        f"name already exists ({record['ProcessingJobArn']})",
    ),
)
kind = Kind("Processing", table, modified=True)


@operation("CreateProcessingJob")
def create_processing_job(request: Record, context: CallContext) -> Record:
    table.free(request["ProcessingJobName"])
    _check(request)
    checks.role(request["RoleArn"])
    limit = request.get("StoppingCondition", {"MaxRuntimeInSeconds": 86400})
    return kind.create(request, {"StoppingCondition": limit}, _contain)


@operation("DescribeProcessingJob")
def describe_processing_job(request: Record, context: CallContext) -> Record:
    with store.lock():
        return checks.answer("DescribeProcessingJob", table.get(request["ProcessingJobName"]))


@operation("ListProcessingJobs")
def list_processing_jobs(request: Record, context: CallContext) -> Record:
    found, more = store.page(table.all(), request, name="ProcessingJobName", status="ProcessingJobStatus")
    members = ("ProcessingJobName", "ProcessingJobArn", "CreationTime", "ProcessingEndTime", "LastModifiedTime")
    return {
        "ProcessingJobSummaries": [
            store.pick(r, *members, "ProcessingJobStatus", "FailureReason", "ExitMessage") for r in found
        ],
        **more,
    }


@operation("StopProcessingJob")
def stop_processing_job(request: Record, context: CallContext) -> Record:
    return kind.stop(request)


def _check(request: Record) -> None:
    """Raises ValidationException for what this cloud cannot run."""
    name = request["ProcessingJobName"]
    cluster = request["ProcessingResources"]["ClusterConfig"]
    checks.one_instance(cluster)
    images.python_of(request["AppSpecification"]["ImageUri"])
    if not request["AppSpecification"].get("ContainerEntrypoint"):
        raise checks.unsupported("a processing job without ContainerEntrypoint (the image has none of its own)")
    checks.ignore(request, name, "ExperimentConfig")
    checks.ignore(request.get("NetworkConfig", {}), name, "VpcConfig", "EnableInterContainerTrafficEncryption")
    names = [i["InputName"] for i in request.get("ProcessingInputs", [])]
    outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", [])
    names += [o["OutputName"] for o in outputs]
    if len(set(names)) < len(names):
        raise checks.invalid(f"Input and output names must be unique: {names}")
    for item in request.get("ProcessingInputs", []):
        where = f"ProcessingInput {item['InputName']}"
        s3 = item.get("S3Input")
        if item.get("DatasetDefinition") or item.get("AppManaged") or not s3:
            raise checks.unsupported(f"{where}: an input other than S3Input")
        if s3["S3DataType"] != "S3Prefix":
            raise checks.unsupported(f"{where}: S3DataType {s3['S3DataType']}")
        if s3.get("S3InputMode", "File") != "File":
            raise checks.unsupported(f"{where}: S3InputMode {s3['S3InputMode']}")
        if s3.get("S3CompressionType", "None") != "None":
            raise checks.unsupported(f"{where}: S3CompressionType {s3['S3CompressionType']}")
        _local(s3.get("LocalPath"), where)
    for item in outputs:
        where = f"ProcessingOutput {item['OutputName']}"
        if item.get("FeatureStoreOutput") or item.get("AppManaged") or not item.get("S3Output"):
            raise checks.unsupported(f"{where}: an output other than S3Output")
        if item["S3Output"]["S3UploadMode"] != "EndOfJob":
            raise checks.unsupported(f"{where}: S3UploadMode {item['S3Output']['S3UploadMode']}")
        _local(item["S3Output"].get("LocalPath"), where)


def _local(path: str | None, where: str) -> None:
    """LocalPath must lie below /opt/ml/processing, as on AWS."""
    if not path or not path.startswith(f"{_BASE}/") or ".." in path.split("/"):
        raise checks.invalid(f"{where}: LocalPath must be an absolute path below {_BASE}/, not {path!r}.")


def _contain(record: Record) -> Record:
    """Runs the container; the fields that say how it ended. Raises ClientError."""
    name, role = record["ProcessingJobName"], record["RoleArn"]
    root = containers.new_folder("processing", name)
    with store.lock():
        record["ProcessingStartTime"] = store.now()
    outputs = record.get("ProcessingOutputConfig", {}).get("Outputs", [])
    _prepare(record, root, outputs)
    app = record["AppSpecification"]
    python = images.pull(app["ImageUri"], role)
    env = containers.environment(python, root, role, record.get("Environment"))
    env |= {"PROCESSING_JOB_NAME": name, "PROCESSING_JOB_ARN": record["ProcessingJobArn"]}
    own = [*app["ContainerEntrypoint"], *app.get("ContainerArguments", [])]
    command, env = containers.entry(own, env, record.get("Environment") or {}, root)
    stream = LogStream(_LOG_GROUP, f"{name}/algo-1-{int(time.time())}", role)
    isolated = record.get("NetworkConfig", {}).get("EnableNetworkIsolation")
    container = Container(
        command,
        env,
        cwd=root,
        log_file=root / "logs" / "algo-1.log",
        stream=stream,
        isolated_by=python if isolated else None,
    )
    if record["_stop"].is_set:
        raise containers.Stopped
    container.start()
    record["_stop"].watch(container)
    outcome = container.wait(record["StoppingCondition"]["MaxRuntimeInSeconds"])
    message = root / "output" / "message"
    end: Record = {"ExitMessage": message.read_text(errors="replace")[:1024]} if message.is_file() else {}
    if outcome.ended == "exited" and outcome.exit_code != 0:
        reason = end.get("ExitMessage") or "See job logs for more information"
        tail = f", exit code: {outcome.exit_code}"
        return {
            **end,
            "ProcessingJobStatus": "Failed",
            "FailureReason": f"AlgorithmError: {reason}"[: 1024 - len(tail)] + tail,
        }
    kms_key = record.get("ProcessingOutputConfig", {}).get("KmsKeyId")
    for item in outputs:
        s3 = item["S3Output"]
        transfer.upload_folder(role, _inside(root, s3["LocalPath"]), s3["S3Uri"], kms_key)
    if outcome.ended == "timeout":
        seconds = record["StoppingCondition"]["MaxRuntimeInSeconds"]
        end["FailureReason"] = f"ClientError: the processing job ran longer than MaxRuntimeInSeconds ({seconds})."
    return {**end, "ProcessingJobStatus": "Completed" if outcome.ended == "exited" else "Stopped"}


def _prepare(record: Record, root: Path, outputs: list[Record]) -> None:
    config = root / "config"
    containers.write_json(
        config / "processingjobconfig.json",
        {k: v for k, v in store.public(record).items() if k not in ("ProcessingJobStatus", "LastModifiedTime")},
    )
    instance = record["ProcessingResources"]["ClusterConfig"]["InstanceType"]
    containers.write_json(
        config / "resourceconfig.json",
        {"current_host": "localhost", "hosts": ["localhost"], "current_instance_type": instance},
    )
    (root / "output").mkdir()
    for item in outputs:
        _inside(root, item["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
    for item in record.get("ProcessingInputs", []):
        folder = _inside(root, item["S3Input"]["LocalPath"])
        folder.mkdir(parents=True, exist_ok=True)
        transfer.download_prefix(record["RoleArn"], item["S3Input"]["S3Uri"], folder)


def _inside(root: Path, path: str) -> Path:
    return Path(mounted(path, root))
