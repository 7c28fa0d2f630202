"""boto3 clients, made when first used: a client costs 30–300 ms, and a function uses two or three of eleven."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sluice.errors import SluiceError
from sluice.ports import Settings

# standard mode retries throttling and server errors with jitter; the read timeout exceeds InvokeEndpoint's 60 s
_CONFIG = Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=5, read_timeout=65)
# a question that is asked again is two requests in the metrics, and a slow model would be waited for four times
_RUNTIME = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=65, max_pool_connections=20)

# its stubs have an overload for each service's literal name; here the name is a variable
_any_client: Callable[..., Any] = boto3.client


class Clients:
    """`clients("s3")` is the one S3 client of this process. `region`: None for what boto3 finds."""

    def __init__(self, region: str | None = None) -> None:
        self._made: dict[str, Any] = {}
        self._region = region

    def __call__(self, service: str) -> Any:
        if service not in self._made:
            config = _RUNTIME if service == "sagemaker-runtime" else _CONFIG
            self._made[service] = _any_client(service, region_name=self._region, config=config)
        return self._made[service]


def required(settings: Settings, name: str) -> str:
    """The setting `name`. Raises SluiceError when the template gave this function none."""
    value: str = getattr(settings, name)
    if not value:
        raise SluiceError(
            f"SLUICE_{name.upper()} is not set, and this call needs it: add it to the function's environment"
        )
    return value


def code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def says(error: ClientError, *fragments: str) -> bool:
    """Whether the message has one of the fragments. SageMaker tells absence from mistakes only by its message."""
    message = str(error.response.get("Error", {}).get("Message", "")).lower()
    return any(fragment in message for fragment in fragments)


def absent(error: ClientError) -> bool:
    """Whether SageMaker says that the thing does not exist."""
    if code(error) in ("ResourceNotFound", "ResourceNotFoundException"):
        return True
    wordings = ("could not find", "does not exist", "not found")
    return code(error) in ("ValidationException", "ValidationError") and says(error, *wordings)


def exists_already(error: ClientError) -> bool:
    """Whether SageMaker says that the thing is there already."""
    if code(error) in ("ResourceInUse", "ConflictException"):
        return True
    return code(error) == "ValidationException" and says(error, "already exist")


def project_of(uri: str) -> str:
    """The project of `s3://bucket/<area>/<project>/…`: what a resource is tagged with."""
    parts = uri.removeprefix("s3://").split("/")
    return parts[2] if len(parts) > 2 and parts[2] else "none"
