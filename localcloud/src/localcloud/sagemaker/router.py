"""InvokeEndpoint: picks a production variant by weight, asks one of its instances, tells capture and metrics.

The choice happens in the event loop; the exchange with the instance in a thread of its own over a kept connection, so
that a busy loop does not show up as latency of the model.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import math
import random
import re
import socket
import threading
import time
from bisect import bisect_right
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import unquote
from uuid import uuid4

from localcloud.sagemaker import endpoint_metrics
from localcloud.sagemaker.capture import Capture
from localcloud.sagemaker.workers import Fleet, Worker
from localcloud.settings import Settings

logger = logging.getLogger(__name__)

CONTAINER_TIMEOUT = 60.0  # seconds that a model has for its answer
_PATH = re.compile(r"^/endpoints/([^/]+)/(invocations|async-invocations|invocations-response-stream)$")
_UNSUPPORTED = {
    "x-amzn-sagemaker-target-model": "TargetModel",
    "x-amzn-sagemaker-target-container-hostname": "TargetContainerHostname",
    "x-amzn-sagemaker-inference-component": "InferenceComponentName",
    "x-amzn-sagemaker-enable-explanations": "EnableExplanations",
    "x-amzn-sagemaker-session-id": "SessionId",
}
Response = tuple[int, dict[str, str], bytes]
_pool = ThreadPoolExecutor(max_workers=128, thread_name_prefix="invoke")


@dataclass(frozen=True)
class Lane:
    """One fleet that takes part of an endpoint's traffic; two lanes of a variant exist during a blue/green shift."""

    variant: str
    fleet: Fleet
    weight: float


class Traffic:
    """Where an endpoint's requests go. Never changed: a shift of weights or a switch of configuration is a new one."""

    def __init__(self, lanes: tuple[Lane, ...], capture: Capture | None = None) -> None:
        self.lanes, self.capture = lanes, capture
        self._sums = list(itertools.accumulate(lane.weight for lane in lanes))

    def pick(self) -> Lane | None:
        """A lane with probability weight / sum of weights; None when all weights are 0."""
        if not self._sums or self._sums[-1] <= 0:
            return None
        total = self._sums[-1]
        point = min(random.random() * total, math.nextafter(total, 0.0))  # noqa: S311 - not a secret
        return self.lanes[bisect_right(self._sums, point)]

    def of(self, variant: str) -> Lane | None:
        """A lane of `variant`, whatever its weight."""
        lanes = tuple(lane for lane in self.lanes if lane.variant == variant)
        return Traffic(lanes).pick() or (lanes[0] if lanes else None)


@dataclass
class Door:
    """An endpoint as its callers see it; `traffic` is None until it is first in service."""

    name: str
    traffic: Traffic | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def switch(self, traffic: Traffic | None) -> None:
        """From now on requests go to `traffic`; those that are on stay counted on their fleet."""
        with self.lock:
            self.traffic = traffic

    def enter(self, target: str | None) -> tuple[Lane, Traffic, Worker | None]:
        """Picks the lane and counts the request on its fleet in one step, so that a drain waits for it."""
        with self.lock:
            traffic = self.traffic
            if traffic is None:
                raise _Refused(400, "ValidationError", _not_found(self.name))
            lane = traffic.of(target) if target else traffic.pick()
            if lane is None and target:
                message = f"Variant {target} not found in endpoint {self.name}."
                raise _Refused(400, "ValidationError", message)
            if lane is None:
                raise _Refused(503, "ServiceUnavailable", f"no variant of endpoint {self.name} has a weight above 0")
            worker = lane.fleet.pick()
            lane.fleet.in_flight += 1
            if worker is not None:
                worker.in_flight += 1
            return lane, traffic, worker

    def leave(self, lane: Lane, worker: Worker | None) -> None:
        with self.lock:
            lane.fleet.in_flight -= 1
            if worker is not None:
                worker.in_flight -= 1


doors: dict[str, Door] = {}


