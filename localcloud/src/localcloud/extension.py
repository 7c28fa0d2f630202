"""How a service is added to ministack from outside: its tables, a JSON 1.1 dispatcher, a raw REST handler.

`operation("CreateModel")` registers one operation of SageMaker; `register_service` a whole service.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from localcloud import shapes

logger = logging.getLogger("localcloud")

Response = tuple[int, dict[str, str], Any]
RawHandler = Callable[[str, str, dict[str, str], bytes, dict[str, list[str]]], Response]
Operation = Callable[[dict[str, Any], "CallContext"], dict[str, Any] | None]


class ServiceError(Exception):
    """An error answer: AWS's error code, a message that says what to do, the HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class CallContext:
    """The caller: `principal_arn` is the assumed-role or root ARN, `access_key` the key that signed."""

    account: str
    region: str
    principal_arn: str
    access_key: str


@dataclass(frozen=True)
class _Route:
    service: str
    signing_names: frozenset[str]
    paths: tuple[re.Pattern[str], ...]


_operations: dict[tuple[str, str], Operation] = {}
_routes: list[_Route] = []
# Services of our own may block for long, so they get threads of their own: ministack's are for its Lambdas.
_threads = ThreadPoolExecutor(max_workers=64, thread_name_prefix="localcloud-service")
# Checks before an operation runs (authorization.py): (service, operation name, request, context) -> None or raise.
request_checks: list[Callable[[str, str, dict[str, Any], CallContext], None]] = []


def operation(*names: str) -> Callable[[Operation], Operation]:
    """Registers an operation: `@operation("CreateModel")` (SageMaker) or `@operation(service, name)`."""
    service, name = names if len(names) == 2 else ("sagemaker", names[0])
    if name not in shapes.service_model(service).operation_names:
        raise ValueError(f"{service} has no operation {name}")

    def register(function: Operation) -> Operation:
        _operations[service, name] = function
        return function

    return register


def register_service(
    name: str,
    handler: RawHandler,
    *,
    target_prefixes: Iterable[str] = (),
    signing_names: Iterable[str] = (),
    paths: Iterable[str] = (),
) -> None:
    """Adds a service to ministack: `handler(method, path, headers, body, query) -> (status, headers, body)`.

    The handler runs in a thread. A request is the service's when its X-Amz-Target starts with one of
    `target_prefixes`, or when it is signed for one of `signing_names` and its path matches one of `paths` (regular
    expressions from the start of the path).
    """
    from ministack import app
    from ministack.core import router

    async def in_a_thread(method: str, path: str, headers: dict, body: bytes, query: dict) -> Response:
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(_threads, context.run, handler, method, path, headers, body, query)

    app.SERVICE_HANDLERS[name] = in_a_thread
    app.SERVICE_REGISTRY.setdefault(name, {"module": name})
    if target_prefixes:
        # First in the table: the first prefix that fits wins.
        rest = dict(router.SERVICE_PATTERNS)
        router.SERVICE_PATTERNS.clear()
        router.SERVICE_PATTERNS.update({name: {"target_prefixes": list(target_prefixes)}} | rest)
    if paths:
        _routes.append(_Route(name, frozenset(signing_names), tuple(re.compile(path) for path in paths)))


def json_service(service: str, target_prefix: str) -> RawHandler:
    """The handler of a JSON 1.1 service whose operations were registered with `operation`."""

    def handle(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]) -> Response:
        target = headers.get("x-amz-target", "")
        name = target.removeprefix(target_prefix)
        try:
            answer = dispatch(service, name, json.loads(body or b"{}"), call_context(headers, query))
        except json.JSONDecodeError as error:
            return json_error(ServiceError("SerializationException", f"the body is not JSON: {error}"))
        except ServiceError as error:
            return json_error(error)
        except Exception as error:  # the boundary: a bug of ours must reach the caller and the log, not end the thread
            logger.exception("%s %s failed", service, name)
            return json_error(ServiceError("InternalFailure", f"{type(error).__name__}: {error}", 500))
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(answer).encode()

    return handle


def dispatch(service: str, name: str, document: Any, context: CallContext) -> dict[str, Any]:
    """Checks the request, runs the operation, checks the answer. Raises ServiceError."""
    model = shapes.service_model(service)
    if name not in model.operation_names:
        raise ServiceError("UnknownOperationException", f"{service} has no operation {name!r}", 404)
    operation_model = model.operation_model(name)
    try:
        request = shapes.read_request(operation_model, document)
    except shapes.InvalidRequestError as error:
        raise ServiceError("ValidationException", str(error)) from None
    function = _operations.get((service, name))
    if function is None:
        raise ServiceError("ValidationException", f"{service}:{name} is not supported by the local cloud", 501)
    for check in request_checks:
        check(service, name, request, context)
    return shapes.write_response(operation_model, function(request, context))


def json_error(error: ServiceError) -> Response:
    """An error answer in the JSON protocols."""
    body = json.dumps({"__type": error.code, "message": error.message, "Message": error.message}).encode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-errortype": error.code}
    return error.status, headers, body


def call_context(headers: Mapping[str, str], query: Mapping[str, list[str]] | None = None) -> CallContext:
    """The caller of the request that is being handled in this thread."""
    from ministack.core.iam_evaluator import resolve_caller_identity
    from ministack.core.responses import get_account_id, get_region
    from ministack.core.router import extract_access_key_id

    access_key = extract_access_key_id(dict(headers), dict(query or {}))
    identity = resolve_caller_identity(access_key) or {}
    return CallContext(get_account_id(), get_region(), identity.get("userArn", ""), access_key or "")


def install() -> None:
    """Puts our routes before ministack's and adds the services that the local cloud knows."""
    from ministack import app
    from ministack.core import router

    original = router.detect_service

    def detect_service(method: str, path: str, headers: dict, query_params: dict) -> str:
        if _routes and not headers.get("x-amz-target"):
            scope = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/", headers.get("authorization", ""))
            for route in _routes:
                if scope and scope.group(1) in route.signing_names and any(p.match(path) for p in route.paths):
                    return route.service
        return original(method, path, headers, query_params)

    router.detect_service = detect_service
    app.detect_service = detect_service
    register_service("sagemaker", json_service("sagemaker", "SageMaker."), target_prefixes=["SageMaker."])


def shutdown() -> None:
    _threads.shutdown(wait=False, cancel_futures=True)
