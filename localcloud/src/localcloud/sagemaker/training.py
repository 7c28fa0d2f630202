"""Training jobs: script mode by AWS's own toolkit, or the entry point that the request names."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from localcloud import faults
from localcloud.extension import CallContext, ServiceError, operation
from localcloud.sagemaker import checks, events, images, jobs, spot, store
from localcloud.sagemaker.metrics import MetricReader
from localcloud.sagemaker.train_container import TERMINAL_STATUS, Result, TrainContainer
from localcloud.settings import Settings

Record = dict[str, Any]

_FINISHED = ("Completed", "Failed", "Stopped")
_NO_CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."
)
_MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Stopping": "Stopping the training job",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
    "Interrupted": "Training job was interrupted because its spot instance was taken away",
}

table = store.Table(
    missing=lambda name: checks.invalid("Requested resource not found."),
    exists=lambda name, record: ServiceError(
        "ResourceInUse",
        "Training job names must be unique within an AWS account and region, and a training job with this name "
        f"already exists ({record['TrainingJobArn']})",
    ),
)


@operation("CreateTrainingJob")
def create_training_job(request: Record, context: CallContext) -> Record:
    return {"TrainingJobArn": start(request)["TrainingJobArn"]}


@operation("DescribeTrainingJob")
def describe_training_job(request: Record, context: CallContext) -> Record:
    record = table.get(request["TrainingJobName"])
    with store.lock():
        return checks.answer("DescribeTrainingJob", dict(record))


@operation("ListTrainingJobs")
def list_training_jobs(request: Record, context: CallContext) -> Record:
    checks.refuse(request, "WarmPoolStatusEquals", "TrainingPlanArnEquals")
    found, more = store.page(table.all(), request, name="TrainingJobName", status="TrainingJobStatus")
    members = ("TrainingJobName", "TrainingJobArn", "CreationTime", "TrainingEndTime", "LastModifiedTime")
    return {
        "TrainingJobSummaries": [store.pick(r, *members, "TrainingJobStatus", "SecondaryStatus") for r in found],
        **more,
    }


@operation("StopTrainingJob")
def stop_training_job(request: Record, context: CallContext) -> Record:
    stop(table.get(request["TrainingJobName"]))
    return {}


def stop(record: Record) -> None:
    """Asks a job to end. Raises ValidationException for one that has ended."""
    with store.lock():
        if record["TrainingJobStatus"] in _FINISHED:
            raise checks.invalid(
                f"The request was rejected because the training job is in status {record['TrainingJobStatus']}."
            )
        if record["TrainingJobStatus"] == "Stopping":
            return
        record["TrainingJobStatus"] = "Stopping"
        _enter(record, "Stopping")
    record["_stop"].set()


def start(
    request: Record,
    *,
    tuning_job_arn: str | None = None,
    on_metric: Callable[[Record, str, float], None] | None = None,
    on_end: Callable[[Record], None] | None = None,
) -> Record:
    """Checks the request, registers the job and runs it in a thread; the record changes as the job goes on."""
    name = request["TrainingJobName"]
    table.free(name)
    specification = check(request)
    checks.role(request["RoleArn"])
    created = store.now()
    record: Record = {
        **{k: v for k, v in request.items() if k != "Tags"},
        "TrainingJobArn": store.arn("training-job", name),
        "TuningJobArn": tuning_job_arn,
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "SecondaryStatusTransitions": [],
        "CreationTime": created,
        "LastModifiedTime": created,
        "StoppingCondition": {"MaxRuntimeInSeconds": 86400, **request.get("StoppingCondition", {})},
        "_stop": jobs.Stop(),
        "_done": threading.Event(),
    }
    reader = MetricReader(
        specification.get("MetricDefinitions", []),
        (lambda metric, value: on_metric(record, metric, value)) if on_metric else None,
    )
    record["_metrics"] = reader
    table.add(name, record)
    store.tag(record["TrainingJobArn"], request.get("Tags"))
    with store.lock():
        _enter(record, "Starting")
    jobs.run(f"training-{name}", lambda: _run(record, reader, on_end))
    return record


def check(request: Record) -> Record:
    """The AlgorithmSpecification of a request that this cloud can run; ValidationException for any other."""
    name = request["TrainingJobName"]
    checks.refuse(
        request,
        "CheckpointConfig",
        "DebugRuleConfigurations",
        "ProfilerRuleConfigurations",
        "TensorBoardOutputConfig",
        "ServerlessJobConfig",
        "MlflowConfig",
        "ModelPackageConfig",
    )
    checks.refuse(request.get("RemoteDebugConfig", {}), "EnableRemoteDebug")
    spot.check(request)
    # The SDKs send an empty hook with every job; only one that collects something would be the debugger.
    checks.refuse(request.get("DebugHookConfig", {}), "CollectionConfigurations", "HookParameters")
    checks.ignore(
        request,
        name,
        "VpcConfig",
        "EnableInterContainerTrafficEncryption",
        "DebugHookConfig",
        "ExperimentConfig",
        "RetryStrategy",
        "InfraCheckConfig",
    )
    specification = request.get("AlgorithmSpecification") or {}
    checks.refuse(specification, "AlgorithmName", "TrainingImageConfig")
    if not specification.get("TrainingImage"):
        raise checks.invalid("AlgorithmSpecification.TrainingImage is required.")
    images.python_of(specification["TrainingImage"], training=True)
    _file_mode(specification["TrainingInputMode"])
    if not request.get("ResourceConfig"):
        raise checks.invalid("ResourceConfig is required.")
    checks.one_instance(request["ResourceConfig"])
    if request["OutputDataConfig"].get("CompressionType", "GZIP") != "GZIP":
        raise checks.unsupported("OutputDataConfig.CompressionType NONE")
    channels = [channel["ChannelName"] for channel in request.get("InputDataConfig", [])]
    if len(set(channels)) < len(channels):
        raise checks.invalid(f"Duplicate channel names in InputDataConfig: {channels}")
    for channel in request.get("InputDataConfig", []):
        _check_channel(channel)
    return specification


def _check_channel(channel: Record) -> None:
    where = f"InputDataConfig channel {channel['ChannelName']}"
    if channel.get("CompressionType", "None") != "None":
        raise checks.unsupported(f"{where}: CompressionType {channel['CompressionType']}")
    if channel.get("RecordWrapperType", "None") != "None":
        raise checks.unsupported(f"{where}: RecordWrapperType {channel['RecordWrapperType']}")
    if channel.get("ShuffleConfig"):
        raise checks.unsupported(f"{where}: ShuffleConfig")
    _file_mode(channel.get("InputMode", "File"), where)
    source = channel["DataSource"]
    for member in source:
        if member != "S3DataSource":
            raise checks.unsupported(f"{where}: {member}")
    s3 = source.get("S3DataSource")
    if not s3:
        raise checks.invalid(f"{where}: DataSource.S3DataSource is required.")
    if s3["S3DataType"] != "S3Prefix":
        raise checks.unsupported(f"{where}: S3DataType {s3['S3DataType']}")


def _file_mode(mode: str, where: str = "AlgorithmSpecification") -> None:
    if mode != "File":
        raise checks.unsupported(f"{where}: input mode {mode}")


def _enter(record: Record, status: str, message: str | None = None) -> None:
    """Begins a secondary status, ends the one before, tells EventBridge. The caller holds the lock."""
    at = store.now()
    transitions = record["SecondaryStatusTransitions"]
    if transitions and "EndTime" not in transitions[-1]:
        transitions[-1]["EndTime"] = at
    transition = {"Status": status, "StartTime": at, "StatusMessage": message or _MESSAGES[status]}
    if status in (*_FINISHED, "MaxRuntimeExceeded", "MaxWaitTimeExceeded"):
        transition["EndTime"] = at
    transitions.append(transition)
    record["SecondaryStatus"] = status
    record["LastModifiedTime"] = at
    events.changed("SageMaker Training Job State Change", record["TrainingJobArn"], record)


def _run(record: Record, reader: MetricReader, on_end: Callable[[Record], None] | None) -> None:
    def enter(status: str) -> None:
        with store.lock():
            if status == "Downloading":
                record.setdefault("TrainingStartTime", store.now())
            # A job that is being stopped stays so while its model is uploaded.
            if record["TrainingJobStatus"] == "InProgress":
                _enter(record, status)

    try:
        if faults.fails(Settings.current().state, record["TrainingJobName"]):
            result = Result("Failed", failure=_NO_CAPACITY)
        else:
            result = TrainContainer(record, reader, enter).run()
        with store.lock():
            at = store.now()
            record["ModelArtifacts"] = (
                {"S3ModelArtifacts": result.model} if result.model else record.get("ModelArtifacts")
            )
            record["FinalMetricDataList"] = reader.final() or None
            record["TrainingEndTime"] = at
            if "TrainingStartTime" in record:
                seconds = max(1, round(at - record["TrainingStartTime"]))
                record["TrainingTimeInSeconds"] = seconds
                record["BillableTimeInSeconds"] = seconds
            record["FailureReason"] = result.failure[:1024] if result.failure else None
            record["TrainingJobStatus"] = TERMINAL_STATUS[result.status]
            _enter(record, result.status, result.failure[:1024] if result.failure else None)
    finally:
        record["_done"].set()
        if on_end:
            on_end(record)
