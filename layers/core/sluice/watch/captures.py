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
    answered, where the answer says so. `refused` is what the model said about a request that it did not answer, and
    `refused_field` the field that it named; `rows` is empty then, because no value of such a request was understood.
    `event_id` is SageMaker's own, which a line that is captured twice has twice.
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
    refused_field: str | None = None
    event_id: str | None = None

    @property
    def replayed(self) -> bool:
        return (self.inference_id or "").startswith(names.REPLAYED)


def score_of(answer: Row) -> float | None:
    """The probability, the anomaly score, or the number, of an answer to one row."""
    return finite(answer.get("probability", answer.get("score", answer.get("prediction"))))


# csv.Error is none of the others, and who nests deeply enough ends in a RecursionError: a line must not stop the rest
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError, csv.Error)


def parse_file(body: bytes, contract: Contract, *, as_sent: bool = False) -> tuple[list[Captured], int]:
    """Requests of a capture file and the number of lines that cannot be read.

    `as_sent`: rows keep the values of the request's JSON or CSV, which `seen` reads; that takes half the time.
    """
    found: list[Captured] = []
    bad = 0
    for line in lines(body.decode("utf-8", errors="replace")):
        try:
            found.append(_request(json.loads(line), contract, as_sent))
        except _UNREADABLE:
            bad += 1
    return found, bad


def _request(event: Any, contract: Contract, as_sent: bool) -> Captured:
    data = event["captureData"]
    meta = event.get("eventMetadata") or {}
    text, kind = _text(data["endpointInput"])
    said, answered, refused, refused_field = _output(data.get("endpointOutput"))
    rows: list[Row] = []
    if refused is None:
        rows = _sent(text, kind, contract)
        if not as_sent:
            rows = [seen(row, contract) for row in rows]
    answers: list[Row] = []
    own_id = model = None
    if said is not None and refused is None:
        try:
            answers, own_id, model = _answers(said, answered, contract)
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
        refused_field,
        _string(meta.get("eventId")),
    )


def _output(part: Any) -> tuple[Any, str, str | None, str | None]:
    """What was answered (parsed, where it is JSON), its content type, and of a refusal the message and the field.

    A refusal is a JSON object with `error` and without predictions.
    """
    if not part:
        return None, JSON, None, None
    try:
        text, kind = _text(part)
    except _UNREADABLE:
        return None, JSON, None, None
    try:
        said = json.loads(text)
    except _UNREADABLE:
        return text, kind, None, None
    if isinstance(said, dict) and "predictions" not in said and "prediction" not in said:
        refused = _string(said.get("error"))
        return said, kind, refused, None if refused is None else _string(said.get("field"))
    return (text if media_type(kind) in (CSV, *JSON_LINES_NAMES) else said), kind, None, None


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
    return [seen(row, contract) for row in _sent(text, kind, contract)]


def _sent(text: str, kind: str, contract: Contract) -> list[Row]:
    text, header, kind = text.removeprefix("\ufeff"), parameters(kind).get("header"), media_type(kind)
    if kind == CSV:
        types: dict[str, str] = {name: column.type for name, column in contract.data.columns.items()}
        schema = Schema(types, tuple(contract.feature_columns), contract.readings)
        columns, records = csv_records(text, schema, header)
        known = [(i, name) for i, name in enumerate(columns) if name in types]
        if any(len(record) != len(columns) for record in records):
            raise ValueError(f"a record does not have the {len(columns)} fields of its columns")
        return [{name: record[i] for i, name in known} for record in records]
    if kind in JSON_LINES_NAMES:
        return [_object(json.loads(line)) for line in lines(text)]
    content = json.loads(text)
    if isinstance(content, dict) and isinstance(content.get("instances"), list):
        return [_object(row) for row in content["instances"]]
    return [_object(content)]


def _answers(said: Any, kind: str, contract: Contract) -> tuple[list[Row], str | None, str | None]:
    """Predictions; the inference id and the model, which only plain lines of CSV do not have."""
    kind = media_type(kind)
    if kind == CSV or kind in JSON_LINES_NAMES:
        read = csv_answers(said, contract.prediction_type, contract.score_member) if kind == CSV else None
        found = [_object(answer) for answer in (map(json.loads, lines(said)) if read is None else read)]
        first = found[0] if found else {}
        own_id = _string(first.get("inference_id"))
        # of several rows each has its own: the request's with the row's number behind it
        return found, own_id.removesuffix("-0") if own_id else None, _string(first.get("model"))
    return [_object(row) for row in said["predictions"]], _string(said.get("inference_id")), _string(said.get("model"))


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def seen(record: Row, contract: Contract) -> Row:
    """A row as it was sent → with the values that the model saw."""
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
