"""An endpoint's answer in CSV, as jobs/learn/inference.py writes it: plain lines, or a table with a header.

Plain lines are the prediction and the probability, where there is one. A table (`Accept: text/csv; header=present`,
RFC 4180) has the columns `prediction`, `probability`, `model` and `inference_id`.
"""

from __future__ import annotations

import csv
import io

PLAIN = ("prediction", "probability")


def csv_answers(text: str) -> list[dict[str, str]]:
    """Column → cell of each answer. Raises csv.Error."""
    records = [record for record in csv.reader(io.StringIO(text)) if record]
    # the last cell of an answer is a number where it is no such id
    columns = records.pop(0) if records and records[0][-1] == "inference_id" else PLAIN
    return [dict(zip(columns, record)) for record in records]
