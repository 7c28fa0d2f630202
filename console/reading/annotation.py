"""The page of a labelling job: answered rows without a label, those that the model is least sure of first.

Labels measure the model that serves. So the rows of a job are drawn at random from the answers without a label, and
only their order follows the model: labels of the least sure rows alone would show a model that is worse than it is,
and its quality alarm would go off.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cli.captures import endpoint_and_variant, newest_first
from cli.errors import CliError
from console.source import Source
from sluice import names
from sluice.bootstrap import World
from sluice.contract import Contract
from sluice.contract.models import Column
from sluice.datasets.late_labels import late_labels
from sluice.errors import InputError
from sluice.ports import Json
from sluice.store.run_records import project_contract
from sluice.watch.captures import Captured, parse_file, score_of
from sluice.watch.labels import identities_of

ROWS, MAX_ROWS = 30, 300
DAYS, MAX_DAYS = 7, 365
MAX_READ = 20_000
"""Answered rows that a job is drawn from, the newest first."""
MAX_VALUE = 2_000
"""Characters of a value that are shown."""
_KEPT = 3_600.0
"""Seconds for which a job stays as it was drawn."""


@dataclass
class Answered:
    """The rows of the serving model that a label could be given to, and how many others there are, by reason."""

    rows: list[Json] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    files: int = 0


def read(source: Source, project: str, asked: dict[str, str]) -> Json:
    """`asked`: `rows`, `days` and `until`, as texts. Raises InputError, and CliError where no label helps."""
    rows, days = _whole(asked, "rows", ROWS, MAX_ROWS), _whole(asked, "days", DAYS, MAX_DAYS)
    until = _moment(asked.get("until"), source.world)
    key = ("annotation", project, rows, days, until)
    return source.kept.get(key, lambda: job(source.world, project, rows, days, until), _KEPT)


def job(world: World, project: str, rows: int, days: int, until: datetime) -> Json:
    """`{"job", "rows": [...], "column", "kind", "choices", "order", "left_out", …}`."""
    contract, target, column = labelled_by(world, project)
    champion = world.ledger.champion(project)
    if champion is None:
        raise CliError(f"no model of {project} serves, so there is no answer that a label could be compared with")
    found = _answered(world, contract, champion.run_id, days, until)
    drawn = sorted(found.rows, key=lambda row: hashlib.sha256(row["id"].encode()).digest())[:rows]
    found.left_out["not drawn: the job has as many rows as were asked for"] = len(found.rows) - len(drawn)
    known = [row for row in drawn if row["sureness"] is not None]
    drawn.sort(key=lambda row: 2.0 if row["sureness"] is None else row["sureness"])
    return {
        "project": project,
        "run_id": champion.run_id,
        "job": names.digest(project, champion.run_id, until.isoformat(), *sorted(row["id"] for row in drawn)),
        "until": until.isoformat(),
        "days": days,
        "column": target,
        "description": contract.description,
        "type": column.type,
        **_field(column, found.rows),
        "order": "least sure first" if known else "random",
        "rows": [{**row, "values": _values(row["values"], contract, target)} for row in drawn],
        "files": found.files,
        "left_out": {reason: count for reason, count in found.left_out.items() if count},
    }


def labelled_by(world: World, project: str) -> tuple[Contract, str, Column]:
    """The contract, and name and column of its labels. Raises CliError where no label can be compared with answers."""
    contract = project_contract(project, ledger=world.ledger)
    if contract.label_column is None:
        raise CliError(
            f"{project} is a {contract.problem.type} project without problem.target: there is nothing that a label "
            "could be compared with"
        )
    return contract, *contract.label_column


def _answered(world: World, contract: Contract, run_id: str, days: int, until: datetime) -> Answered:
    """The newest answers of the serving model that have no label yet."""
    found, given, seen = Answered(), world.call(late_labels, contract).given, set[str]()
    pending = newest_first(world, contract.project, days)
    for key in pending:
        requests, unreadable = parse_file(world.objects.read(key), contract, as_sent=True)
        found.files += 1
        found.left_out["lines of captures that cannot be read"] += unreadable
        variant = endpoint_and_variant(key)[1]
        for request in requests:
            for number, why in _reasons(request, run_id, variant, until):
                identity, by_key = (None, None) if why else identities_of(request, number, contract)
                if why is None:
                    why = _without(identity, by_key, given, seen)
                if why is not None or identity is None:
                    found.left_out[why or "without an inference id"] += 1
                    continue
                seen.add(identity[0])
                found.rows.append(_row(identity[0], request, number, contract))
        if len(found.rows) >= MAX_READ:
            break
    rest = sum(1 for _ in pending)
    if rest:
        found.left_out[f"files of older captures that were not read: the newest {MAX_READ:,} rows are enough"] = rest
    return found


def _reasons(request: Captured, run_id: str, variant: str, until: datetime) -> Iterator[tuple[int, str | None]]:
    """(number, why it cannot be labelled) of each row of a request; one with number 0 for a request without rows."""
    why = None
    if request.replayed:
        why = "requests of Sluice itself"
    elif request.at is not None and request.at > until:
        why = "later than this job"
    elif request.refused is not None:
        why = "requests that the model refused"
    elif (request.model or variant.removeprefix("v-")) != run_id:
        why = "answered by another model than the one that serves"
    elif not request.answers:
        why = "without an answer that can be read"
    return ((number, why) for number in range(max(len(request.rows), 1)))


def _without(identity: Any, by_key: Any, given: dict[Any, Any], seen: set[str]) -> str | None:
    if identity is None:
        return "without an inference id"
    if identity in given or by_key in given:
        return "labelled already"
    return "captured twice" if identity[0] in seen else None


def _row(identity: str, request: Captured, number: int, contract: Contract) -> Json:
    answer = request.answers[number]
    return {
        "id": identity,
        "at": request.at.isoformat() if request.at else None,
        "values": request.rows[number],
        "said": _text(answer.get("prediction")),
        "sureness": sureness(contract.problem.type, score_of(answer)),
    }


def sureness(problem: str, score: float | None) -> float | None:
    """The probability of the answer that the model gave; None for a regression, whose answers do not say it.

    >>> sureness("binary", 0.5), sureness("binary", 0.9), sureness("multiclass", 0.4), sureness("regression", 12.0)
    (0.5, 0.9, 0.4, None)
    """
    if score is None or problem == "regression":
        return None
    # the score of one of two answers, or the share of the answer that was given
    return round(max(score, 1 - score) if problem in ("binary", "anomaly") else score, 6)


def _field(column: Column, rows: list[Json]) -> Json:
    """How a label is given: one of the `choices`, or a `number` or `text`; `suggestions` are what the model answers."""
    if column.type == "boolean":
        return {"kind": "choice", "choices": ["true", "false"], "suggestions": []}
    if column.values:
        return {"kind": "choice", "choices": [_text(value) for value in column.values], "suggestions": []}
    if column.type in ("integer", "number"):
        return {"kind": "number", "choices": [], "suggestions": []}
    said = sorted({row["said"] for row in rows})[:100]
    return {"kind": "text", "choices": [], "suggestions": said}


def _values(row: Json, contract: Contract, target: str) -> list[list[str | None]]:
    """Name and value of each column that was sent: the contract's in its order, then the others.

    The target is not shown, should a request have had it.
    """
    ordered = [name for name in contract.data.columns if name in row] + [
        name for name in row if name not in contract.data.columns
    ]
    shown = {name: None if row[name] is None else _text(row[name])[:MAX_VALUE] for name in ordered if name != target}
    return [[str(name), value] for name, value in shown.items()]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _whole(asked: dict[str, str], name: str, otherwise: int, most: int) -> int:
    text = asked.get(name) or str(otherwise)
    if not text.isdecimal() or not 1 <= int(text[:9]) <= most:
        raise InputError(f"{name} is a whole number from 1 to {most}")
    return int(text)


def _moment(text: str | None, world: World) -> datetime:
    if not text:
        return world.clock.now()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min
    if found.tzinfo is None:
        raise InputError("until is a time with its offset, such as 2026-11-29T20:00:00+00:00")
    return found
