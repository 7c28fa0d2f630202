"""How far Sluice's answer to a file is from what a careful person expects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.messy.entry import Answer
from tests.messy.trusted import BLANKS, Truth

SILENT = ("crash", "changed", "lost", "not data")
"""What must never happen to any file. Everything else is a refusal of what a person could have read."""


@dataclass
class Verdict:
    """Faults by kind, the first of each kind in words; none if the answer is right."""

    faults: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, words: str) -> None:
        self.faults.setdefault(kind, words)

    @property
    def silent(self) -> list[str]:
        return [kind for kind in self.faults if kind in SILENT]


def same_cell(value: Any, cell: str, padded: bool) -> bool:
    """Text is kept as it is; a blank is a missing value, and blanks beside a delimiter are none where it is padded."""
    if value is None:
        return not cell.strip(BLANKS)
    return value == cell or (padded and value.strip(BLANKS) == cell.strip(BLANKS))


def _same_row(row: dict[str, Any], cells: list[str], names: list[str], padded: bool) -> str | None:
    """The name of the first column that differs."""
    for name, cell in zip(names, cells, strict=True):
        if names.count(name) == 1 and name in row and not same_cell(row[name], cell, padded):
            return name
    return None


def check_rows(answer: Answer, truths: list[Truth], padded: bool, not_data: list[int], verdict: Verdict) -> None:
    """Each accepted row is a row of one of the readings `truths`, under the line on which it stands."""
    for line, row in answer.rows.items():
        if line in not_data:
            verdict.add("not data", f"line {line} is no row, and was accepted as one")
            continue
        readings = [
            (truth.names, cells)
            for truth in truths
            for cells in [*([truth.solid[line]] if line in truth.solid else []), *truth.allowed.get(line, [])]
        ]
        differ = [_same_row(row, cells, names, padded) for names, cells in readings]
        if None not in differ:
            where = f"column {differ[0]!r}" if differ else "the row has another number of fields, or begins elsewhere"
            verdict.add("changed", f"line {line}: {where}")


def check_accepted(answer: Answer, truth: Truth, padded: bool, not_data: list[int], verdict: Verdict) -> None:
    """The file is accepted; each solid row is accepted, and no row is lost."""
    if not answer.accepted:
        verdict.add("refused", answer.record.get("message", "")[:200])
        return
    check_rows(answer, [truth], padded, not_data, verdict)
    refused = set(answer.refused)
    if quarantined := sorted(refused.intersection(truth.solid)):
        verdict.add("rows refused", f"{len(quarantined)} good rows, the first on line {quarantined[0]}")
    seen = refused.union(answer.rows)
    wanted = set(truth.solid)
    if not truth.damaged:
        wanted |= {line for line in truth.loose if line not in truth.allowed}
    if gone := sorted(wanted - seen):
        verdict.add("lost", f"{len(gone)} rows, the first on line {gone[0]}")
    counted = (answer.record["rows"], answer.record["quarantined_rows"])
    if counted != (len(answer.rows), len(answer.refused)):
        verdict.add("lost", f"the record counts {counted}, the objects hold {len(answer.rows)}, {len(answer.refused)}")


def check_refused(answer: Answer, words: list[str], verdict: Verdict) -> None:
    """The whole file is refused, and the message has one of `words`."""
    if answer.accepted:
        verdict.add("accepted", f"{len(answer.rows)} rows")
    elif not any(word.lower() in answer.message.lower() for word in words):
        verdict.add("message", answer.message[:200])
