"""The user's code: loading it, calling it with what came, and turning what it gives into an answer."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from serving_container.http_messages import Answer, Head, media_type

Transform = Callable[[Any, Any, str, str], Any]


def load(model_dir: Path) -> tuple[Transform, Any]:
    """The user's transform and the loaded model; whatever the user's code raises goes through."""
    code = Path(os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or model_dir / "code")
    program = os.environ.get("SAGEMAKER_PROGRAM") or "inference.py"
    if not (code / program).is_file():
        raise FileNotFoundError(f"the model has no {program} in {code}")
    sys.path.insert(0, str(code))
    module = importlib.import_module(program.removesuffix(".py").replace("/", "."))
    if not hasattr(module, "model_fn"):
        raise AttributeError(f"{program} has no model_fn, and this framework has no default one")
    steps = [getattr(module, name, None) for name in ("input_fn", "predict_fn", "output_fn")]
    transform = getattr(module, "transform_fn", None)
    if transform and any(steps):
        raise TypeError("transform_fn cannot be used together with input_fn, predict_fn or output_fn")
    return transform or in_steps(*steps), module.model_fn(str(model_dir))


def in_steps(input_fn: Callable | None, predict_fn: Callable | None, output_fn: Callable | None) -> Transform:
    """input → predict → output as one transform, with the container's defaults where the user has none."""
    read, predict, write = input_fn or default_input, predict_fn or default_predict, output_fn or default_output

    def transform(model: Any, body: Any, content_type: str, accept: str) -> Any:
        return write(predict(read(body, content_type), model), accept)

    return transform


def default_input(body: Any, content_type: str) -> Any:
    import numpy as np

    kind = media_type(content_type)
    if kind == "application/json":
        return np.array(json.loads(body)).astype(np.float32)
    if kind == "text/csv":
        return np.atleast_2d(np.genfromtxt(body.splitlines(), delimiter=",", dtype=np.float32))
    if kind == "application/x-npy":
        import io

        return np.load(io.BytesIO(body), allow_pickle=False)
    raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content type {content_type} is not supported by this framework.")


def default_predict(data: Any, model: Any) -> Any:
    return model.predict(data)


def default_output(prediction: Any, accept: str) -> Any:
    kind = media_type(accept)
    if kind == "application/json":
        return json.dumps(prediction.tolist()), accept
    if kind == "text/csv":
        import numpy as np

        return "\n".join(",".join(map(str, row)) for row in np.atleast_2d(prediction.T).T.tolist()) + "\n", accept
    raise Refused(HTTPStatus.NOT_ACCEPTABLE, f"Accept type {accept} is not supported by this framework.")


class Refused(Exception):  # noqa: N818 - it is an answer, with the protocol's `status` and `body`
    """A request that the container itself refuses."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = int(status)
        self.body = {"error": message}


def answer(transform: Transform, model: Any, head: Head, body: bytes) -> Answer:
    """One invocation."""
    try:
        content = body.decode("utf-8", "replace") if head.text else body  # as Flask's get_data(as_text=True) does
        return as_answer(transform(model, content, head.content_type, head.accept), head.accept)
    except Exception as error:
        status = getattr(error, "status", None)
        if isinstance(status, int) and 400 <= status < 500:
            payload = getattr(error, "body", None)
            if not isinstance(payload, (str, bytes)):
                payload = json.dumps({"error": str(error)} if payload is None else payload)
            return int(status), "application/json", as_bytes(payload), {}
        traceback.print_exc()
        sys.stderr.flush()
        message = json.dumps({"error": f"{type(error).__name__}: {error}"[:1000]})
        return 500, "application/json", message.encode(), {}


def as_answer(result: Any, accept: str) -> Answer:
    if isinstance(result, tuple):
        return 200, str(result[1]), as_bytes(result[0]), {}
    if hasattr(result, "status_code") and hasattr(result, "get_data"):  # a Flask or Werkzeug response
        extra = {k: v for k, v in result.headers.items() if k.lower().startswith("x-amzn-")}
        return result.status_code, result.headers.get("Content-Type") or accept, result.get_data(), extra
    return 200, accept, as_bytes(result), {}


def as_bytes(value: Any) -> bytes:
    if type(value) is str:
        return value.encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return str(value).encode("utf-8")
