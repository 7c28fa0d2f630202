"""What the serving container runs: model_fn, input_fn, predict_fn, output_fn. Needs numpy and `sluice.model` only.

Refusals. SageMaker's scikit-learn server turns every exception of these functions into HTTP 500, which would count
as a failure of the model, not of the caller. A refused request is therefore carried as data through predict_fn, and
output_fn answers it as a response of the server's own web framework, which passes through with status 400. Where
that framework is not there, output_fn raises the InputError, whose `status` and `body` say the same.

Delayed labels. A JSON answer has an `inference_id`, which labels may name: row i of a request with several is
`<inference_id>-<i>`, from 0; a line of JSON lines has its row's own. An InferenceId that the caller gave goes before
it. A line of CSV is the prediction and nothing else, because people put it beside a row's line. With
`Accept: text/csv; header=present` (RFC 4180) the answer is a table instead, with model and inference id.

Unknown fields. A field that the contract does not have is not read, and counted: `unknown_fields` in a JSON answer is
the number in all records, in JSON lines that of the line's own record. It is absent where there is none. A CSV answer
has no room for it; the response's `X-Amzn-SageMaker-Custom-Attributes` has `unknown_fields=<number>`. A record with
fields of which none is a feature is refused.
"""

from __future__ import annotations

import csv
import ctypes
import io
import json
import math
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sluice.model.accept import answer_form
from sluice.model.errors import InputError
from sluice.model.model import Answers, Model
from sluice.model.payloads import CSV, JSON, JSON_LINES, JSON_LINES_NAMES, TABLE, csv_records, media_type, parameters
from sluice.model.request_fields import EXPECTED, shown
from sluice.model.schema import Row
from sluice.model.table_rows import TableRows

try:
    import orjson
except ImportError:  # a container need not have it; json then reads and writes all
    orjson = None  # type: ignore[assignment]

Data = list[Row] | np.ndarray | TableRows


class Request(NamedTuple):
    """`unknown`: the number of unknown fields of each record, or nothing where no record has one."""

    data: Data
    unknown: Sequence[int]
    beside: int = 0  # members beside `instances`


class Answered(NamedTuple):
    answers: Answers
    run_id: str
    unknown: Sequence[int] = ()
    beside: int = 0


ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_REPLACED = "\ufffd"  # what stands for bytes that are not UTF-8
_APART = re.compile(r'"[ \t\r\n]+:')  # a name that does not touch its colon
_DIGITS = 4000  # of an integer that any Python reads
_DEEP = 400  # brackets beyond one for each row; any JSON parser reads this many levels
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


def input_fn(body: str | bytes, content_type: str) -> Request | InputError:
    """What has been read, or the refusal as a value (see above)."""
    if _loaded is None:
        raise RuntimeError("input_fn was called before model_fn")
    try:
        return read(body, content_type, _loaded)
    except InputError as refused:
        return refused


def predict_fn(request: Request | InputError, model: Model) -> Answered | InputError:
    if isinstance(request, InputError):
        return request
    data, unknown, beside = request
    if isinstance(data, TableRows):
        answers = model.direct(data)
    elif isinstance(data, list):
        answers = model.answers(model.score(data)) if data else Answers([], None)
    else:
        answers = model.answers(model.score_matrix(data))
    return Answered(answers, model.run_id, unknown, beside)


def output_fn(prediction: Answered | InputError, accept: str) -> Any:
    """(body, content type). Raises InputError for a refused request where no Flask is loaded."""
    if isinstance(prediction, InputError):
        return _refuse(prediction)
    answers, run_id, unknown, beside = prediction
    kind = answer_form(accept)
    if kind == JSON:
        predictions = ", ".join(_as_json(answers))
        count = f', "unknown_fields": {sum(unknown) + beside}' if unknown or beside else ""
        own = os.urandom(16).hex()
        return f'{{"predictions": [{predictions}], "model": {_dumps(run_id)}, "inference_id": "{own}"{count}}}', JSON
    if kind in JSON_LINES_NAMES:
        return _as_lines(_as_json(answers), run_id, unknown), kind
    if kind is not None:
        text = _as_csv(answers, run_id if kind == TABLE else None)
        return _counted(text, kind, sum(unknown) + beside) if unknown or beside else (text, kind)
    return _refuse(
        InputError(
            f"no acceptable format for the answer: {accept[:100]!r} was asked for; there is {JSON}, {JSON_LINES} "
            f"and {CSV} "
            f"(with a header: {TABLE})",
            status=406,
        )
    )


