"""What the serving container runs: model_fn, input_fn, predict_fn, output_fn. Needs numpy and `sluice.model` only.

Refusals. SageMaker's scikit-learn server turns every exception of these functions into HTTP 500, which would count
as a failure of the model, not of the caller. A refused request is therefore carried as data through predict_fn, and
output_fn answers it as a response of the server's own web framework, which passes through with status 400. Where
that framework is not there, output_fn raises the InputError, whose `status` and `body` say the same.

Late labels. A JSON answer has an `inference_id`, which labels may name: row i of a request with several is
`<inference_id>-<i>`, from 0; a line of JSON lines has its row's own. An InferenceId that the caller gave goes before
it. A line of CSV is the prediction and nothing else, because people put it beside a row's line. With
`Accept: text/csv; header=present` (RFC 4180) the answer is a table instead, with model and inference id.
"""

from __future__ import annotations

import csv
import ctypes
import io
import json
import math
import os
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sluice.model.errors import InputError
from sluice.model.model import Answers, Model
from sluice.model.payloads import CSV, JSON, JSON_LINES, JSON_LINES_NAMES, csv_records, lines, media_type
from sluice.model.schema import Row
from sluice.model.table_rows import TableRows

try:
    import orjson
except ImportError:  # a container need not have it; json then reads and writes all
    orjson = None

Data = list[Row] | np.ndarray | TableRows
Answered = tuple[Answers, str]
_DEEP = 400  # brackets beyond one for each row; so many levels are read by any JSON parser
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h

# input_fn is not given the model, but reading CSV needs its column types.
_loaded: Model | None = None


def model_fn(model_dir: str) -> Model:
    """Verify and load the artefact. Raises ArtifactError when it was changed after training."""
    global _loaded
    _keep_memory()
    _loaded = Model.load(Path(model_dir))
    return _loaded


def _keep_memory(size: int = 16 << 20) -> None:
    """Has the C library keep memory that a request has used for the next one.

    Otherwise it may give more than 128 KB back to the system after every request, and each page is to be faulted in
    again: whether it does depends on what lies behind, and takes a fifth of the time of 100 rows.
    """
    with suppress(OSError, AttributeError):  # another C library than GNU's
        mallopt = ctypes.CDLL(None).mallopt
        for threshold in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD):
            mallopt(threshold, size)


def input_fn(body: str | bytes, content_type: str) -> Data | InputError:
    """What has been read, or the refusal as a value (see above)."""
    if _loaded is None:
        raise RuntimeError("input_fn was called before model_fn")
    try:
        return read(body, content_type, _loaded)
    except InputError as refused:
        return refused


def predict_fn(data: Data | InputError, model: Model) -> Answered | InputError:
    if isinstance(data, InputError):
        return data
    if isinstance(data, TableRows):
        return model.direct(data), model.run_id
    if isinstance(data, list):
        return model.answers(model.score(data)) if data else Answers([], None), model.run_id
    return model.answers(model.scorer(data)), model.run_id


def output_fn(prediction: Answered | InputError, accept: str) -> Any:
    """(body, content type). Raises InputError for a refused request where no Flask is loaded."""
    if isinstance(prediction, InputError):
        return _refuse(prediction)
    answers, run_id = prediction
    kind = media_type(accept)
    if kind in (JSON, "*/*", ""):
        predictions = ", ".join(_as_json(answers))
        text = (
            f'{{"predictions": [{predictions}], "model": {_dumps(run_id)}, "inference_id": "{os.urandom(16).hex()}"}}'
        )
        return text, JSON
    if kind in JSON_LINES_NAMES:
        return _as_lines(_as_json(answers), run_id), kind
    if kind == CSV:
        table = "header=present" in accept.replace(" ", "").lower().split(";")
        return _as_csv(answers, run_id if table else None), f"{CSV}; header=present" if table else CSV
    return _refuse(InputError(f"cannot answer as {kind!r}; accept {JSON}, {JSON_LINES} or {CSV}", status=406))


def _as_lines(answers: list[str], run_id: str) -> str:
    """Each line says which model answered, and by which id a label may name it."""
    model = _dumps(run_id)
    return "".join(
        f'{answer[:-1]}, "model": {model}, "inference_id": "{own}"}}\n'
        for answer, own in zip(answers, _ids(len(answers)))
    )


def _ids(count: int) -> list[str]:
    own = os.urandom(16).hex()
    return [own] if count == 1 else [f"{own}-{number}" for number in range(count)]


def read(body: str | bytes, content_type: str, model: Model) -> Data:
    """A request's rows, plain ones in the form that the model reads fastest. Raises InputError naming the field."""
    kind = media_type(content_type)
    try:
        text = body if isinstance(body, str) else bytes(body).decode()
    except UnicodeDecodeError:
        raise InputError("the body is not UTF-8") from None
    text = text.removeprefix("\ufeff")  # of Excel's "CSV UTF-8"
    if kind == JSON:
        data = None if orjson is None else _plain(text, model)
        return _records(_instances(_json(text)), model) if data is None else data
    if kind in JSON_LINES_NAMES:
        return _records([_json(line) for line in lines(text)], model)
    if kind == CSV:
        return _csv_rows(text, model)
    raise InputError(f"content type {kind!r} is not supported; send {JSON}, {JSON_LINES} or {CSV}", status=415)


