"""SageMaker data capture: lines of JSON with what was asked and answered → request rows and answers.

{"captureData": {"endpointInput": {"observedContentType", "data", "encoding"}, "endpointOutput": {…}},
 "eventMetadata": {"eventId", "inferenceId", "inferenceTime"}}
"""

from __future__ import annotations

import base64
import csv
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sluice import names
from sluice.contract import Contract
from sluice.model.payloads import CSV, JSON, JSON_LINES_NAMES, csv_answers, csv_records, lines, media_type, parameters
from sluice.model.schema import Schema
from sluice.model.values import Reading, finite, parse_json

Row = dict[str, Any]
_CLIENT = re.compile(r"(?:^|[;,\s])client=([^;,\s]{1,128})")


@dataclass(frozen=True)
class Captured:
    """One captured request. `answers[i]` belongs to `rows[i]`; it is empty when the answer cannot be read.

    `inference_id` is the caller's, else the one in the answer. `client` is the one that the caller names in its
    CustomAttributes (`client=<id>`). `body` and `content_type` are what was sent; `model` is the run whose model
    answered, where the answer says so. `refused` is what the model said of a request that it did not answer; `rows`
    is empty then, because no value of such a request was understood.
    """

    inference_id: str | None
    at: datetime | None
    rows: list[Row]
    answers: list[Row]
    client: str | None = None
    body: bytes = b""
    content_type: str = JSON
    model: str | None = None
    refused: str | None = None

    @property
    def replayed(self) -> bool:
        return (self.inference_id or "").startswith(names.REPLAYED)


def score_of(answer: Row) -> float | None:
    """The probability, the anomaly score, or the number, of an answer to one row."""
    return finite(answer.get("probability", answer.get("score", answer.get("prediction"))))


# csv.Error is none of the others, and who nests deeply enough ends in a RecursionError: a line must not stop the rest
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError, csv.Error)


def parse_file(body: bytes, contract: Contract) -> tuple[list[Captured], int]:
    """Requests of a capture file and the number of lines that cannot be read."""
    found: list[Captured] = []
    bad = 0
    for line in lines(body.decode("utf-8", errors="replace")):
        try:
            found.append(_request(json.loads(line), contract))
        except _UNREADABLE:
            bad += 1
    return found, bad


def _request(event: Any, contract: Contract) -> Captured:
    data = event["captureData"]
    meta = event.get("eventMetadata") or {}
    text, kind = _text(data["endpointInput"])
    refused = _refusal(data.get("endpointOutput"))
    rows = [] if refused else rows_of(text, kind, contract)
    answers: list[Row] = []
    own_id = model = None
    if data.get("endpointOutput") and not refused:
        try:
            answers, own_id, model = _answers(*_text(data["endpointOutput"]), contract)
        except _UNREADABLE:
            answers = []
    at = meta.get("inferenceTime")
    attributes = meta.get("customAttributes") or []
    client = next((found[1] for text in attributes if (found := _CLIENT.search(str(text)))), None)
    return Captured(
        meta.get("inferenceId") or own_id,
        _moment(at) if at else None,
        rows,
        answers if len(answers) == len(rows) else [],
        client,
        text.encode(),
        kind,
        model,
        refused,
    )


def _refusal(answer: Any) -> str | None:
    """The message of an answer that is a refusal: a JSON object with `error` and without predictions."""
    try:
        said = json.loads(_text(answer)[0]) if answer else None
    except _UNREADABLE:
        return None
    if not isinstance(said, dict) or "predictions" in said or "prediction" in said:
        return None
    return _string(said.get("error"))


def _moment(text: str) -> datetime:
    """A time without an offset is UTC: one that could not be compared with others would stop the reader."""
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _text(part: Any) -> tuple[str, str]:
    data = part["data"]
    if part.get("encoding") == "BASE64":
        data = base64.b64decode(data).decode()
    return data, part.get("observedContentType") or JSON


def rows_of(text: str, kind: str, contract: Contract) -> list[Row]:
    """The rows of a request's body with the values that the model saw; `kind` is its content type.

    Times, what is not of its column's type, and unknown fields stay as they were sent.
    Raises ValueError or csv.Error for a body that has none.
    """
    text, header, kind = text.removeprefix("\ufeff"), parameters(kind).get("header"), media_type(kind)
    if kind == CSV:
        types: dict[str, str] = {name: column.type for name, column in contract.data.columns.items()}
        columns, records = csv_records(text, Schema(types, tuple(contract.feature_columns)), header)
        known = [(i, name) for i, name in enumerate(columns) if name in types]
        if any(len(record) != len(columns) for record in records):
            raise ValueError(f"a record does not have the {len(columns)} fields of its columns")
        return [_seen({name: record[i] for i, name in known}, contract) for record in records]
    if kind in JSON_LINES_NAMES:
        return [_seen(_object(json.loads(line)), contract) for line in lines(text)]
    content = json.loads(text)
    if isinstance(content, dict) and isinstance(content.get("instances"), list):
        return [_seen(_object(row), contract) for row in content["instances"]]
    return [_seen(_object(content), contract)]


def _answers(text: str, kind: str, contract: Contract) -> tuple[list[Row], str | None, str | None]:
    """Predictions; the inference id and the model, which only plain lines of CSV do not have."""
    kind = media_type(kind)
    if kind == CSV or kind in JSON_LINES_NAMES:
        read = csv_answers(text, contract.prediction_type, contract.score_member) if kind == CSV else None
        found = [_object(answer) for answer in (map(json.loads, lines(text)) if read is None else read)]
        said = found[0] if found else {}
        own_id = _string(said.get("inference_id"))
        # of several rows each has its own: the request's with the row's number behind it
        return found, own_id.removesuffix("-0") if own_id else None, _string(said.get("model"))
    said = json.loads(text)
    return [_object(row) for row in said["predictions"]], _string(said.get("inference_id")), _string(said.get("model"))


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _seen(record: Row, contract: Contract) -> Row:
    found: Row = {}
    for name, value in record.items():
        column = contract.data.columns.get(name)
        found[name] = value if column is None else _value(value, column.type, contract.reading(name))
    return found


def _value(value: Any, kind: str, reading: Reading) -> Any:
    try:
        typed = parse_json(value, kind, reading)
    except ValueError:
        return value
    return value if isinstance(typed, datetime) else typed


def _object(value: Any) -> Row:
    if not isinstance(value, dict):
        raise ValueError("a row is a JSON object")
    return value