def _as_lines(answers: list[str], run_id: str, unknown: Sequence[int]) -> str:
    """Each line says which model answered, by which id a label may name it, and its record's unknown fields."""
    model = _dumps(run_id)
    counts = [f', "unknown_fields": {count}' if count else "" for count in unknown] or [""] * len(answers)
    return "".join(
        f'{answer[:-1]}, "model": {model}, "inference_id": "{own}"{count}}}\n'
        for answer, own, count in zip(answers, _ids(len(answers)), counts, strict=True)
    )


def _ids(count: int) -> list[str]:
    own = os.urandom(16).hex()
    return [own] if count == 1 else [f"{own}-{number}" for number in range(count)]


def read(body: str | bytes, content_type: str, model: Model) -> Request:
    """A request's rows, plain ones in the form that the model reads fastest. Raises InputError naming the field."""
    kind = media_type(content_type)
    text = _text(body)
    if kind == JSON:
        request = None if orjson is None else _plain(text, model)
        return _document(_json(text), model) if request is None else request
    if kind in JSON_LINES_NAMES:
        return _records(_json_lines(text), model)
    if kind == CSV:
        return _csv_rows(text, model, parameters(content_type).get("header"))
    raise InputError(f"content type {kind!r} is not supported; send {JSON}, {JSON_LINES} or {CSV}", status=415)


def _text(body: str | bytes) -> str:
    """The body as text. Raises InputError for one that is empty or not UTF-8.

    SageMaker's server decodes JSON and CSV itself, and puts U+FFFD where bytes are not UTF-8. A value with it would be
    an unseen category: an answer, but not to what was asked. A caller who means the character itself can say so.
    """
    if body[:2] in (b"\x1f\x8b", f"\x1f{_REPLACED}"):
        raise InputError("the body is packed with gzip: send it unpacked")
    if isinstance(body, str):
        if (at := body.find(_REPLACED)) >= 0:
            raise InputError(
                f"the body is not UTF-8 at character {at + 1}: send UTF-8. To send the character U+FFFD itself, write "
                "\\ufffd in JSON, or add '; charset=utf-8' to the content type"
            )
        text = body
    else:
        try:
            text = bytes(body).decode()
        except UnicodeDecodeError as error:
            raise InputError(f"the body is not UTF-8 at byte {error.start + 1}: send UTF-8") from None
    text = text.removeprefix("\ufeff")  # of Excel's "CSV UTF-8"
    if text[:1] in ("", " ", "\t", "\r", "\n") and not text.strip():
        raise InputError(f"the body is empty: {EXPECTED}, or rows of {JSON_LINES} or {CSV}")
    return text


class _Doubled(dict[str, Any]):
    """An object that has a name twice, as the last value has it. Which one was meant, nobody knows."""

    name: str


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    doubled, seen = _Doubled(found), set()
    for name, _ in pairs:
        if name in seen:
            doubled.name = name
        seen.add(name)
    return doubled


def _check_names(item: Any) -> None:
    """Refuse an object that has a name twice, as a file with it is refused; within an unknown field it is not read."""
    if type(item) is _Doubled:
        raise InputError(f"the object has the name {shown(item.name)} twice: send each name once")


def _whole(digits: str) -> float:
    """Python reads no integer of more than 4,300 digits; one beyond a double is refused by its field."""
    return int(digits) if len(digits) <= _DIGITS else float(digits)