# What json.loads does between its looks at the kind of the input and at the space around it.
_raw_decode = json.JSONDecoder().raw_decode


def _json(text: str) -> Any:
    with suppress(ValueError, RecursionError):  # as of space before the value, or of a fault, which is told below
        value, end = _raw_decode(text)
        if not text[end:].strip(" \t\r\n"):
            return value
    try:
        return json.loads(text)
    except ValueError as error:
        # The parser's message, without the document that it would quote.
        where = f" at line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError(f"the body is not JSON{where}") from None
    except RecursionError:
        raise InputError("the body is nested too deeply") from None


def _instances(document: Any) -> list[Any]:
    if isinstance(document, dict) and "instances" in document:
        if not isinstance(document["instances"], list):
            raise InputError("'instances' must be a list of objects", "instances")
        return document["instances"]
    return [document]


def _plain(text: str, model: Model) -> Data | None:
    """Rows of plain values, by orjson; None where they are not plain, and left to json.

    orjson refuses NaN and lone surrogates, and integers beyond 64 bits become floats: what is refused is read again,
    and a number column takes both.
    """
    try:
        document = orjson.loads(text)
    except ValueError:
        return None
    items = _instances(document)
    # json's nesting ends earlier, and whoever reads the capture has json
    if text.count("[") + text.count("{") > len(items) + _DEEP:
        return None
    return _columns(items, model)


def _columns(items: list[Any], model: Model) -> Data | None:
    """None where the careful path is needed."""
    rows = None if model.reader is None else model.reader.read(items)
    return model.columns.matrix(items) if rows is None else rows


def _records(items: list[Any], model: Model) -> Data:
    data = _columns(items, model)
    return [_record(item, model) for item in items] if data is None else data


def _record(item: Any, model: Model) -> Row:
    if not isinstance(item, dict):
        raise InputError("a row must be an object of column names and values")
    return model.encoder.schema.typed_json(item)


def _csv_rows(text: str, model: Model) -> list[Row]:
    schema = model.encoder.schema
    try:
        columns, records = csv_records(text, schema)
    except csv.Error as error:
        raise InputError(f"the body is not CSV: {error}") from None
    if len(set(columns)) != len(columns):
        raise InputError("the CSV header names a column twice")
    wanted = set(schema.features)
    # What is no feature (key, time, target) may hold anything here: it is not read.
    kept = [i for i, name in enumerate(columns) if name in wanted]
    for line, record in enumerate(records, 1):
        if len(record) != len(columns):
            raise InputError(f"record {line} has {len(record)} fields where {len(columns)} are expected")
    return list(schema.typed_text([columns[i] for i in kept], ([record[i] for i in kept] for record in records)))


# Labels are few. Each type has a place of its own: true, 1 and 1.0 are one and the same key otherwise.
_dumps = lru_cache(1024, typed=True)(json.dumps)


def _as_json(answers: Answers) -> list[str]:
    """Each answer as `json.dumps` writes it, in a third of the time."""
    predictions, probabilities = answers
    if not all(map(math.isfinite, predictions if probabilities is None else probabilities)):
        return list(map(json.dumps, answers.records()))  # JSON's NaN and Infinity are no Python
    if probabilities is None:
        return [f'{{"prediction": {text}}}' for text in _numbers(predictions)]
    if len(predictions) == 1:
        return [f'{{"prediction": {_dumps(predictions[0])}, "probability": {_numbers(probabilities)[0]}}}']
    begins = {label: f'{{"prediction": {_dumps(label)}, "probability": ' for label in set(predictions)}
    return [f"{begins[label]}{text}}}" for label, text in zip(predictions, _numbers(probabilities))]


def _numbers(values: list[float]) -> list[str]:
    """The shortest texts that read as the same finite numbers."""
    if orjson is None or not values:
        return list(map(repr, values))
    return orjson.dumps(values)[1:-1].decode().split(",")


def _as_csv(answers: Answers, run_id: str | None) -> str:
    """Plain lines, or a table of the model `run_id`."""
    records = answers.records()
    if run_id is not None:
        records = [{**record, "model": run_id, "inference_id": own} for record, own in zip(records, _ids(len(records)))]
    out = io.StringIO()
    # Python's writer does not know that a carriage return ends a line, too
    returns = any(isinstance(value, str) and "\r" in value for record in records for value in record.values())
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL)
    if run_id is not None and records:
        writer.writerow(records[0])
    for record in records:
        writer.writerow(
            [("true" if value else "false") if isinstance(value, bool) else value for value in record.values()]
        )
    return out.getvalue()


def _refuse(error: InputError) -> Any:
    flask = sys.modules.get("flask")
    if flask is None:
        raise error
    return flask.Response(error.body, status=error.status, mimetype=JSON)
