"""What was asked of the cloud, in its state folder.

`calls.jsonl` has a line for every permission check: time, principal, role, service, action, resource, condition
context, allowed, HTTP status, and boto3's operation of the request that it belongs to. `requests.jsonl` has what
roles asked for, parameters included: the first examples of each (role, operation, set of members), without data
(`api_requests.py`). Both are bounded: checks go to a new file once theirs is full, and one file is kept.
"""

from __future__ import annotations

import contextvars
import datetime as dt
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from localcloud import api_requests
from localcloud.api_requests import ApiRequest
from localcloud.settings import Settings

CHECKS, REQUESTS = "calls.jsonl", "requests.jsonl"
MAX_BYTES = 200_000_000
EXAMPLES = 3
# Keys of the context that say nothing about the request.
_NOISE = frozenset({"aws:tagkeys", "dynamodb:leadingkeys", "dynamodb:attributes", "dynamodb:select"})


@dataclass
class _Open:
    """The request that is being handled, and its checks so far. Threads that outlive it must not add to it."""

    request: ApiRequest | None
    checks: list[dict[str, Any]] = field(default_factory=list)
    over: bool = False


_current: contextvars.ContextVar[_Open | None] = contextvars.ContextVar("request", default=None)
_lock = threading.Lock()
_checks: TextIO | None = None
_requests: TextIO | None = None
_seen: Counter[tuple[Any, ...]] = Counter()


def install(settings: Settings) -> None:
    """Opens the logs and records every check and every request."""
    global _checks, _requests
    _checks = (settings.state / CHECKS).open("a", encoding="utf-8")
    _requests = (settings.state / REQUESTS).open("a", encoding="utf-8")
    _seen.clear()
    _record_checks()
    _record_requests()


def shutdown() -> None:
    global _checks, _requests
    with _lock:
        for each in (_checks, _requests):
            if each is not None:
                each.close()
        _checks = _requests = None


def current_request() -> ApiRequest | None:
    """The request on whose behalf this thread works."""
    opened = _current.get()
    return opened.request if opened and not opened.over else None


def add(
    principal: str, role: str, action: str, resource: str, context: dict[str, Any] | None, *, allowed: bool
) -> None:
    """Notes a check; those of a request are written with its status, the others at once."""
    keys = {key: value for key, value in (context or {}).items() if value is not None and key.lower() not in _NOISE}
    check: dict[str, Any] = {"principal": principal, "role": role, "action": action, "resource": resource}
    check |= {"context": keys, "allowed": allowed}
    opened = _current.get()
    if opened is None or opened.over:
        _write([check], None, None)
    else:
        opened.checks.append(check)


def principal_of(access_key: str) -> tuple[str, str]:
    """(principal ARN, ARN of its role or "")."""
    from ministack.core.iam_evaluator import resolve_caller_identity
    from ministack.services import iam

    arn = (resolve_caller_identity(access_key) or {}).get("userArn", "")
    if ":assumed-role/" not in arn:
        return arn, ""
    name = arn.split("/")[-2]
    role = iam._roles.get(name) or {}
    return arn, role.get("Arn") or f"arn:aws:iam::{arn.split(':')[4]}:role/{name}"


def _record_checks() -> None:
    from ministack.core import iam_evaluator

    enforce = iam_evaluator.enforce

    def recording(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        denied = enforce(access_key_id, iam_action, service, region, resource_arn, service_context)
        add(*principal_of(access_key_id), iam_action, resource_arn, service_context, allowed=denied is None)
        return denied

    iam_evaluator.enforce = recording


def _record_requests() -> None:
    from ministack import app

    dispatch = app._dispatch_service_request

    async def logged(method: str, path: str, headers: dict, body: bytes, query_params: dict, request_id: str) -> Any:
        params = app._routing_params(method, path, headers, body, query_params)
        service = app.detect_service(method, path, headers, params)
        opened = _Open(api_requests.read(service, method, path, headers, body, query_params))
        token = _current.set(opened)
        status = 0
        try:
            response = await dispatch(method, path, headers, body, query_params, request_id)
            status = response[0]
            return response
        finally:
            opened.over = True
            _current.reset(token)
            if opened.checks:
                _write(opened.checks, opened.request, status)

    app._dispatch_service_request = logged


def _write(checks: list[dict[str, Any]], request: ApiRequest | None, status: int | None) -> None:
    global _checks
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    asked = f"{request.service}.{request.operation}" if request else None
    shared = {"status": status, "operation": asked, "members": sorted(request.parameters) if request else []}
    lines = "".join(
        json.dumps({"time": now, "service": check["action"].split(":")[0], **check, **shared}, default=str) + "\n"
        for check in checks
    )
    role = checks[0]["role"]
    with _lock:
        if _checks is None or _requests is None:
            return
        _checks.write(lines)
        _checks.flush()
        if _checks.tell() > MAX_BYTES:
            full = Path(_checks.name)
            _checks.close()
            full.replace(full.with_name(f"previous-{CHECKS}"))
            _checks = full.open("a", encoding="utf-8")
        if role and request:
            kind = (role, asked, frozenset(api_requests.members(request.parameters)))
            _seen[kind] += 1
            if _seen[kind] <= EXAMPLES:
                line = {"time": now, "role": role, "service": request.service, "operation": request.operation}
                line |= {"status": status, "parameters": request.parameters}
                _requests.write(json.dumps(line, default=str) + "\n")
                _requests.flush()
