"""`aws SERVICE OPERATION --options` as the AWS CLI sends it, over botocore's description of the service.

The AWS CLI is no part of this repository's environments. What the pages use of it is small: options are the members of
the operation's input, and a list of structures may be written as `Name=value,Other=value`.

    python -m tests.docs_run.aws_cli sagemaker update-endpoint --endpoint-name a --endpoint-config-name b
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import boto3
from botocore import xform_name
from botocore.model import Shape


def sent(arguments: Sequence[str]) -> dict[str, Any]:
    """Calls the operation; its answer. Raises SystemExit for an operation or option that does not exist."""
    service, command, *options = arguments
    client = boto3.client(service)
    operations = {_dashed(name): name for name in client.meta.service_model.operation_names}
    if command not in operations:
        raise SystemExit(f"aws {service} has no {command}")
    shape = client.meta.service_model.operation_model(operations[command]).input_shape
    members = {f"--{_dashed(name)}": (name, member) for name, member in shape.members.items()}
    request = {}
    for option, text in zip(options[::2], options[1::2], strict=True):
        if option not in members:
            raise SystemExit(f"aws {service} {command} has no {option}")
        name, member = members[option]
        request[name] = _value(text, member)
    answer: dict[str, Any] = getattr(client, xform_name(operations[command]))(**request)
    return answer


def _dashed(name: str) -> str:
    return xform_name(name, "-")


def _value(text: str, shape: Shape) -> Any:
    if shape.type_name == "list":
        return [_value(text, shape.member)]  # type: ignore[attr-defined]
    if shape.type_name == "structure":
        pairs = (part.partition("=") for part in text.split(","))
        return {name: _value(value, shape.members[name]) for name, _, value in pairs}  # type: ignore[attr-defined]
    return int(text) if shape.type_name in ("integer", "long") else text


if __name__ == "__main__":
    answer = sent(sys.argv[1:])
    answer.pop("ResponseMetadata", None)
    print(json.dumps(answer, default=str))
