"""Delayed labels, as the intake has accepted them, joined with captured answers.

An accepted label file has one JSON array a line: `[["i0"], "true"]`, the identity (an inference id, or the values of
the key columns) and the label, each as `sluice.model.values.canonical_text` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sluice.contract import Contract
from sluice.model.payloads import lines
from sluice.model.values import (
    Typed,
    canonical_text,
    finite,
    is_positive,
    parse_json,
    parse_label,
    same_label,
)
from sluice.watch.captures import Captured

Identity = tuple[str, ...]
_REFUSED = "refused"


class RefusedFileError(ValueError):
    """The newest version of a label file was refused; the message says why."""


def refused_file(reason: str) -> bytes:
    """Stands for a refused file, in place of the labels of the version before it."""
    return json.dumps({_REFUSED: reason}).encode()


def read_labels(body: bytes, contract: Contract) -> tuple[dict[Identity, Typed], int]:
    """Identity → label, and how many are not a label of the target as the contract has it now.

    Raises RefusedFileError, and ValueError for a body that the intake did not write.
    """
    column = contract.data.columns[str(contract.problem.target)]
    found: dict[Identity, Typed] = {}
    unfit = 0
    for line in lines(body.decode()):
        entry = json.loads(line)
        if isinstance(entry, dict) and _REFUSED in entry:
            raise RefusedFileError(str(entry[_REFUSED]))
        if not isinstance(entry, list) or len(entry) != 2 or not isinstance(entry[0], list):
            raise ValueError("a line is not [[identity, …], label]")
        label = parse_label(entry[1], column.type, known=column.values)
        if label is None:
            unfit += 1
        else:
            found[tuple(map(str, entry[0]))] = label
    return found, unfit


def identity_text(value: Any, kind: str) -> str:
    """What a key's value in a request is called in a label file; `kind` is the column's type."""
    try:
        typed = parse_json(value, kind)
    except ValueError:
        return str(value)
    return "" if typed is None else canonical_text(typed)


@dataclass(frozen=True)
class Labelled:
    """A row that was answered, and its label."""

    identity: Identity
    label: Typed
    request: Captured
    answer: dict[str, Any]


def labelled(labels: dict[Identity, Typed], requests: Iterable[Captured], contract: Contract) -> list[Labelled]:
    """A label that meets several requests with its identity counts for the newest."""
    latest: dict[Identity, tuple[Captured, dict[str, Any]]] = {}
    keys = {key: contract.data.columns[key].type for key in contract.data.key}
    for request in requests:
        for number, (row, answer) in enumerate(zip(request.rows, request.answers)):
            if request.inference_id:
                single = len(request.rows) == 1
                own = request.inference_id if single else f"{request.inference_id}-{number}"
                latest[(own,)] = request, answer
            if keys and all(row.get(key) is not None for key in keys):
                latest[tuple(identity_text(row[key], kind) for key, kind in keys.items())] = request, answer
    return [Labelled(identity, label, *latest[identity]) for identity, label in labels.items() if identity in latest]


def join(
    labels: dict[Identity, Typed], requests: Iterable[Captured], contract: Contract, *, decided: bool = False
) -> list[tuple[Any, float]]:
    """(truth, score) pairs: for binary a bool and the positive class's probability, for regression two numbers.

    For anomalies a bool and the score, which is 0.5 at the limit.
    `decided`: for binary, 1 where the answer says positive and 0 where not, because each model has its own threshold.
    """
    binary = contract.problem.type != "regression"
    pairs: list[tuple[Any, float]] = []
    for found in labelled(labels, requests, contract):
        if binary and decided:
            score = _decision(found.answer.get("prediction"), contract)
        else:
            score = finite(found.answer.get(contract.score_member if binary else "prediction"))
        truth: Any = positive(found.label, contract) if binary else finite(found.label)
        if score is not None and truth is not None:
            pairs.append((truth, score))
    return pairs


def _decision(prediction: Any, contract: Contract) -> float | None:
    """None for a prediction that is not a value of the target."""
    try:
        predicted = parse_json(prediction, contract.data.columns[str(contract.problem.target)].type)
    except ValueError:
        return None
    return None if predicted is None else float(positive(predicted, contract))


def positive(label: Typed, contract: Contract) -> bool:
    """Whether a label of a binary target is its positive one."""
    return is_positive(label, contract.problem.positive, contract.data.columns[str(contract.problem.target)].type)


def is_correct(label: Typed, prediction: Any, contract: Contract) -> bool:
    """Whether a predicted class is the label."""
    kind = contract.data.columns[str(contract.problem.target)].type
    try:
        predicted = parse_json(prediction, kind)
    except ValueError:
        return False
    if predicted is None:
        return False
    if contract.problem.type == "binary":
        return positive(label, contract) == positive(predicted, contract)
    return same_label(label, predicted)