# What json.loads does between its looks at the kind of the input and at the space around it.
_raw_decode = json.JSONDecoder().raw_decode
_careful_decode = json.JSONDecoder(object_pairs_hook=_object, parse_int=_whole).decode


def _json(text: str, what: str = "the body", line: int = 1) -> Any:
    """`what` the text is, and on which line of the body it begins, for the refusal."""
    with suppress(ValueError, RecursionError):  # as of space before the value, or of a fault, which is reported below
        value, end = _raw_decode(text)
        if not text[end:].strip(" \t\r\n") and _named_once(text, value):
            return value
    try:
        return _careful_decode(text)
    except json.JSONDecodeError as error:
        # The parser's message, without the document that it would quote.
        hint = f"; send several objects, one a line, as {JSON_LINES}" if error.msg == "Extra data" else ""
        hint = hint or (f"; send CSV as {CSV}" if error.pos == 0 else "")
        where = f"line {error.lineno + line - 1}, column {error.colno}"
        raise InputError(f"{what} is not JSON at {where}{hint}") from None
    except RecursionError:
        raise InputError(f"{what} is nested too deeply") from None


def _json_lines(text: str) -> list[Any]:
    """The records. Raises InputError with the record's number and line; a blank line is not a record."""
    items: list[Any] = []
    for number, line in enumerate(text.split("\n"), 1):  # other line ends of Unicode may stand within a value
        if line.strip():
            try:
                items.append(_json(line, f"record {len(items) + 1}", number))
            except InputError as error:
                error.record = len(items) + 1
                raise
    return items


def _instances(document: Any) -> list[Any] | None:
    """None for a document that is itself the record."""
    _check_names(document)
    if isinstance(document, dict) and "instances" in document:
        if not isinstance(document["instances"], list):
            raise InputError("'instances' must be a list of objects", "instances")
        return document["instances"]
    if isinstance(document, list):
        raise InputError(f"the body is a list: {EXPECTED}")
    return None


def _document(document: Any, model: Model) -> Request:
    items = _instances(document)
    if items is None:
        return _single(document, model)
    return _records(items, model)._replace(beside=len(document) - 1)


def _single(item: Any, model: Model) -> Request:
    """The one record that is the whole body: a refusal need not number it."""
    if not isinstance(item, dict):
        raise InputError(f"the body is not an object: {EXPECTED}")
    request = _columns([item], model)
    if request is not None:
        return request
    unknown = model.fields.unknown(item)
    return Request([model.encoder.schema.typed_json(item)], [unknown] if unknown else [])


def _plain(text: str, model: Model) -> Request | None:
    """Rows of plain values, by orjson; None where they are not plain, and left to json.

    orjson refuses NaN and lone surrogates, and integers beyond 64 bits become floats: what is refused is read again,
    and a number column takes both.
    """
    try:
        document = orjson.loads(text)
        items = _instances(document)
    except ValueError:  # an InputError is one: json's document decides which refusal comes first
        return None
    # json's nesting ends earlier, and readers of the capture use json
    if text.count("[") + text.count("{") > (1 if items is None else len(items)) + _DEEP:
        return None
    if not _named_once(text, document):
        return None
    if items is None:
        return _columns([document], model)
    request = _columns(items, model)
    if request is None or len(document) == 1:
        return request
    return request._replace(beside=len(document) - 1)


def _named_once(text: str, document: Any) -> bool:
    """Whether the records surely have no name twice, of which a parser keeps the last: each name has its own colon.

    False also where an object lies within a value, or where a colon within a text hides whether one does.
    """
    if type(document) is not dict:
        return False
    items = document.get("instances")
    try:
        names = len(document) + (sum(map(len, items)) if type(items) is list else 0)
    except TypeError:  # a record that has no names
        return False
    return text.count(":") == names or (text.count('":') == names and not _APART.search(text))


