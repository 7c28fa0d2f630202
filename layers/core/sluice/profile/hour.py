"""The profile of an hour of requests: a pure function of the requests, in any order; hours add up to a window.

As a file it has a line of JSON with the profile, then a line for each row of its sample: 16 hex digits, the row's hash,
a blank, and JSON. Rows are drawn by the least hashes, by chance, and always the same ones; the sample of
a window is drawn from those of its hours, without reading the others.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

import numpy as np

from sluice.contract import Contract
from sluice.model.values import PLAIN
from sluice.profile.answered import Answered
from sluice.profile.binned import BinnedCategory, BinnedNumber
from sluice.records.baseline import Baseline, NumberColumn

FORMAT = 2
SAMPLED = 500
"""Rows that are kept of an hour."""
MAX_TEXT = 500
"""Characters of a text in the sample."""
MAX_REASONS = 50
MAX_CROSSED = 30
"""Columns of numbers whose products are summed, the contract's first ones: a row costs their square."""
GRID, MAX_SCALES = 256, 8
"""Products are of distances in 1/256 of the scale, at most 8 scales: whole numbers, whose sums are exact."""
Json = dict[str, Any]
Row = Mapping[str, Any]


def row_hash(identity: str) -> str:
    """16 hex digits that stand for a row, evenly spread over all rows."""
    return blake2b(identity.encode(), digest_size=8).hexdigest()


