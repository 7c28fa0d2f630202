"""The callers of this cloud: the fixed administrator, and sessions of the account's roles.

The administrator is the account's root: access key `test`, secret key `test`, no session token. IAM never denies it;
people, `sam deploy` and tests use it. Roles get sessions made here as ministack makes those of its Lambdas, because a
role's trust policy names a service principal, which no AssumeRole call by a user satisfies.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from localcloud.settings import Settings

ADMIN_ACCESS_KEY = "test"
ADMIN_SECRET_KEY = "test"  # noqa: S105 - the documented key of a cloud that lives on the loopback interface

# A synchronous Lambda call may take 15 minutes, so reading waits longer than that.
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=960,
    retries={"max_attempts": 3, "mode": "standard"},
    max_pool_connections=64,
    s3={"addressing_style": "path"},
)
# (role ARN, session name) -> None, or raises PermissionError; asked once for each new session (service_calls.py).
assume_checks: list[Callable[[str, str], None]] = []
_lock = threading.Lock()
_clients: dict[tuple[Any, ...], Any] = {}
_session: Any = None  # typed clients are chosen by a literal name, ours is a variable


def session_credentials(role_arn: str, session_name: str = "localcloud") -> dict[str, str]:
    """Credentials of a session of `role_arn` (boto3 argument names); of use once the cloud has made the session."""
    digest = hashlib.sha256(f"{role_arn}:{session_name}".encode()).hexdigest()
    return {
        "aws_access_key_id": f"ASIA{digest[:16].upper()}",
        "aws_secret_access_key": hashlib.sha256(f"secret:{digest}".encode()).hexdigest(),
        "aws_session_token": hashlib.sha256(f"token:{digest}".encode()).hexdigest(),
    }


def role_credentials(role_arn: str, session_name: str = "localcloud") -> dict[str, str]:
    """Credentials of a session that is made now, if there is none; only inside the cloud's process.

    Raises PermissionError when the role does not trust the service that the session's name stands for.
    """
    from ministack.services import sts

    account = role_arn.split(":")[4]
    role_name = role_arn.rsplit("/", 1)[-1]
    credentials = session_credentials(role_arn, session_name)
    if credentials["aws_access_key_id"] not in sts._sessions:
        for check in assume_checks:
            check(role_arn, session_name)
        sts.register_session(
            credentials["aws_access_key_id"],
            {
                "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}",
                "UserId": f"{role_name}:{session_name}",
                "SecretAccessKey": credentials["aws_secret_access_key"],
                "SessionToken": credentials["aws_session_token"],
            },
        )
    return credentials


def environment(role_arn: str | None = None, session_name: str = "localcloud") -> dict[str, str]:
    """Environment variables with which a subprocess (job, container) calls this cloud as `role_arn`."""
    settings = Settings.current()
    env = {
        "AWS_ENDPOINT_URL": settings.endpoint,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    credentials = role_credentials(role_arn, session_name) if role_arn else _admin_credentials()
    return env | {name.upper(): value for name, value in credentials.items()}


def client(service: str, role_arn: str | None = None, session_name: str = "localcloud", region: str = "") -> Any:
    """A cached boto3 client of this cloud: as `role_arn`'s session, or as the administrator.

    Never call it from the event loop's thread: the cloud answers on that very loop.
    """
    global _session
    settings = Settings.current()
    key = (settings.endpoint, service, role_arn, session_name, region)
    with _lock:
        if key not in _clients:
            _session = _session or boto3.Session()
            _clients[key] = _session.client(
                service,
                region_name=region or settings.region,
                endpoint_url=settings.endpoint,
                config=_CONFIG,
                **(role_credentials(role_arn, session_name) if role_arn else _admin_credentials()),
            )
        return _clients[key]


def _admin_credentials() -> dict[str, str]:
    return {"aws_access_key_id": ADMIN_ACCESS_KEY, "aws_secret_access_key": ADMIN_SECRET_KEY}
