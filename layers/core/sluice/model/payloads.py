"""The forms of requests and answers. The serving container and the readers of its captures read them alike.

An answer in CSV is plain lines, the prediction and the probability where there is one, or a table with a header
(`Accept: text/csv; header=present`, RFC 4180) with the columns `prediction`, `probability`, `model`, `inference_id`.
"""

from __future__ import annotations

import csv
import io
from functools import lru_cache
from typing import Any

from sluice.model.csv_header import is_header
from sluice.model.csv_records import read_record, read_records
from sluice.model.errors import InputError
from sluice.model.schema import Schema, from_text

JSON, JSON_LINES, CSV = "application/json", "application/jsonlines", "text/csv"
JSON_LINES_NAMES = (JSON_LINES, "application/x-jsonlines", "application/jsonl", "application/x-ndjson")
_WORDS = {"unexpected end of data": "a quote that opens a field is never closed"}
TABLE = f"{CSV}; header=present"


@lru_cache(64)
def media_type(value: str | None) -> str:
    """`text/csv; charset=utf-8` → `text/csv`."""
    return (value or "").split(";", 1)[0].strip().lower()


@lru_cache(64)
def parameters(value: str | None) -> dict[str, str]:
    """The parameters of a media type, in lower case: `text/csv; Header="Present"` → `{"header": "present"}`."""
    found: dict[str, str] = {}
    for part in (value or "").split(";")[1:]:
        name, _, text = part.partition("=")
        found.setdefault(name.strip().lower(), text.strip().strip('"').lower())
    return found


def lines(text: str) -> list[str]:
    """Lines of JSON: other line ends of Unicode may stand within a value."""
    return [line for line in text.split("\n") if line.strip()]


def _records(text: str) -> list[list[str]]:
    return list(read_records(io.StringIO(text)))


def csv_records(text: str, schema: Schema, header: str | None = None) -> tuple[list[str], list[list[str]]]:
    """(columns, records) of a request; without a header the columns are the features in order.

    `header` is the content type's parameter of that name. Raises InputError for a record that is not CSV, with its
    number, and for a header that does not fit (`sluice.model.csv_header`).
    """
    records: list[list[str]] = []
    broken, blank, behind_blank = None, False, 0
    rows = io.StringIO(text)
    try:
        while True:
            record = read_record(rows)
            if not record:
                blank = bool(records)
                continue
            records.append(record)
            behind_blank = behind_blank or blank * len(records)
    except StopIteration:
        pass
    except csv.Error as error:
        broken = error
    headed = bool(records) and is_header(records[0], schema, stated=header, alone=len(records) == 1 and not broken)
    if broken is not None:
        number = len(records) + (0 if headed else 1)
        raise InputError(f"record {number} is not CSV: {_WORDS.get(str(broken), str(broken))}", record=number)
    if behind_blank and len(records[0]) == 1:
        raise InputError(
            f"a blank line stands before record {behind_blank - headed}, and with one column it may be a missing "
            'value: write "" for one, or leave the line out'
        )
    return (records[0], records[1:]) if headed else (list(schema.features), records)


def csv_answers(text: str, prediction: str, score: str = "probability") -> list[dict[str, Any]]:
    """`prediction` is the type of what is predicted, `score` the name of the number beside it (an anomaly's: score).

    Raises csv.Error and ValueError.
    """
    records = _records(text)
    # the last cell of an answer is a number where it is not an inference id
    table = bool(records) and records[0][-1] == "inference_id"
    columns = records.pop(0) if table else ["prediction", score]
    types = {"prediction": prediction, score: "number"}
    found = []
    for record in records:
        if len(record) != len(columns) and (table or len(record) > len(columns)):
            raise ValueError(f"an answer has {len(record)} fields, not {len(columns)}")
        found.append({name: from_text(cell, types.get(name, "text")) for name, cell in zip(columns, record)})
    return found
