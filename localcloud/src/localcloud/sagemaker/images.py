"""Container images that this machine can stand for, and the environment that stands for each."""

from __future__ import annotations

import re
from pathlib import Path

from localcloud import environments, service_calls
from localcloud.extension import ServiceError
from localcloud.sagemaker.containers import ClientError
from localcloud.settings import Settings

_URI = re.compile(r"^(?P<registry>\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?)/(?P<image>[^@]+)$")

# The environment holds the versions of this image; another tag would be another container.
KNOWN = ("sagemaker-scikit-learn:1.9-0-cpu-py3",)


def pull(uri: str, role_arn: str) -> Path:
    """As `python_of`, for a container that starts. Raises ClientError when the role may not pull the image."""
    if why := service_calls.image_denial(role_arn, uri):
        raise ClientError(f"The image {uri} cannot be pulled: {why}")
    return python_of(uri)


def python_of(uri: str) -> Path:
    """The interpreter of the environment that stands for the image at `uri`.

    Raises ValidationException for another image, naming the known ones, and when the environment is missing.
    """
    match = _URI.match(uri)
    if match and match["image"] in KNOWN:
        python = Settings.current().sklearn_python
        if why := environments.missing(environments.SKLEARN, python):
            raise ServiceError("ValidationException", why)
        return python
    known = ", ".join(f"<account>.dkr.ecr.<region>.amazonaws.com/{name}" for name in KNOWN)
    raise ServiceError(
        "ValidationException", f"The image {uri} is not supported by the local cloud. It can stand for: {known}."
    )