class HourProfile:
    """Counts requests. `baseline`: None where there is none that can be read; rows are counted then, columns not."""

    def __init__(self, contract: Contract, baseline: Baseline | None) -> None:
        self._numbers: dict[str, BinnedNumber] = {}
        self._categories: dict[str, BinnedCategory] = {}
        for name, column in (baseline.columns if baseline else {}).items():
            declared = contract.data.columns.get(name)
            reading = contract.reading(name) if declared else PLAIN
            if isinstance(column, NumberColumn):
                self._numbers[name] = BinnedNumber(column, declared.type if declared else "number", reading)
            else:
                self._categories[name] = BinnedCategory(column, declared.type if declared else "category", reading)
        self._crossed = [name for name in contract.data.columns if name in self._numbers][:MAX_CROSSED]
        wide = len(self._crossed)
        self._products, self._sums = np.zeros((wide, wide)), np.zeros(wide)
        self._answered = Answered(contract, baseline)
        self._refused: Counter[tuple[str, str | None]] = Counter()
        self._kept = list(dict.fromkeys([*contract.feature_columns, *filter(None, [contract.data.time])]))
        self._sample: list[tuple[str, str]] = []
        self._limit: str | None = None
        """The greatest hash of the sample, once some rows are not in it."""
        self.requests = self.rows = 0
        self.first: datetime | None = None
        self.last: datetime | None = None

    def refuse(self, reason: str, field: str | None) -> None:
        """Counts a request that the model refused."""
        self.requests += 1
        self._refused[(reason[:MAX_TEXT], field)] += 1

    def add(
        self,
        rows: Sequence[Row],
        answers: Sequence[Row],
        identities: Sequence[str],
        facts: Sequence[Json],
        requests: int,
    ) -> None:
        """Counts answered rows: as they were sent, what was answered to each, what names it, and `at`, `client`."""
        self.requests += requests
        self.rows += len(rows)
        if not rows:
            return
        crossed: dict[str, np.ndarray] = {}
        for name, number in self._numbers.items():
            values = number.add([row.get(name) for row in rows])
            if name in self._crossed:
                crossed[name] = on_grid(values, number.center, number.scale)
        for name, category in self._categories.items():
            category.add([row.get(name) for row in rows])
        self._cross(crossed)
        self._answered.add([answer for answer in answers if answer], len(rows))
        times = [at for each in facts if (at := each["at"]) is not None]
        if times:
            self.first = min(times) if self.first is None else min(self.first, *times)
            self.last = max(times) if self.last is None else max(self.last, *times)
        self._draw(rows, answers, identities, facts)

    def _cross(self, crossed: Mapping[str, np.ndarray]) -> None:
        if crossed:
            matrix = np.column_stack([crossed[name] for name in self._crossed])
            self._products += matrix.T @ matrix
            self._sums += matrix.sum(axis=0)

    def _draw(
        self, rows: Sequence[Row], answers: Sequence[Row], identities: Sequence[str], facts: Sequence[Json]
    ) -> None:
        limit = self._limit
        for row, answer, identity, about in zip(rows, answers, identities, facts, strict=True):
            of = row_hash(identity)
            if limit is not None and of > limit:
                continue
            self._sample.append((of, self._told(row, answer, about)))
        if len(self._sample) > 4 * SAMPLED:
            self._prune()

    def _prune(self) -> None:
        if len(self._sample) > SAMPLED:
            self._sample = heapq.nsmallest(SAMPLED, self._sample)
            self._limit = self._sample[-1][0]

    def _told(self, row: Row, answer: Row, about: Json) -> str:
        at = about["at"]
        kept = {name: _short(row[name]) for name in self._kept if row.get(name) is not None}
        told = {**about, "at": None if at is None else at.timestamp(), "row": kept}
        told["said"] = {name: answer[name] for name in ("prediction", "probability", "score") if name in answer}
        return json.dumps(told, sort_keys=True, separators=(",", ":"), default=str)

    def resume(self, body: bytes) -> Json:
        """Goes on from a file of `to_lines`, of the same baseline and contract: what is added then gives the same
        profile as all rows together. Gives the file's first line.

        Raises ValueError, KeyError or TypeError for another file, and where it does not hold all that was counted. This
        profile is of no use then.
        """
        first, *sample = body.decode().splitlines()
        counted: Json = json.loads(first)
        if counted["format"] != FORMAT or counted["refusals_left_out"] or len(sample) != counted["sampled"]:
            raise ValueError("does not hold all that was counted")
        for columns in (self._numbers, self._categories):
            for name, column in columns.items():
                column.resume(counted["columns"][name])
        self._answered.resume(counted["answers"])
        if counted["crossed"]["columns"] != self._crossed:
            raise ValueError("is of other columns")
        wide = len(self._crossed)
        self._sums = np.array(counted["crossed"]["sums"], dtype=np.float64)
        self._products = np.array(counted["crossed"]["products"], dtype=np.float64).reshape(wide, wide)
        self._refused = Counter({(each["error"], each["field"]): each["requests"] for each in counted["refusals"]})
        self._sample = [(line[:16], line[17:]) for line in sample]
        self._limit = counted["sample_limit"]
        self.requests, self.rows = counted["requests"], counted["rows"]
        self.first, self.last = (_moment(counted[name]) for name in ("first", "last"))
        return counted

    def to_lines(self, facts: Json) -> bytes:
        """The profile as a file; `facts` are further members of its first line."""
        self._sample.sort()
        self._prune()
        refused = sorted(self._refused.items(), key=lambda item: (-item[1], str(item[0])))
        profile: Json = {
            "format": FORMAT,
            **facts,
            "requests": self.requests,
            "rows": self.rows,
            "refused": sum(self._refused.values()),
            "refusals": [{"error": why, "field": field, "requests": n} for (why, field), n in refused[:MAX_REASONS]],
            "refusals_left_out": max(0, len(refused) - MAX_REASONS),
            "first": None if self.first is None else self.first.isoformat(),
            "last": None if self.last is None else self.last.isoformat(),
            "answers": self._answered.to_json(),
            "columns": {
                **{name: column.to_json() for name, column in self._numbers.items()},
                **{name: column.to_json() for name, column in self._categories.items()},
            },
            "crossed": {
                "columns": self._crossed,
                "sums": self._sums.astype(np.int64).tolist(),
                "products": self._products.astype(np.int64).tolist(),
            },
            "sampled": len(self._sample),
            "sample_limit": self._limit,
        }
        lines = [json.dumps(profile, sort_keys=True), *(f"{of} {told}" for of, told in self._sample)]
        return "\n".join(lines).encode() + b"\n"


def on_grid(values: np.ndarray, center: float, scale: float) -> np.ndarray:
    """Distances from the center in whole steps of the grid; a missing value stands in the center."""
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.rint((values - center) / scale * GRID)
    return np.clip(np.nan_to_num(steps, nan=0.0), -MAX_SCALES * GRID, MAX_SCALES * GRID)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _short(value: Any) -> Any:
    return value[:MAX_TEXT] if isinstance(value, str) else value
