"""What `make bench-families` serves: a model of each family that is exported, and what its library answers.

The families come from the product's registries, so that a new one is measured without a line here. A model is
`typical` (the configuration that `auto` begins with, else the family's defaults) or `largest` (the end of the search
space at which a model is greatest).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import trial
from unsupervised import anomalies, segments
from unsupervised.base import Material
from unsupervised.detectors import DETECTORS
from unsupervised.segmenters import SEGMENTERS
from unsupervised.training import prepared

from auto.assemble import assemble
from auto.choice import BUDGET_MS, Choice
from auto.ensemble import MAX_MEMBERS
from auto.fitting import Exported, row_times
from auto.portfolio import portfolio
from benchmarks.serving import family_data
from families import FAMILIES, installed
from sluice.model.encoder import Encoder
from sluice.model.labels import Labels
from sluice.model.model import Model
from sluice.model.schema import Schema
from sluice.model.search_spaces import SPACES

TYPICAL, LARGEST = "typical", "largest"
RUN = "r0123456789ab"


class Fit(NamedTuple):
    """`expected`: the library's own answer to the asked rows, shape (rows, classes) or (rows,)."""

    state: dict[str, Any]
    arrays: dict[str, np.ndarray]
    expected: np.ndarray


@dataclass(frozen=True)
class Case:
    """`goal`: whether one row has to be answered in time; else its time is for information. `make` fits the model."""

    family: str
    problem: str
    size: str
    make: Callable[[], Fit]
    texts: bool = False
    goal: bool = True

    @property
    def model(self) -> str:
        return f"{self.family} {self.problem}{' texts' if self.texts else ''}"

    @property
    def name(self) -> str:
        return f"{self.model} {self.size}"


def absent(family: str) -> str:
    """The library that a family needs and that this environment lacks; "" where it has it."""
    needs = FAMILIES.get(family) or DETECTORS.get(family)
    return "" if needs is None or installed(needs) else needs.library


def largest(family: str) -> dict[str, Any]:
    """The end of the search space at which a model is greatest: integers at their maximum (leaves, trees, layers,
    neighbours), limits from below at their minimum, slow learning, and many support vectors."""
    space, found = SPACES[family], {}
    for each in space["integer"]:
        found[each["name"]] = each["min" if each["name"].startswith("min-") else "max"]
    for each in space["continuous"]:
        if each["name"] in ("learning-rate", "nu"):
            found[each["name"]] = each["min" if each["name"] == "learning-rate" else "max"]
    return found


def typical(family: str, problem: str) -> dict[str, Any]:
    known = portfolio(problem, family_data.TRAINED, 20)
    return dict(next((each.hyperparameters for each in known if each.family == family), {}))


def cases() -> Iterator[Case]:
    """A case for each family. If the family's library is absent, `make` raises ModelError."""
    for name in FAMILIES:
        for problem in ("binary", "multiclass", "regression"):
            yield Case(name, problem, TYPICAL, _labelled(name, problem, typical(name, problem)))
            if big := largest(name):
                yield Case(name, problem, LARGEST, _labelled(name, problem, big), goal=False)
        make = _labelled(name, "binary", typical(name, "binary"), texts=True)
        yield Case(name, "binary", TYPICAL, make, texts=True)
    for problem, families in (("clustering", SEGMENTERS), ("anomaly", DETECTORS)):
        for name in dict.fromkeys(["baseline", *families]):
            yield Case(name, problem, TYPICAL, _unlabelled(name, problem, {}))
            if big := largest(name):
                yield Case(name, problem, LARGEST, _unlabelled(name, problem, big), goal=False)
    for texts in (False, True):
        for problem in ("binary", "multiclass", "regression"):
            for size in (TYPICAL, LARGEST):
                make = _ensemble(problem, size, texts=texts)
                yield Case("ensemble", problem, size, make, texts=texts, goal=size == TYPICAL)


class _Fitted(NamedTuple):
    """A trial, and what its library answers to the asked rows."""

    trial: trial.Trial
    encoder: Encoder
    expected: np.ndarray


