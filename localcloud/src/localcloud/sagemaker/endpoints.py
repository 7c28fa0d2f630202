"""Endpoints: created, updated, shifted between variants and deleted, each in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from localcloud import clock
from localcloud.extension import CallContext, operation
from localcloud.sagemaker import checks, endpoint_metrics, events, memory, router, scaling, store
from localcloud.sagemaker.checks import invalid
from localcloud.sagemaker.deployment import (
    Deployment,
    DeploymentFailed,
    Guardrails,
    RolledBack,
    Variant,
    prepare,
    shift,
    start_seconds,
    status,
)
from localcloud.sagemaker.endpoint_configs import configs
from localcloud.sagemaker.pending_deployment import Pending, retained_properties
from localcloud.sagemaker.router import Door, doors
from localcloud.sagemaker.workers import WorkerFailed
from localcloud.settings import Settings

log = logging.getLogger(__name__)

Record = dict[str, Any]
SETTLE_CLOUD_SECONDS = 20.0  # AWS takes minutes; a change that took no time at all would hide missing waits

endpoints = store.Table(
    missing=lambda name: invalid(f'Could not find endpoint "{store.arn("endpoint", name)}".'),
    exists=lambda name, record: invalid(f'Cannot create already existing endpoint "{record["EndpointArn"]}".'),
)
_live: dict[str, Deployment] = {}  # by endpoint name; guarded by store.lock()
_threads: set[threading.Thread] = set()
_closing = threading.Event()


@operation("CreateEndpoint")
def create_endpoint(request: Record, context: CallContext) -> Record:
    name = request["EndpointName"]
    config = configs.get(request["EndpointConfigName"])
    Guardrails.of(request.get("DeploymentConfig"), [v["InitialInstanceCount"] for v in config["ProductionVariants"]])
    now = store.now()
    record = {
        "EndpointName": name,
        "EndpointArn": store.arn("endpoint", name),
        "EndpointConfigName": config["EndpointConfigName"],
        "EndpointStatus": "Creating",
        "CreationTime": now,
        "LastModifiedTime": now,
        "LastDeploymentConfig": request.get("DeploymentConfig"),
        "_pending": Pending(config, {}),
    }
    endpoints.add(name, record)
    store.tag(record["EndpointArn"], request.get("Tags"))
    doors[name] = Door(name)
    _emit(record)
    _in_background(record, lambda: _create(record, config))
    return {"EndpointArn": record["EndpointArn"]}


def _create(record: Record, config: Record) -> None:
    try:
        deployment = prepare(record["EndpointName"], config, {}, config.get("DataCaptureConfig"))
    except DeploymentFailed as failure:
        _set(record, EndpointStatus="Failed", FailureReason=str(failure), _pending=None)
        return
    _take(record, deployment)
    doors[record["EndpointName"]].switch(deployment.traffic())
    _set(record, EndpointStatus="InService", _pending=None)


@operation("UpdateEndpoint")
def update_endpoint(request: Record, context: CallContext) -> Record:
    config = configs.get(request["EndpointConfigName"])
    with store.lock():
        record = _changeable(request["EndpointName"])
        rails_config = request.get("DeploymentConfig")
        if request.get("RetainDeploymentConfig") and rails_config is None:
            rails_config = record.get("LastDeploymentConfig")
        old = _live[record["EndpointName"]]
        _refuse_scaled(old, config)
        retained, capture = retained_properties(request, old, config)
        pending = Pending(config, retained)
        rails = Guardrails.of(rails_config, [summary["DesiredInstanceCount"] for summary in pending.summaries()])
        if rails_config and {v["VariantName"] for v in config["ProductionVariants"]} != {v.name for v in old.variants}:
            raise invalid("A deployment with guardrails needs the same variant names in both configurations.")
        record.pop("FailureReason", None)
        record["LastDeploymentConfig"] = rails_config
        _mark(record, EndpointStatus="Updating", _pending=pending)
    _emit(record)
    _in_background(record, lambda: _update(record, config, old, rails, retained, capture))
    return {"EndpointArn": record["EndpointArn"]}


def _refuse_scaled(old: Deployment, config: Record) -> None:
    """An update must not take a variant, or its type of instance, from under Application Auto Scaling."""
    types = {variant["VariantName"]: variant["InstanceType"] for variant in config["ProductionVariants"]}
    scaled = scaling.scaled(old.endpoint)
    changed = [v.name for v in old.variants if v.name in scaled and types.get(v.name) != v.wanted["InstanceType"]]
    if changed:
        raise invalid(
            f'The variant(s) "{", ".join(changed)}" must be deregistered as scalable targets with AutoScaling before '
            "they can be removed or have their instance type updated."
        )


def _update(
    record: Record,
    config: Record,
    old: Deployment,
    rails: Guardrails,
    retained: dict[str, Record],
    capture: Record | None,
) -> None:
    door, pending = doors[record["EndpointName"]], record["_pending"]

    def tell(kind: str, message: str) -> None:
        pending.status = status(kind, message)
        _emit_deployment(record)

    tell("Creating", f"Launching {sum(v['DesiredInstanceCount'] for v in pending.summaries())} instance(s).")
    try:
        new = prepare(record["EndpointName"], config, retained, capture)
    except DeploymentFailed as failure:
        _settle()
        _set(record, EndpointStatus="InService", FailureReason=str(failure), _pending=None)
        return
    pending.new = new
    try:
        shift(door, old, new, rails, tell)
    except RolledBack as back:
        _set(record, EndpointStatus="RollingBack")
        tell("Deleting", f"Terminating {new.instances} instance(s).")
        new.end()
        _set(record, EndpointStatus="InService", FailureReason=str(back), _pending=None)
        return
    _mark(record, _leaving=old)
    _take(record, new)
    old.status = status("Deleting", f"Terminating {old.instances} instance(s).")
    pending.status = None
    _emit_deployment(record)
    _settle()
    old.end()
    _set(
        record,
        EndpointStatus="InService",
        EndpointConfigName=config["EndpointConfigName"],
        _pending=None,
        _leaving=None,
    )


@operation("UpdateEndpointWeightsAndCapacities")
def update_endpoint_weights_and_capacities(request: Record, context: CallContext) -> Record:
    wanted = {item["VariantName"]: item for item in request["DesiredWeightsAndCapacities"]}
    with store.lock():
        record = _changeable(request["EndpointName"])
        deployment = _live[record["EndpointName"]]
        known = {variant.name: variant for variant in deployment.variants}
        if unknown := [name for name in wanted if name not in known]:
            raise invalid(
                f"The variant name(s) {', '.join(unknown)} is/are not present within endpoint configuration "
                f'"{record["EndpointConfigName"]}".'
            )
        for item in wanted.values():
            checks.refuse(item, "ServerlessUpdateConfig")
            if item.get("DesiredInstanceCount") == 0:
                raise checks.unsupported("DesiredInstanceCount 0")
        record.pop("FailureReason", None)
        _mark(record, EndpointStatus="Updating")
    _emit(record)
    _in_background(record, lambda: _reweigh(record, deployment, known, wanted))
    return {"EndpointArn": record["EndpointArn"]}


def _reweigh(record: Record, deployment: Deployment, known: dict[str, Variant], wanted: dict[str, Record]) -> None:
    failure: dict[str, str] = {}
    for name, item in wanted.items():
        variant, count = known[name], item.get("DesiredInstanceCount")
        if count is not None and count != variant.count:
            way = "out" if count > variant.count else "in"
            deployment.status = status("Updating", f"Scaling {way} desired instance count to {count}.")
            _emit_deployment(record)
            try:
                variant.fleet.start(int(count), start_seconds(variant.wanted))
            except WorkerFailed as error:
                failure = {"FailureReason": f"{name}: {error}"}
                continue
            variant.count = int(count)
    if not failure:
        for name, item in wanted.items():
            if item.get("DesiredWeight") is not None:
                known[name].weight = float(item["DesiredWeight"])
        doors[record["EndpointName"]].switch(deployment.traffic())
    _settle()
    deployment.status = None
    _set(record, EndpointStatus="InService", **failure)


@operation("DeleteEndpoint")
def delete_endpoint(request: Record, context: CallContext) -> None:
    name = request["EndpointName"]
    with store.lock():
        record = endpoints.get(name)
        if record["EndpointStatus"] not in ("InService", "Failed"):
            raise _in_progress(record)
        scaling.deregister_all(name, context)
        _mark(record, EndpointStatus="Deleting")
        deployment = _live.pop(name, None)
    doors[name].switch(None)
    _emit(record)

    def end() -> None:
        if deployment is not None:
            deployment.end()
        with store.lock():
            endpoints.remove(name)
            doors.pop(name, None)
            store.untag(record["EndpointArn"])

    _in_background(record, end)


@operation("DescribeEndpoint")
def describe_endpoint(request: Record, context: CallContext) -> Record:
    with store.lock():
        return checks.answer("DescribeEndpoint", _described(endpoints.get(request["EndpointName"])))


@operation("ListEndpoints")
def list_endpoints(request: Record, context: CallContext) -> Record:
    found, more = store.page(endpoints.all(), request, name="EndpointName", status="EndpointStatus")
    members = ("EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus")
    return {"Endpoints": [store.pick(record, *members) for record in found], **more}


def _described(record: Record) -> Record:
    # Until an update is over, the endpoint is what it was.
    deployment = record.get("_leaving") or _live.get(record["EndpointName"])
    found = dict(record)
    if deployment is not None:
        found["ProductionVariants"] = deployment.summaries()
        if capture := deployment.capture_config:
            found["DataCaptureConfig"] = {
                "EnableCapture": capture.get("EnableCapture", True),
                "CaptureStatus": "Started" if deployment.capture else "Stopped",
                "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
                "DestinationS3Uri": capture["DestinationS3Uri"],
                "KmsKeyId": capture.get("KmsKeyId", ""),
            }
    if pending := record.get("_pending"):
        found["PendingDeploymentSummary"] = pending.summary()
    return found


def _changeable(name: str) -> Record:
    record = endpoints.get(name)
    if record["EndpointStatus"] == "Failed":
        raise invalid(f'Cannot update failed endpoint "{record["EndpointArn"]}": it can only be deleted.')
    if record["EndpointStatus"] != "InService":
        raise _in_progress(record)
    return record


def _in_progress(record: Record) -> Exception:
    return invalid(f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')


def _take(record: Record, deployment: Deployment) -> None:
    """`deployment` is now what the endpoint serves; ended at once when the cloud is closing."""
    with store.lock():
        _live[record["EndpointName"]] = deployment
    if _closing.is_set():
        deployment.end(drain=0, upload=False)


def _mark(record: Record, **changes: Any) -> None:
    with store.lock():
        record.update(changes, LastModifiedTime=store.now())


def _set(record: Record, **changes: Any) -> None:
    _mark(record, **changes)
    _emit(record)


_EVENT = ("EndpointName", "EndpointArn", "EndpointConfigName", "CreationTime", "LastModifiedTime", "FailureReason")


def _emit(record: Record) -> None:
    """Publishes to the account's bus. Not to be called under the store's lock: what the event starts may call back."""
    with store.lock():
        described = _described(record)
    variants = [
        store.pick(variant, "VariantName", "DesiredWeight", "DesiredInstanceCount", "CurrentWeight")
        for variant in described.get("ProductionVariants", [])
    ]
    _send("SageMaker Endpoint State Change", described, {"ProductionVariants": variants})


def _emit_deployment(record: Record) -> None:
    """Tells a step of an update: what is being done is in the VariantStatus of the variants."""
    members = ("VariantName", "CurrentWeight", "DesiredWeight", "CurrentInstanceCount", "DesiredInstanceCount")
    with store.lock():
        described = _described(record)

    def told(variants: list[Record]) -> list[Record]:
        return [store.pick(variant, *members, "VariantStatus") for variant in variants]

    more: Record = {"ProductionVariants": told(described.get("ProductionVariants", []))}
    if pending := described.get("PendingDeploymentSummary"):
        more["PendingDeploymentSummary"] = {**pending, "ProductionVariants": told(pending["ProductionVariants"])}
    _send("SageMaker Endpoint Deployment State Change", described, more)


def _send(detail_type: str, described: Record, more: Record) -> None:
    state = described["EndpointStatus"]
    spelled = "".join(f"_{c}" if c.isupper() and i else c for i, c in enumerate(state)).upper()
    tags = store.tags_of(described["EndpointArn"])
    detail = {**store.pick(described, *_EVENT), "EndpointStatus": spelled, "Tags": tags, **more}
    events.emit(detail_type, [described["EndpointArn"]], detail)


def _settle() -> None:
    _closing.wait(min(1.0, max(0.2, clock.real_seconds(SETTLE_CLOUD_SECONDS))))


def _in_background(record: Record, work: Callable[[], None]) -> None:
    def run() -> None:
        try:
            work()
        except Exception as error:  # the boundary: an endpoint must not stay `Updating` because of a bug of ours
            log.exception("endpoint %s: a change ended because of a bug in the local cloud", record["EndpointName"])
            alive = record["EndpointName"] in _live
            reason = f"InternalFailure: {type(error).__name__}: {error}"
            state = "InService" if alive else "Failed"
            _set(record, EndpointStatus=state, FailureReason=reason, _pending=None, _leaving=None)
        finally:
            _threads.discard(thread)

    thread = threading.Thread(target=run, name=f"endpoint-{record['EndpointName']}", daemon=True)
    _threads.add(thread)
    thread.start()


def _serving() -> list[tuple[str, str, list[int], int]]:
    with store.lock():
        variants = [(name, variant) for name, deployment in _live.items() for variant in deployment.variants]
        return [(name, v.name, v.fleet.pids, memory.of(v.wanted["InstanceType"])) for name, v in variants]


def _instances(endpoint: str) -> dict[str, int]:
    with store.lock():
        deployment = _live.get(endpoint)
        return {variant.name: variant.count for variant in deployment.variants} if deployment else {}


def install(settings: Settings) -> None:
    """Registers the operations (by import), the runtime, the metrics and Application Auto Scaling."""
    _closing.clear()
    _live.clear()
    doors.clear()
    router.install(settings)
    endpoint_metrics.serving = _serving
    endpoint_metrics.install(settings)
    scaling.install(settings, _instances)


def shutdown() -> None:
    """Ends every serving process. The gateway is gone by now, so nothing more can be uploaded."""
    _closing.set()
    with store.lock():
        living = list(_live.values())
        _live.clear()
    for door in list(doors.values()):
        door.switch(None)
    threads = [
        threading.Thread(target=deployment.end, kwargs={"drain": 0.0, "upload": False}, daemon=True)
        for deployment in living
    ]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 8
    for thread in [*threads, *list(_threads)]:
        thread.join(max(0.0, until - time.monotonic()))
    endpoint_metrics.shutdown()
