"""Late labels: CSV with `inference_id` or the key columns, and the target; joined with captured answers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sluice.contract import Contract
from sluice.watch.captures import Captured

Identity = tuple[str, ...]


def read_labels(body: bytes, contract: Contract) -> dict[Identity, str]:
    """(`inference_id`,) or the key values → label text; {} when the file has neither column set or no target."""
    target = contract.problem.target
    found: dict[Identity, str] = {}
    reader = csv.DictReader(io.StringIO(body.decode("utf-8-sig", errors="replace")))
    header = reader.fieldnames or []
    if target not in header:
        return found
    keys = ["inference_id"] if "inference_id" in header else contract.data.key
    if not keys or any(key not in header for key in keys):
        return found
    for row in reader:
        if row.get(str(target)):
            found[tuple(str(row[key]) for key in keys)] = str(row[str(target)])
    return found


@dataclass(frozen=True)
class Labelled:
    """A row that was answered, and its label."""

    identity: Identity
    label: str
    request: Captured
    answer: dict[str, Any]


def labelled(labels: dict[Identity, str], requests: Iterable[Captured], contract: Contract) -> list[Labelled]:
    """A label that meets several requests with its identity counts for the newest."""
    latest: dict[Identity, tuple[Captured, dict[str, Any]]] = {}
    keys = contract.data.key
    for request in requests:
        for number, (row, answer) in enumerate(zip(request.rows, request.answers)):
            if request.inference_id:
                single = len(request.rows) == 1
                own = request.inference_id if single else f"{request.inference_id}-{number}"
                latest[(own,)] = request, answer
            if keys and all(row.get(key) is not None for key in keys):
                latest[tuple(str(row[key]) for key in keys)] = request, answer
    return [Labelled(identity, label, *latest[identity]) for identity, label in labels.items() if identity in latest]


def join(labels: dict[Identity, str], requests: Iterable[Captured], contract: Contract) -> list[tuple[Any, float]]:
    """(truth, score) pairs: for binary a bool and the positive class's probability, for regression two numbers."""
    binary = contract.problem.type != "regression"
    pairs: list[tuple[Any, float]] = []
    for found in labelled(labels, requests, contract):
        score = found.answer.get("probability" if binary else "prediction")
        if not isinstance(score, int | float) or isinstance(score, bool):
            continue
        try:
            truth: Any = is_positive(found.label, contract.problem.positive) if binary else float(found.label)
        except ValueError:
            continue
        pairs.append((truth, float(score)))
    return pairs


def is_correct(label: str, prediction: Any, contract: Contract) -> bool:
    """Whether a predicted class is the label, which is text."""
    text = str(prediction)
    if contract.problem.type == "binary":
        positive = contract.problem.positive
        return is_positive(label, positive) == is_positive(text, positive)
    return label.strip().lower() == text.strip().lower()


def is_positive(label: str, positive: Any) -> bool:
    text = label.strip().lower()
    if isinstance(positive, bool):
        return text in (("true", "1", "yes") if positive else ("false", "0", "no"))
    if isinstance(positive, int):
        try:
            return float(text) == positive
        except ValueError:
            return False
    return label.strip() == str(positive)