@cache
def _fitted(name: str, problem: str, given: tuple[tuple[str, Any], ...], *, texts: bool) -> _Fitted:
    """Fitted once: an ensemble has the models that are also served alone."""
    family, data = FAMILIES[name], family_data.project(problem, texts=texts)
    done = trial.run(data, family, {**family.hyperparameters({}), **dict(given)}, RUN)
    rows = family_data.typed(data.contract, family_data.asked(texts=texts))
    encoder = Model(done.state, done.arrays).encoder
    sample = data.sample(family, encoder, rows, np.zeros(len(rows), np.int64))
    return _Fitted(done, encoder, family.answer(done.fitted, data.task, sample))


def _labelled(name: str, problem: str, given: Mapping[str, Any], *, texts: bool = False) -> Callable[[], Fit]:
    def make() -> Fit:
        found = _fitted(name, problem, tuple(given.items()), texts=texts)
        return Fit(found.trial.state, found.trial.arrays, found.expected)

    return make


def _unlabelled(name: str, problem: str, given: Mapping[str, Any]) -> Callable[[], Fit]:
    def make() -> Fit:
        known = family_data.contract(problem, texts=False)
        schema = Schema.from_contract(known)
        rows, _ = family_data.records(
            family_data.TRAINED + family_data.HELD_OUT, family_data.SEED, texts=False, missing=0.03
        )
        typed = [schema.typed_json(row) for row in rows]
        train, held_out = typed[: family_data.TRAINED], typed[family_data.TRAINED :]
        encoder, train = prepared(schema, known["features"], train, family_data.SEED)
        material = Material.of(encoder, encoder.encode(train), encoder.encode(held_out), family_data.SEED)
        families: Mapping[str, Any] = SEGMENTERS if problem == "clustering" else DETECTORS
        parameters = {each: p.default for each, p in families[name].parameters.items()} if name in families else {}
        parameters |= given
        if problem == "clustering":
            learned = segments.learn(name, parameters, "auto", material, segments.namer(None, train))
        else:
            learned = anomalies.learn(name, parameters, "auto", material, np.full(len(held_out), np.nan), "stability")
        state = {
            "family": name,
            "run_id": RUN,
            "problem": known["problem"],
            "labels": Labels(problem, "", learned.classes).to_json(),
            "encoder": encoder.to_json(),
            "scorer": learned.scorer,
        }
        asked = [schema.typed_json(row) for row in family_data.asked()]
        return Fit(state, learned.arrays | encoder.arrays(), learned.answer(encoder.encode(asked)))

    return make


def _ensemble(problem: str, size: str, *, texts: bool) -> Callable[[], Fit]:
    """The first configuration of each family of the portfolio, in its order, as many as members are allowed. Of a
    typical one they keep to the time that `auto` gives a row, and those that would exceed it are left out."""

    def make() -> Fit:
        data = family_data.project(problem, texts=texts)
        rows = family_data.typed(data.contract, family_data.asked(texts=texts))
        known = portfolio(problem, family_data.TRAINED, 20, texts=texts)
        first = {each.family: each for each in reversed(known) if not absent(each.family) and not each.stands_for}
        fits: dict[int, list[Exported]] = {}
        families: dict[int, str] = {}
        taken = reading = 0.0
        for each in known:
            if first.get(each.family) is not each or len(fits) == MAX_MEMBERS:
                continue
            own = _fitted(each.family, problem, tuple(each.hyperparameters.items()), texts=texts)
            scoring, read = row_times(FAMILIES[each.family], own.trial.fitted, own.encoder, rows)
            if size == TYPICAL and max(reading, read) + taken + scoring > BUDGET_MS:
                continue
            taken, reading = taken + scoring, max(reading, read)
            of_encoder = {name.removeprefix("e0_"): array for name, array in own.encoder.arrays().items()}
            arrays = {name: array for name, array in own.trial.arrays.items() if not name.startswith("e0_")}
            state = own.trial.state
            families[len(fits)] = each.family
            fits[len(fits)] = [Exported(state["encoder"], of_encoder, arrays, state["scorer"], own.expected, 0.0)]
        weights = {place: float(place + 1) for place in fits}
        choice = Choice(weights, None, np.zeros(0), None, 0.5, "the default")
        found = assemble(data, choice, fits, families, RUN)
        return Fit(found.state, found.arrays, found.expected)

    return make
