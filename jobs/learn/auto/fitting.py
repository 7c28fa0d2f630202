"""What a worker does: fit a configuration on a fold and answer its held-out rows; or fit it on all rows and export."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from auto.folds import Folds
from families import FAMILIES, Family, Sample
from parity import difficult
from project_data import ProjectData
from sluice.model.encoder import Encoder
from sluice.model.errors import ModelError
from sluice.model.schema import Row
from sluice.model.scorers import build_scorer, uses_terms

_CACHE_BYTES = 1 << 30
"""What encoded folds may take in one worker; a pair that is not kept is encoded again."""
_TIMED_ROWS = 15
PARITY_ROWS = 2_000
PATH_ROWS = 2_000
"""With more rows held out, each fold finds the same rounds by itself."""


class FoldFit(NamedTuple):
    """Fit on `fold`, but for `share` < 1 on this many of its rows: a probe of the cost."""

    trial: int
    family: str
    hyperparameters: Mapping[str, Any]
    fold: int
    deadline: float
    share: float = 1.0
    timed: bool = False


class Held(NamedTuple):
    """`answer` is of the fold's held-out rows. Where it was asked, `row_ms` is the exported scorer's time for one row,
    and `reading_ms` the encoder's, with the texts of the row.

    `preparing` are the seconds before the fit: of texts they may be more, and of a fold that is prepared already none.
    `path` has the answers after other numbers of rounds (`Family.path`), and `raw` what the answer
    is made of (`Family.raw`), for `settling`.
    `processor` are the seconds of the processor that the fit took: on a busy machine fewer than `seconds`.
    """

    answer: np.ndarray
    settled: dict[str, Any]
    seconds: float
    processor: float
    row_ms: float | None
    reading_ms: float = 0.0
    preparing: float = 0.0
    path: Mapping[int, np.ndarray] = {}
    raw: np.ndarray | None = None


class FullFit(NamedTuple):
    """Fit on all rows; `again` is 0 for the trial's own seed, else counts its other seeds."""

    trial: int
    family: str
    hyperparameters: Mapping[str, Any]
    again: int = 0


class Exported(NamedTuple):
    """The encoder's state, its arrays without the prefix of an artefact, and the scorer's.

    `expected` is the library's own answer to the rows of `parity_rows`.
    """

    encoder: dict[str, Any]
    encoder_arrays: dict[str, np.ndarray]
    arrays: dict[str, np.ndarray]
    meta: dict[str, Any]
    expected: np.ndarray
    seconds: float


