"""A challenger made bad on purpose: the way it happens to people, by a deployment of code with a fault in it."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Iterator

from cli.stack import LocalStack

KEY = "code/demo-faulty/sourcedir.tar.gz"
FAULT = """

import random as _random

_sound = predict_fn
_asked = 0


def predict_fn(data, model):
    global _asked
    _asked += 1
    if _asked > 320 and _random.random() < 0.35:
        raise RuntimeError("a fault that the demonstration put in on purpose")
    return _sound(data, model)
"""


@contextlib.contextmanager
def faulty_serving_code(stack: LocalStack) -> Iterator[None]:
    """While this lasts, new runs train with a source archive whose inference.py fails on a third of the requests.

    It does so after some hundred requests only, as a leak would: training, evaluation and the registry see nothing of
    it, and nor do the 300 requests that are replayed. Only live traffic can.
    """
    functions, resources = stack.client("lambda"), stack.client("cloudformation")
    name = resources.describe_stack_resource(StackName=stack.stack, LogicalResourceId="PlanTrainingFunction")
    function = name["StackResourceDetail"]["PhysicalResourceId"]
    environment = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    sound = environment["SLUICE_SOURCE_URI"]
    _, _, bucket, key = sound.split("/", 3)
    archive = stack.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    stack.client("s3").put_object(Bucket=bucket, Key=KEY, Body=_with_fault(archive))
    faulty = {**environment, "SLUICE_SOURCE_URI": f"s3://{bucket}/{KEY}"}
    functions.update_function_configuration(FunctionName=function, Environment={"Variables": faulty})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=function, Environment={"Variables": environment})


def _with_fault(archive: bytes) -> bytes:
    out = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as source,
        tarfile.open(fileobj=out, mode="w:gz") as target,
    ):
        for member in source.getmembers():
            content = source.extractfile(member)
            body = content.read() if content else b""
            if member.name.removeprefix("./") == "inference.py":
                body += FAULT.encode()
                member.size = len(body)
            target.addfile(member, io.BytesIO(body) if content else None)
    return out.getvalue()
