"""SageMaker data capture: lines of JSON with what was asked and answered → request rows and answers.

{"captureData": {"endpointInput": {"observedContentType", "data", "encoding"}, "endpointOutput": {…}},
 "eventMetadata": {"eventId", "inferenceId", "inferenceTime"}}
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sluice import names
from sluice.csv_answers import csv_answers

Row = dict[str, Any]
_CLIENT = re.compile(r"(?:^|[;,\s])client=([^;,\s]{1,128})")


@dataclass(frozen=True)
class Captured:
    """One captured request. `answers[i]` belongs to `rows[i]`; it is empty when the answer cannot be read.

    `inference_id` is the caller's, else the one in the answer. `client` is the one that the caller names in its
    CustomAttributes (`client=<id>`). `body` and `content_type` are what was sent; `model` is the run whose model
    answered, where the answer says so.
    """

    inference_id: str | None
    at: datetime | None
    rows: list[Row]
    answers: list[Row]
    client: str | None = None
    body: bytes = b""
    content_type: str = "application/json"
    model: str | None = None

    @property
    def replayed(self) -> bool:
        return (self.inference_id or "").startswith(names.REPLAYED)


def score_of(answer: Row) -> float | None:
    """The probability, or the number, of an answer to one row."""
    value = answer.get("probability", answer.get("prediction"))
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def parse_file(body: bytes, types: dict[str, str]) -> tuple[list[Captured], int]:
    """Requests of a capture file and the number of lines that cannot be read. `types`: column → contract type."""
    found: list[Captured] = []
    bad = 0
    for line in body.decode("utf-8", errors="replace").splitlines():
        if not line.strip():
            continue
        try:
            found.append(_request(json.loads(line), types))
        except (ValueError, KeyError, TypeError, AttributeError):
            bad += 1
    return found, bad


def _request(event: Any, types: dict[str, str]) -> Captured:
    data = event["captureData"]
    meta = event.get("eventMetadata") or {}
    text, kind = _text(data["endpointInput"])
    rows = rows_of(text, kind, types)
    answers: list[Row] = []
    own_id = model = None
    if data.get("endpointOutput"):
        try:
            answers, own_id, model = _answers(*_text(data["endpointOutput"]))
        except (ValueError, KeyError, TypeError, AttributeError):
            answers = []
    at = meta.get("inferenceTime")
    attributes = meta.get("customAttributes") or []
    client = next((found[1] for text in attributes if (found := _CLIENT.search(str(text)))), None)
    return Captured(
        meta.get("inferenceId") or own_id,
        datetime.fromisoformat(at.replace("Z", "+00:00")) if at else None,
        rows,
        answers if len(answers) == len(rows) else [],
        client,
        text.encode(),
        kind,
        model,
    )


def _text(part: Any) -> tuple[str, str]:
    data = part["data"]
    if part.get("encoding") == "BASE64":
        data = base64.b64decode(data).decode()
    kind = (part.get("observedContentType") or "application/json").split(";")[0].strip().lower()
    return data, kind


def rows_of(text: str, kind: str, types: dict[str, str]) -> list[Row]:
    """The rows of a request's body. Raises ValueError for one that has none."""
    if kind == "text/csv":
        return [{name: _typed(value, types.get(name)) for name, value in row.items()} for row in _table(text)]
    if kind == "application/jsonlines":
        return [_object(json.loads(line)) for line in text.splitlines() if line.strip()]
    content = json.loads(text)
    if isinstance(content, dict) and isinstance(content.get("instances"), list):
        return [_object(row) for row in content["instances"]]
    return [_object(content)]


def _answers(text: str, kind: str) -> tuple[list[Row], str | None, str | None]:
    """Predictions; the inference id and the model, which only plain lines of CSV do not have."""
    if kind in ("text/csv", "application/jsonlines"):
        if kind == "text/csv":
            number = {"prediction": "number", "probability": "number"}
            table = csv_answers(text)
            found = [{name: _typed(value, number.get(name)) for name, value in row.items()} for row in table]
        else:
            found = [_object(json.loads(line)) for line in text.splitlines() if line.strip()]
        said = found[0] if found else {}
        own_id = _string(said.get("inference_id"))
        # of several rows each has its own: the request's with the row's number behind it
        return found, own_id.removesuffix("-0") if own_id else None, _string(said.get("model"))
    said = json.loads(text)
    return [_object(row) for row in said["predictions"]], _string(said.get("inference_id")), _string(said.get("model"))


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def _typed(value: str | None, kind: str | None) -> Any:
    """A CSV cell as JSON would have it; an empty one is missing."""
    if value is None or value == "":
        return None
    if kind in ("integer", "number"):
        try:
            return float(value)
        except ValueError:
            return value
    if kind == "boolean":
        return {"true": True, "1": True, "false": False, "0": False}.get(value.strip().lower(), value)
    return value


def _object(value: Any) -> Row:
    if not isinstance(value, dict):
        raise ValueError("a row is a JSON object")
    return value
