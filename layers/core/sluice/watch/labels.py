"""Delayed labels, as the intake has accepted them, joined with captured answers.

An accepted label file has one JSON value a line. The first is an object: `{"arrived": "2026-11-29T12:00:00+00:00"}`,
when the file's version arrived. The others are labels: `[["i0"], "true"]`, the identity (an inference id, or the values
of the key columns) and the label, each as `sluice.model.values.canonical_text` writes it. A third member says when a
label arrived that an earlier version of the file had already. Several lines of one identity contradict each other; the
last one counts. Files of earlier releases have no object and one line for each identity.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sluice.contract import Contract
from sluice.model.payloads import lines
from sluice.model.values import (
    Typed,
    canonical_text,
    is_positive,
    parse_json,
    parse_label,
    same_label,
)
from sluice.watch.captures import Captured

Identity = tuple[str, ...]
_REFUSED, _ARRIVED = "refused", "arrived"


class RefusedFileError(ValueError):
    """The newest version of a label file was refused; the message says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A label that somebody sent: `text` as the file has it.

    `arrived`: when the file's version arrived, in seconds since 1970; of contradicting labels the later one counts.
    `first`: when this label arrived first, in this version of the file or in an earlier one; delays are measured by it.
    """

    identity: Identity
    text: str
    arrived: float
    first: float


def refused_file(reason: str) -> bytes:
    """Stands for a refused file, in place of the labels of the version before it."""
    return json.dumps({_REFUSED: reason}).encode()


def accepted_file(
    labels: Mapping[Identity, str],
    contradicted: Sequence[tuple[Identity, str]],
    arrived: datetime,
    before: Iterable[Entry] = (),
) -> Iterator[str]:
    """The lines of an accepted file.

    `contradicted`: labels that a later row of the same file contradicts. `before`: what was accepted of an earlier
    version of the file. A label that this version still has keeps the time at which it first arrived, and one that it
    corrects is kept beside its correction. What this version has no longer, is withdrawn.
    """
    yield json.dumps({_ARRIVED: arrived.isoformat()})
    first: dict[tuple[Identity, str], float] = {}
    for entry in before:
        if entry.identity in labels:
            known = first.get((entry.identity, entry.text))
            first[entry.identity, entry.text] = entry.first if known is None else min(known, entry.first)
    now = arrived.timestamp()
    again = set(contradicted)
    for (identity, text), at in sorted(first.items(), key=lambda item: (item[1], item[0])):
        if text != labels[identity] and (identity, text) not in again:
            yield json.dumps([list(identity), text, _moment(at)])
    for identity, text in contradicted:
        yield _line(identity, text, first.get((identity, text)), now)
    for identity, text in labels.items():
        yield _line(identity, text, first.get((identity, text)), now)


def _line(identity: Identity, text: str, first: float | None, now: float) -> str:
    entry: list[Any] = [list(identity), text]
    return json.dumps(entry if first is None or first >= now else [*entry, _moment(first)])


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def read_entries(body: bytes, arrived: datetime) -> list[Entry]:
    """The labels of an accepted file in its order, the corrected ones too; `arrived`: of a file that does not say it.

    Raises RefusedFileError, and ValueError for a body that the intake did not write.
    """
    at = arrived.timestamp()
    found: list[Entry] = []
    for line in lines(body.decode()):
        entry = json.loads(line)
        if isinstance(entry, dict):
            if _REFUSED in entry:
                raise RefusedFileError(str(entry[_REFUSED]))
            at = datetime.fromisoformat(entry[_ARRIVED]).timestamp()
            continue
        if not isinstance(entry, list) or len(entry) not in (2, 3) or not isinstance(entry[0], list):
            raise ValueError("a line is not [[identity, …], label]")
        own = datetime.fromisoformat(entry[2]).timestamp() if len(entry) == 3 else at
        found.append(Entry(tuple(map(str, entry[0])), str(entry[1]), at, own))
    return found


def label_of(text: str, contract: Contract) -> Typed | None:
    """What an accepted label says; None if it is not a label of the target as the contract has it now."""
    if contract.label_column is None:
        return None
    _, column = contract.label_column
    return parse_label(text, column.type, known=column.values)


def has_open_classes(contract: Contract) -> bool:
    """Whether labels can show a third class: of a binary target whose two classes the contract does not list."""
    _, column = contract.label_column or ("", None)
    if contract.problem.type != "binary" or column is None:
        return False
    return column.values is None and column.type != "boolean"


def identity_text(value: Any, kind: str) -> str:
    """What a key's value in a request is called in a label file; `kind` is the column's type."""
    try:
        typed = parse_json(value, kind)
    except ValueError:
        return str(value)
    return "" if typed is None else canonical_text(typed)


@dataclass(frozen=True)
class Labelled:
    """A row that was answered, and its label. `identities`: all names of the row, its inference id and its key."""

    identity: Identity
    label: Typed
    request: Captured
    answer: dict[str, Any]
    identities: tuple[Identity, ...] = ()


def identities_of(request: Captured, number: int, contract: Contract) -> tuple[Identity | None, Identity | None]:
    """What labels may call a row of a request: its inference id, and the values of its key; None where it has none."""
    own: Identity | None = None
    if request.inference_id:
        own = (request.inference_id if len(request.rows) == 1 else f"{request.inference_id}-{number}",)
    row, keys = request.rows[number], contract.data.key
    if not keys or any(row.get(key) is None for key in keys):
        return own, None
    return own, tuple(identity_text(row[key], contract.data.columns[key].type) for key in keys)


def labelled(labels: Mapping[Identity, Typed], requests: Iterable[Captured], contract: Contract) -> list[Labelled]:
    """Rows that have a label, each once: of several labels of a row the last one of `labels` counts.

    A label that meets several requests with its identity counts for the newest.
    """
    latest: dict[Identity, tuple[Captured, int]] = {}
    for request in requests:
        for number, _ in enumerate(zip(request.rows, request.answers)):
            for identity in identities_of(request, number, contract):
                if identity is not None:
                    latest[identity] = request, number
    found: dict[tuple[int, int], Labelled] = {}
    for identity, label in labels.items():
        if identity in latest:
            request, number = latest[identity]
            known = tuple(each for each in identities_of(request, number, contract) if each is not None)
            found[id(request), number] = Labelled(identity, label, request, request.answers[number], known)
    return list(found.values())


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
