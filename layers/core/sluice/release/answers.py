"""An endpoint's answer, read as strictly as the contract promises it: what callers rely on, a release checks."""

from __future__ import annotations

import csv
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sluice.contract import Contract
from sluice.model.payloads import CSV, JSON_LINES_NAMES, csv_answers, lines, media_type
from sluice.model.values import category_text, finite, parse_json


@dataclass(frozen=True)
class Reading:
    """`valid`: the answer has the form that the contract promises, for each of the rows that were asked.

    `labels`, `scores`: one a row when it is valid. A score is the probability (binary), the anomaly score, or the
    number (regression); several classes and segments have labels only, numbers have scores only.
    """

    valid: bool
    labels: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()


MALFORMED = Reading(valid=False)


def read_answer(body: bytes, content_type: str, rows: int, contract: Contract) -> Reading:
    """What an answer to `rows` rows says; `MALFORMED` for what a caller could not use."""
    try:
        answers = _answers(body.decode(), media_type(content_type), contract)
        if len(answers) != rows:
            return MALFORMED
        return _reading(answers, contract)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, csv.Error):
        return MALFORMED


def read_predictions(answers: Sequence[dict[str, Any]], rows: int, contract: Contract) -> Reading:
    """The same of answers that were parsed before, as those of captured requests."""
    try:
        return _reading(list(answers), contract) if len(answers) == rows else MALFORMED
    except (ValueError, KeyError, TypeError):
        return MALFORMED


def _answers(text: str, kind: str, contract: Contract) -> list[Any]:
    if kind == CSV:
        return csv_answers(text, contract.prediction_type, contract.score_member)
    if kind in JSON_LINES_NAMES:
        return [json.loads(line) for line in lines(text)]
    return list(json.loads(text)["predictions"])


def _reading(answers: list[dict[str, Any]], contract: Contract) -> Reading:
    problem, classes = contract.problem, _classes(contract)
    labels: list[str] = []
    scores: list[float] = []
    for answer in answers:
        prediction = answer["prediction"]
        if problem.type == "regression":
            scores.append(_number(prediction))
            continue
        label = parse_json(prediction, contract.prediction_type)
        if label is None or isinstance(label, datetime):
            raise ValueError("a class is a plain value")
        if classes is not None and category_text(label) not in classes:
            raise ValueError("the target has no such class")
        labels.append(json.dumps(label))
        probability = _number(answer[contract.score_member])
        if not 0 <= probability <= 1:
            raise ValueError("a probability, or an anomaly score, lies between 0 and 1")
        if problem.type in ("binary", "anomaly"):
            scores.append(probability)
    return Reading(True, tuple(labels), tuple(scores))


def _number(value: Any) -> float:
    if (number := finite(value)) is None:
        raise ValueError("a finite number is needed")
    return number


def _classes(contract: Contract) -> Collection[str] | None:
    """The target's values as text, where the contract lists them."""
    if contract.problem.type == "anomaly":
        return {"true", "false"}
    if contract.problem.type == "clustering":
        return None
    column = contract.data.columns[str(contract.problem.target)]
    if column.type == "boolean":
        return {"true", "false"}
    return column.known or None