class Fitting:
    """The project's rows and folds; called with a job."""

    def __init__(self, data: ProjectData, folds: Folds) -> None:
        self._data, self._folds = data, folds
        self._rows, self._y = data.all_rows
        self._encoded: OrderedDict[Any, tuple[Encoder, Sample, Sample]] = OrderedDict()
        self._every: tuple[Any, Encoder, Sample] | None = None

    def __call__(self, job: FoldFit | FullFit) -> Held | Exported:
        return self._held(job) if isinstance(job, FoldFit) else self._exported(job)

    def _held(self, job: FoldFit) -> Held:
        family, task = FAMILIES[job.family], replace(self._data.task, deadline=job.deadline)
        began = time.perf_counter()
        encoder, train, held = self._fold(family, job.fold)
        preparing = time.perf_counter() - began
        if job.share < 1.0:
            # the rows of a fold are in no order of time or class
            few = np.arange(0, len(train.y), max(1, round(1 / job.share)))
            train = _part(train, few)
        if task.classes and len(np.unique(train.y)) < task.classes:
            raise ModelError("a class has no row outside of this fold, so that nothing can answer it")
        began, used = time.perf_counter(), time.process_time()
        fitted = family.fit(job.hyperparameters, task, train, held)
        answer = family.answer(fitted, task, held)
        path = family.path(fitted, task, held) if len(held.y) <= PATH_ROWS else {}
        raw = family.raw(fitted, task, held)
        seconds, processor = time.perf_counter() - began, time.process_time() - used
        row_ms, reading_ms = row_times(family, fitted, encoder, self._rows) if job.timed else (None, 0.0)
        settled = family.settled(fitted, job.hyperparameters)
        return Held(answer, settled, seconds, processor, row_ms, reading_ms, preparing, path, raw)

    def _fold(self, family: Family, fold: int) -> tuple[Encoder, Sample, Sample]:
        key = fold, self._seen_by(family)
        if key in self._encoded:
            self._encoded.move_to_end(key)
            return self._encoded[key]
        places = self._folds.folds[fold]
        rows, y = [self._rows[i] for i in places.train], self._y[places.train]
        encoder, train = self._data.prepared(family, rows, y)
        out = [self._rows[i] for i in places.held_out]
        held = self._data.sample(family, encoder, out, self._y[places.held_out])
        self._encoded[key] = encoder, train, held
        while len(self._encoded) > 1 and sum(map(_bytes, self._encoded.values())) > _CACHE_BYTES:
            self._encoded.popitem(last=False)
        return self._encoded[key]

    def _seen_by(self, family: Family) -> Any:
        """The same for families that see the rows alike."""
        chosen = (self._data.contract.get("features") or {}).get("preparation") == "auto"
        own = family.name if chosen else ""  # then each family has its own preparation
        return own, family.encoding, family.uses_words, family.uses_learned_columns

    def _exported(self, job: FullFit) -> Exported:
        began = time.perf_counter()
        family, task = FAMILIES[job.family], replace(self._data.task, seed=self._data.task.seed + job.again)
        self._encoded.clear()
        if self._every is None or self._every[0] != self._seen_by(family):
            self._every = (self._seen_by(family), *self._data.prepared(family, self._rows, self._y))
        _, encoder, every = self._every
        fitted = family.fit(job.hyperparameters, task, every)
        arrays, meta = family.export(fitted)
        rows = parity_rows(self._data)
        expected = family.answer(fitted, task, self._data.sample(family, encoder, rows, np.zeros(len(rows), np.int64)))
        own = {name.removeprefix("e0_"): array for name, array in encoder.arrays().items()}
        return Exported(encoder.to_json(), own, arrays, meta, expected, time.perf_counter() - began)


def parity_rows(data: ProjectData) -> list[Any]:
    """Rows on which the artefact must answer as the libraries do: validation rows, and difficult ones."""
    some = data.validation[:PARITY_ROWS]
    return [*some, *difficult(some, data.schema.types, data.task.seed)]


def row_times(family: Family, fitted: Any, encoder: Encoder, rows: Sequence[Row]) -> tuple[float, float]:
    """Milliseconds of the exported scorer and of the encoder for one row: the lower quartiles of some, because what
    else runs on the machine only adds to them."""
    arrays, meta = family.export(fitted)
    scorer = build_scorer(arrays, {**meta, "blocks": encoder.blocks})
    times = []
    for row in rows[:_TIMED_ROWS]:
        began = time.perf_counter()
        terms = encoder.terms([row])
        matrix = encoder.encode([row], terms)
        encoded = time.perf_counter()
        scorer(matrix, terms) if uses_terms(scorer) else scorer(matrix)
        times.append((time.perf_counter() - encoded, encoded - began))
    scored, read = np.quantile(times, 0.25, axis=0) * 1000.0
    return float(scored), float(read)


def _part(sample: Sample, places: np.ndarray) -> Sample:
    weight = None if sample.weight is None else sample.weight[places]
    words = None if sample.words is None else sample.words[places]
    return sample._replace(matrix=sample.matrix[places], y=sample.y[places], weight=weight, words=words)


def _bytes(encoded: tuple[Encoder, Sample, Sample]) -> int:
    return sum(sample.matrix.nbytes for sample in encoded[1:])