class _Refused(Exception):  # noqa: N818 - an answer
    def __init__(self, status: int, code: str, message: str, **more: str | int) -> None:
        super().__init__(message)
        self.status, self.code, self.body = status, code, {"Message": message, "message": message, **more}

    def response(self) -> Response:
        headers = {"content-type": "application/json", "x-amzn-errortype": self.code}
        return self.status, headers, json.dumps(self.body).encode()


async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query: dict) -> Response:
    """ministack's service handler for SageMaker Runtime."""
    match = _PATH.match(path)
    try:
        if match is None or method != "POST":
            raise _Refused(404, "UnknownOperationException", f"SageMaker Runtime has no {method} {path}")
        if match[2] != "invocations":
            raise _Refused(400, "ValidationError", f"{match[2]} is not supported by the local cloud")
        for header, member in _UNSUPPORTED.items():
            if headers.get(header):
                raise _Refused(400, "ValidationError", f"{member} is not supported by the local cloud")
        name = unquote(match[1])
        door = doors.get(name)
        if door is None:
            raise _Refused(400, "ValidationError", _not_found(name))
        return await _invoke(door, headers, body)
    except _Refused as refusal:
        return refusal.response()


async def _invoke(door: Door, headers: dict[str, str], body: bytes) -> Response:
    arrived = time.perf_counter()
    lane, traffic, worker = door.enter(headers.get("x-amzn-sagemaker-target-variant"))
    # The exchange leaves the door itself: a caller that hangs up does not end what the model is doing.
    exchange = asyncio.get_running_loop().run_in_executor(_pool, _exchange, door, lane, worker, headers, body)
    answer = await exchange
    elapsed = time.perf_counter() - arrived
    instances = max(1, len(lane.fleet.workers))
    overhead, config = elapsed - answer.seconds, lane.fleet.config
    endpoint_metrics.record(door.name, lane.variant, answer.status, answer.seconds, overhead, instances, config)
    if not 200 <= answer.status < 300:
        raise _model_error(door.name, lane.variant, worker, answer)
    inference_id = headers.get("x-amzn-sagemaker-inference-id") or ""
    if traffic.capture is not None and traffic.capture.takes():
        traffic.capture.put(
            lane.variant,
            request=(headers.get("content-type"), body),
            answer=(answer.content_type, answer.body),
            inference_id=inference_id,
            custom_attributes=headers.get("x-amzn-sagemaker-custom-attributes"),
            event_id=str(uuid4()),
            time=datetime.now(UTC),
        )
    out = {"content-type": answer.content_type, "x-amzn-invoked-production-variant": lane.variant}
    if inference_id:
        out["x-amzn-sagemaker-inference-id"] = inference_id
    if answer.custom_attributes:
        out["x-amzn-sagemaker-custom-attributes"] = answer.custom_attributes
    return 200, out, answer.body


@dataclass(frozen=True)
class _Answer:
    """What the container said; status 0 when it said nothing in time."""

    status: int
    content_type: str
    body: bytes
    seconds: float
    custom_attributes: str = ""


def _exchange(door: Door, lane: Lane, worker: Worker | None, headers: dict[str, str], body: bytes) -> _Answer:
    """One request to one instance."""
    started = time.perf_counter()

    def nothing(status: int, message: str) -> _Answer:
        return _Answer(status, "text/plain", message.encode(), time.perf_counter() - started)

    try:
        if worker is None:
            return nothing(503, "no healthy instance of the variant is running")
        return _ask(worker, _request(headers, body), started)
    except TimeoutError:
        return nothing(
            0,
            "Your invocation timed out while waiting for a response from container primary. Review the latency "
            "metrics for each container in Amazon CloudWatch, resolve the issue, and try again.",
        )
    except (OSError, ValueError) as error:
        return nothing(502, f"the container closed the connection: {error}")
    finally:
        door.leave(lane, worker)


def _request(headers: dict[str, str], body: bytes) -> bytes:
    lines = ["POST /invocations HTTP/1.1", "Host: localhost:8080", f"Content-Length: {len(body)}"]
    for name in ("content-type", "accept", "x-amzn-sagemaker-custom-attributes", "x-amzn-sagemaker-inference-id"):
        if headers.get(name):
            lines.append(f"{name}: {headers[name]}")
    return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body


