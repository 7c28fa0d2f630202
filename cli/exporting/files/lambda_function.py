"""Serves the model on AWS Lambda: `lambda_function.handler`.

Takes what function URLs and API Gateway send (payload formats 1.0 and 2.0), or a request itself as the event. Needs
numpy, from a layer or in the package, and Python 3.11 or newer.
"""

from __future__ import annotations

import base64
import importlib
import json
import sys
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(_HERE / "model" / "code"))
_serving: Any = importlib.import_module("inference")
_model = _serving.model_fn(str(_HERE / "model"))


def handler(event: dict[str, Any], context: object = None) -> dict[str, Any]:
    """The answer as API Gateway wants it; of a plain event, the answer itself."""
    if "body" not in event:
        return json.loads(_answer(json.dumps(event), "application/json", "application/json")["body"])
    headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    body = event["body"] or ""
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body)
    return _answer(body, headers.get("content-type", "application/json"), headers.get("accept", "application/json"))


def _answer(body: str | bytes, content_type: str, accept: str) -> dict[str, Any]:
    try:
        result = _serving.output_fn(_serving.predict_fn(_serving.input_fn(body, content_type), _model), accept)
    except ValueError as refused:
        if not hasattr(refused, "status"):
            raise
        return _response(refused.status, refused.body, "application/json")  # type: ignore[attr-defined]
    if hasattr(result, "get_data"):  # has headers; or is a refusal, where the program that asks has loaded Flask
        kept = {name: value for name, value in result.headers.items() if name.lower().startswith("x-amzn-")}
        return _response(result.status_code, result.get_data().decode(), result.headers["Content-Type"], kept)
    return _response(200, result[0], result[1])


def _response(status: int, body: str, kind: str, more: dict[str, str] | None = None) -> dict[str, Any]:
    headers = {"Content-Type": kind, **(more or {})}
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": False}
