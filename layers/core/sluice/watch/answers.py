"""Answered rows in the short form in which they wait for their labels: one JSON array a line, much less than a capture.

`[at, own, key, variant, model, prediction, score, [segment, …]]`, and behind it the probabilities of all classes where
they were computed, as base64 of float32. Pure: the lines depend on the requests and the probabilities alone.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sluice.contract import Contract
from sluice.model.values import category_text, finite
from sluice.names import digest
from sluice.watch.captures import Captured, score_of
from sluice.watch.labels import Identity, identities_of

_TEXT = 200
"""Characters of a predicted class or a segment that are kept."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A row that was answered. `at`: seconds since 1970; `own`: its inference id; `key`: the values of its key.

    `prediction`: the answer as a text, so that 3 and 3.0 are one class; of a regression the number is in `score`.
    `segments`: its values of `segment_columns`, as texts or numbers. `probabilities`: those of all classes, as float32,
    of a model that gave this answer and was asked again.
    """

    at: float
    own: str | None
    key: Identity | None
    variant: str
    model: str | None
    prediction: str | None
    score: float | None
    segments: tuple[str | float | None, ...] = ()
    probabilities: bytes | None = None

    def line(self) -> str:
        facts = [self.at, self.own, self.key, self.variant, self.model, self.prediction, self.score, self.segments]
        if self.probabilities is not None:
            facts.append(base64.b64encode(self.probabilities).decode())
        return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def parse(cls, line: str) -> Answered:
        """Raises ValueError or TypeError for a line that `line` did not write."""
        at, own, key, variant, model, prediction, score, segments, *more = json.loads(line)
        identity = None if key is None else tuple(key)
        probabilities = base64.b64decode(more[0]) if more else None
        return cls(at, own, identity, variant, model, prediction, score, tuple(segments), probabilities)


def segment_columns(contract: Contract) -> list[str]:
    """The columns that a gate slices by: what is judged by groups before a release is watched by groups after it."""
    return sorted({gate.slice for gate in contract.gates if gate.slice})


def shape(contract: Contract) -> str:
    """Changes with what `answered_rows` makes of a request, so that rows of another contract are read again."""
    columns = {name: column.model_dump_json() for name, column in contract.data.columns.items()}
    parts = [contract.data.key, columns, contract.data.format.model_dump_json(), segment_columns(contract)]
    return digest(json.dumps([*parts, contract.problem.type], sort_keys=True))


def answered_rows(
    requests: Iterable[Captured],
    contract: Contract,
    variant: str,
    received: datetime,
    probabilities: Mapping[tuple[int, int], bytes] | None = None,
) -> tuple[list[Answered], int]:
    """Rows of the requests that a label can name, and the number of rows that none can name.

    `received`: the time of a request that does not say its own. `probabilities`: of all classes, by the request's place
    and the row's number. Requests that Sluice sent itself are left out.
    """
    known = probabilities or {}
    found: list[Answered] = []
    nameless = 0
    columns = segment_columns(contract)
    for place, request in enumerate(requests):
        if request.replayed:
            continue
        at = (request.at or received).timestamp()
        for number, (row, answer) in enumerate(zip(request.rows, request.answers)):
            own, key = identities_of(request, number, contract)
            if own is None and key is None:
                nameless += 1
                continue
            said = answer.get("prediction")
            found.append(
                Answered(
                    at,
                    own[0] if own else None,
                    key,
                    variant,
                    request.model,
                    category_text(said)[:_TEXT] if isinstance(said, str | bool | int | float) else None,
                    score_of(answer),
                    tuple(_segment(row.get(name)) for name in columns),
                    known.get((place, number)),
                )
            )
    return found, nameless


def _segment(value: Any) -> str | float | None:
    if value is None:
        return None
    number = finite(value)
    return category_text(value)[:_TEXT] if number is None else number


def newest(rows: Iterable[Answered]) -> list[Answered]:
    """Each row once: of rows with one inference id the newest counts, so that a capture that comes twice counts once.

    Of rows without an inference id, those with one key are one row. In the order of their time; depends on no order of
    `rows`.
    """
    kept: dict[tuple[str, Any], Answered] = {}
    for row in rows:
        name = ("own", row.own) if row.own is not None else ("key", row.key)
        before = kept.get(name)
        if before is None or _order(row) > _order(before):
            kept[name] = row
    return sorted(kept.values(), key=_order)


def _order(row: Answered) -> tuple[float, str]:
    return row.at, row.line()


def by_identity(rows: Sequence[Answered]) -> dict[Identity, Answered]:
    """The row that each identity names; of several with one key the newest. `rows`: in the order of `newest`."""
    found: dict[Identity, Answered] = {}
    for row in rows:
        if row.key is not None:
            found[row.key] = row
    for row in rows:
        if row.own is not None:
            found[row.own,] = row
    return found