def _ask(worker: Worker, request: bytes, started: float) -> _Answer:
    """Sends `request` on a kept connection, on a new one when the kept one has been closed meanwhile."""
    while True:
        connection = _kept(worker)
        fresh = connection is None
        if connection is None:
            connection = _Connection(worker.port, worker.generation)
        try:
            answer, keep = connection.ask(request, started)
        except ConnectionError:
            connection.close()
            if fresh or connection.heard:
                raise
            continue  # an idle connection that the instance had closed: nothing of this request was worked on
        except BaseException:
            connection.close()
            raise
        if keep and connection.generation == worker.generation:
            worker.idle.append(connection)
        else:
            connection.close()
        return answer


def _kept(worker: Worker) -> _Connection | None:
    while True:
        try:
            connection: _Connection = worker.idle.pop()
        except IndexError:
            return None
        if connection.generation == worker.generation:
            return connection
        connection.close()


class _Connection:
    """A keep-alive HTTP/1.1 connection to a serving process."""

    def __init__(self, port: int, generation: int) -> None:
        self.generation = generation
        self.heard = False
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self._socket.close()

    def ask(self, request: bytes, started: float) -> tuple[_Answer, bool]:
        """The answer, and whether the connection can be used again.

        Raises:
            TimeoutError: no whole answer within the container's time.
            ConnectionError: the other side closed; `heard` says whether it had begun to answer.
        """
        self.heard = False
        self._limit(started)
        self._socket.sendall(request)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._more(started)
        status_line, *lines = data[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        parts, missing = [data[end + 4 :]], int(headers.get("content-length") or 0) - (len(data) - end - 4)
        while missing > 0:
            parts.append(self._more(started))
            missing -= len(parts[-1])
        answer = _Answer(
            int(status_line.split(" ", 2)[1]),
            headers.get("content-type", "application/octet-stream"),
            b"".join(parts),
            time.perf_counter() - started,
            headers.get("x-amzn-sagemaker-custom-attributes", ""),
        )
        return answer, headers.get("connection", "").lower() != "close"

    def _more(self, started: float) -> bytes:
        self._limit(started)
        data = self._socket.recv(256 * 1024)
        if not data:
            raise ConnectionResetError("closed before the answer was complete")
        self.heard = True
        return data

    def _limit(self, started: float) -> None:
        left = CONTAINER_TIMEOUT - (time.perf_counter() - started)
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)


def _model_error(endpoint: str, variant: str, worker: Worker | None, answer: _Answer) -> _Refused:
    settings = Settings.current()
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    stream = f"{variant}/{worker.instance if worker else '-'}"
    original = answer.body.decode("utf-8", "replace")
    client = 400 <= answer.status < 500
    message = (
        f"Received {'client' if client else 'server'} error ({answer.status}) from primary with message "
        f'"{original}". See log group {group} in account {settings.account} for more information.'
    )
    return _Refused(
        424,
        "ModelError",
        message,
        OriginalStatusCode=answer.status,
        OriginalMessage=original,
        LogStreamArn=f"arn:aws:logs:{settings.region}:{settings.account}:log-group:{group}:log-stream:{stream}",
        ErrorCode="CLIENT_ERROR_FROM_MODEL" if client else "INTERNAL_FAILURE_FROM_MODEL",
    )


def _not_found(name: str) -> str:
    return f"Endpoint {name} of account {Settings.current().account} not found."


def install(settings: Settings) -> None:
    """Adds SageMaker Runtime to the gateway; its handler stays in the event loop."""
    from ministack import app

    from localcloud import extension

    def unused(*_: object) -> Response:
        raise AssertionError("replaced below")

    extension.register_service(
        "sagemaker-runtime", unused, signing_names=("sagemaker",), paths=(r"/endpoints/[^/]+/(async-)?invocations",)
    )
    app.SERVICE_HANDLERS["sagemaker-runtime"] = handle_request