def _columns(items: list[Any], model: Model) -> Request | None:
    """None where the careful path is needed, which also words the refusals."""
    rows = None if model.reader is None else model.reader.read(items)
    read = None if model.columns is None else model.columns.read
    found = (read(items) if read else None) if rows is None else (rows, rows.exact)
    if found is None:
        return None
    data, exact = found
    if exact:
        return Request(data, ())
    try:
        unknown = [model.fields.unknown(item) for item in items]
    except InputError:
        return None
    return Request(data, unknown if any(unknown) else ())


def _records(items: list[Any], model: Model) -> Request:
    request = _columns(items, model)
    if request is not None:
        return request
    rows: list[Row] = []
    unknown: list[int] = []
    for number, item in enumerate(items, 1):
        try:
            _check_names(item)
            if not isinstance(item, dict):
                raise InputError("a row must be an object of column names and values")
            unknown.append(model.fields.unknown(item))
            rows.append(model.encoder.schema.typed_json(item))
        except InputError as error:
            raise error.in_record(number) from None
    return Request(rows, unknown if any(unknown) else [])


def _is_json(text: str) -> bool:
    """True of one object, and of objects on lines."""
    with suppress(ValueError, RecursionError):
        return type(_raw_decode(text.lstrip())[0]) is dict
    return False


def _csv_rows(text: str, model: Model, header: str | None) -> Request:
    schema = model.encoder.schema
    if text.lstrip()[:1] == "{" and _is_json(text):
        raise InputError(f"the body is JSON, but its content type is {CSV}: send {JSON}, or {JSON_LINES}")
    columns, records = csv_records(text, schema, header)
    wanted = set(schema.features)
    # A column that is not a feature (key, time, target) may hold anything here: it is not read.
    kept = [i for i, name in enumerate(columns) if name in wanted]
    for number, record in enumerate(records, 1):
        if len(record) != len(columns):
            message = f"record {number} has {len(record)} fields where {len(columns)} are expected"
            raise InputError(message, record=number)
    rows: list[Row] = list(
        schema.typed_text([columns[i] for i in kept], ([record[i] for i in kept] for record in records))
    )
    unknown = sum(name not in schema.types for name in columns)
    return Request(rows, [unknown] * len(rows) if unknown else [])


# Labels are few. Each type has a place of its own: true, 1 and 1.0 are one and the same key otherwise.
_dumps = lru_cache(1024, typed=True)(json.dumps)


def _as_json(answers: Answers) -> list[str]:
    """Each answer as `json.dumps` writes it, in a third of the time."""
    predictions, probabilities, called = answers
    if not all(map(math.isfinite, predictions if probabilities is None else probabilities)):
        return list(map(json.dumps, answers.records()))  # JSON's NaN and Infinity are not valid Python
    if probabilities is None:
        return [f'{{"prediction": {text}}}' for text in _numbers(predictions)]
    if len(predictions) == 1:
        return [f'{{"prediction": {_dumps(predictions[0])}, "{called}": {_numbers(probabilities)[0]}}}']
    begins = {label: f'{{"prediction": {_dumps(label)}, "{called}": ' for label in set(predictions)}
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


def _counted(text: str, kind: str, unknown: int) -> Any:
    """The answer with the number of unknown fields in a header, as a response of the server's web framework."""
    flask, headers = sys.modules.get("flask"), {ATTRIBUTES: f"unknown_fields={unknown}"}
    if flask is None:
        return PlainResponse(text, kind, headers)
    return flask.Response(text, content_type=kind, headers=headers)


class PlainResponse:
    """An answer with a header for a server without Flask: what a server reads of Flask's response, and no more.

    It unpacks to (body, content type), as an answer without a header does.
    """

    status_code = 200

    def __init__(self, text: str, kind: str, headers: dict[str, str]) -> None:
        self._text, self._kind = text, kind
        self.headers = {"Content-Type": kind, **headers}

    def get_data(self) -> bytes:
        return self._text.encode()

    def __getitem__(self, place: int) -> str:
        return (self._text, self._kind)[place]


def _refuse(error: InputError) -> Any:
    flask = sys.modules.get("flask")
    if flask is None:
        raise error
    return flask.Response(error.body, status=error.status, mimetype=JSON)
