"""The rows that a measurement looks at one by one: a sample of the reference, and one of the window."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from sluice import keys
from sluice.contract import Contract
from sluice.errors import NotFoundError
from sluice.model.values import is_positive, parse_json
from sluice.ports import ObjectStore
from sluice.watch.captures import score_of, seen
from sluice.watch.labels import is_correct

_TIMED = 0.9
"""Share of rows that must have their time, for it to be used."""


@dataclass(frozen=True)
class Sample:
    """Rows with the values that the model saw; `times` in seconds since 1970, NaN where a row's is not known.

    Clients and labels are None where they are not known; `said` is what the model answered, {} where it cannot be
    read; `ids` are inference ids, with `-<i>` behind them for row i of a request with several; `arrivals` are the times
    at which requests came, which differ from `times` where rows say their own.
    """

    rows: Sequence[Mapping[str, Any]]
    times: np.ndarray
    said: Sequence[Mapping[str, Any]]
    labels: Sequence[Any]
    clients: Sequence[str | None]
    ids: Sequence[str]
    arrivals: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def timed(self) -> np.ndarray | None:
        """The times; None where many are not known. Those few that are not are the times before them."""
        known = ~np.isnan(self.times)
        if not len(self.times) or known.mean() < _TIMED:
            return None
        last = np.maximum.accumulate(np.where(known, np.arange(len(known)), 0))
        found = self.times[last]
        return np.where(np.isnan(found), self.times[known][0], found)

    @property
    def scores(self) -> np.ndarray:
        """One number a row, NaN where there is none."""
        found = [score_of(dict(said)) for said in self.said]
        return np.array([np.nan if score is None else score for score in found], dtype=np.float64)


def reference_sample(contract: Contract, run_id: str, *, objects: ObjectStore) -> Sample | None:
    """What the evaluation of a run kept of its rows (`reference.jsonl`); None of an older run. Raises ValueError."""
    try:
        body = objects.read(keys.run(contract.project, run_id, "evaluation", "reference.jsonl"))
    except NotFoundError:
        return None
    return _sample([json.loads(line) for line in body.splitlines()], contract)


def window_sample(found: Sequence[Mapping[str, Any]], contract: Contract) -> Sample:
    """The rows that the window's profile kept. The contract's time column takes precedence over the arrival."""
    time, column = contract.data.time, contract.data.columns.get(contract.data.time or "")
    told = []
    for each in found:
        own = _seconds(each["row"].get(time), contract, time) if time and column else None
        row = {name: value for name, value in each["row"].items() if name != time}
        told.append({**each, "row": row, "at": each["at"] if own is None else own, "arrived": each["at"]})
    return _sample(told, contract)


def _sample(told: Sequence[Mapping[str, Any]], contract: Contract) -> Sample:
    return Sample(
        [seen(dict(each["row"]), contract) for each in told],
        np.array([np.nan if each["at"] is None else each["at"] for each in told], dtype=np.float64),
        [each["said"] for each in told],
        [each.get("label") for each in told],
        [each.get("client") for each in told],
        [str(each.get("id", "")) for each in told],
        np.array([np.nan if (at := each.get("arrived")) is None else at for each in told], dtype=np.float64),
    )


def _seconds(value: Any, contract: Contract, name: str) -> float | None:
    try:
        moment = parse_json(value, contract.data.columns[name].type, contract.reading(name))
    except ValueError:
        return None
    return moment.timestamp() if isinstance(moment, datetime) else None


def evaluated(sample: Sample, contract: Contract) -> list[tuple[bool, float, bool]]:
    """(decided for the positive class, probability, positive) of each labelled row; with more than two classes
    (True, probability of the chosen class, whether that is right)."""
    binary = contract.problem.type == "binary"
    target = contract.data.columns[str(contract.problem.target)].type
    found = []
    for said, label in zip(sample.said, sample.labels, strict=True):
        probability, prediction = said.get("probability"), said.get("prediction")
        if label is None or prediction is None or not isinstance(probability, int | float):
            continue
        if binary:
            positive = contract.problem.positive
            decided, truth = is_positive(prediction, positive, target), is_positive(label, positive, target)
            found.append((decided, float(probability), truth))
        else:
            found.append((True, float(probability), is_correct(label, prediction, contract)))
    return found
