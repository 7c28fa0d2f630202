"""Container images that this machine can stand for, and the environment that stands for each."""

from __future__ import annotations

import re
from pathlib import Path

from localcloud import environments, on_demand, service_calls
from localcloud.extension import ServiceError
from localcloud.sagemaker import containers
from localcloud.sagemaker.containers import ClientError
from localcloud.settings import Settings

_URI = re.compile(r"^(?P<registry>\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?)/(?P<image>[^@]+)$")

# An environment holds the versions of its image; another tag would be another container.
KNOWN = {"sagemaker-scikit-learn:1.9-0-cpu-py3": environments.SKLEARN}
# For training jobs alone: these images have no server.
TRAINING = {
    **KNOWN,
    "pytorch:2.13-cpu-amzn2023-sagemaker": environments.PYTORCH,
    "tensorflow-training:2.21.0-cpu-py312-sagemaker": environments.TENSORFLOW,
}


def pull(uri: str, role_arn: str, *, training: bool = False) -> Path:
    """The interpreter for a container that starts; an environment that is made on demand is there afterwards.

    Raises ClientError when the role may not pull the image or the environment cannot be made, and ValidationException
    as `python_of`.
    """
    if why := service_calls.image_denial(role_arn, uri):
        raise ClientError(f"The image {uri} cannot be pulled: {why}")
    python = python_of(uri, training=training)
    if is_made_on_demand(uri):
        try:
            on_demand.provide(TRAINING[uri.rpartition("/")[2]], python, containers.closing)
        except environments.InstallError as error:
            raise ClientError(f"The image {uri} cannot be pulled: {error}") from error
    return python


def python_of(uri: str, *, training: bool = False) -> Path:
    """The interpreter of the environment that stands for the image at `uri`; one made on demand may not be there yet.

    `training`: images that only train are known, too. Raises ValidationException for another image, naming the known
    ones, and when the environment is missing.
    """
    known = TRAINING if training else KNOWN
    kind = _kind(uri, known)
    if kind is None:
        names = ", ".join(f"<account>.dkr.ecr.<region>.amazonaws.com/{name}" for name in known)
        raise ServiceError(
            "ValidationException", f"The image {uri} is not supported by the local cloud. It can stand for: {names}."
        )
    python = Settings.current().python_of(kind)
    if not kind.on_demand and (why := environments.missing(kind, python)):
        raise ServiceError("ValidationException", why)
    return python


def is_made_on_demand(uri: str) -> bool:
    kind = _kind(uri, TRAINING)
    return kind is not None and kind.on_demand


def _kind(uri: str, known: dict[str, environments.Kind]) -> environments.Kind | None:
    match = _URI.match(uri)
    return known.get(match["image"]) if match else None
