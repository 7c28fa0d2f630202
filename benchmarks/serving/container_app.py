"""The web application of SageMaker's scikit-learn container, as its public source has it, for gunicorn with gevent.

A Flask application whose `/invocations` reads the content as text for JSON and CSV, calls input_fn, predict_fn and
output_fn of the user's module in turn, and makes a Response of a (body, content type) tuple. Said again here rather
than installed: the published package pins a Flask of 2019 and builds a C extension. nginx in front is left out on
both sides of the comparison.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import flask

TEXT = ("application/json", "text/csv")


class Request(flask.Request):
    @property
    def kind(self) -> str:
        return self.headers.get("ContentType") or self.headers.get("Content-Type") or "application/json"

    @property
    def accept(self) -> str:
        accept = self.headers.get("Accept")
        return "application/json" if not accept or accept == "*/*" else accept


class Worker(flask.Flask):
    request_class = Request

    def __init__(self, module: Any, model_dir: str) -> None:
        super().__init__("container")
        self.module, self.model = module, module.model_fn(model_dir)
        self.add_url_rule("/invocations", "invocations", self.invoke, methods=["POST"])
        self.add_url_rule("/ping", "ping", lambda: flask.Response(status=200))

    def invoke(self) -> Any:
        request: Any = Request(flask.request.environ)
        content = request.get_data(as_text=request.kind in TEXT)
        prediction = self.module.predict_fn(self.module.input_fn(content, request.kind), self.model)
        result = self.module.output_fn(prediction, request.accept)
        if isinstance(result, tuple):
            return flask.Response(response=result[0], mimetype=result[1])
        return result


sys.path.insert(0, os.environ["SAGEMAKER_SUBMIT_DIRECTORY"])
app = Worker(importlib.import_module(os.environ["SAGEMAKER_PROGRAM"].removesuffix(".py")), os.environ["SM_MODEL_DIR"])
