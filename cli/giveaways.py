"""Columns of a file that give the target away, or only tell rows apart: the leakage alarm, as far as it needs no run.

`sluice init` drafts them as dropped, `sluice check` names them. The run's alarm searches with the same code, but for
what all columns explain together (`sluice.model.dominance`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sluice.contract import Contract
from sluice.contract.dropping import with_dropped
from sluice.model import dominance, identities
from sluice.model.identities.arrays import numbers
from sluice.model.identities.identifiers import identifier
from sluice.model.preparation.seasons import values_of
from sluice.model.shortening import listed

ROWS = 5_000
"""Rows that are looked at, evenly spaced over the file: the search then takes less than a second."""
SECONDS = 2.0
"""For pairs of columns, of which a wide file has many."""
SHOWN = 4
"""Columns that one sentence names."""


class Giveaway(TypedDict):
    """`columns`: the features to take out; `why` is a sentence without its full stop; `of_target`: whether they say
    something of the target, and not only which row it is."""

    columns: list[str]
    why: str
    of_target: bool


def lines(found: Sequence[Giveaway], contract: Contract) -> list[str]:
    """The warning, and the line that ends it."""
    if not found:
        return []
    columns = [name for each in found for name in each["columns"]]
    target = contract.problem.learned_target
    known = f"; known_before instead of drop for what is known before {target!r} is" if target else ""
    return [*(f"  ! {each['why']}" for each in found), f"  → write `{with_dropped(contract, columns)}`{known}"]


def giveaways(accepted: Path, contract: Contract) -> list[Giveaway]:
    """Those of the file's accepted rows, without the columns in `features.known_before`."""
    features = [
        name
        for name in contract.feature_columns
        if name not in contract.features.known_before and name != contract.seasonal_column
    ]
    columns, every = _sample(accepted, list(contract.data.columns))
    types = {name: column.type for name, column in contract.data.columns.items()}
    named = {name: found for name in features if (found := identifier(name, types[name], columns[name], every))}
    counted = [name for name, found in named.items() if found.numbered]
    apart = [name for name, found in named.items() if not found.numbered]
    told = _alike(counted, "counts the rows", "count the rows", of_target=False)
    told += _alike(apart, "only tells rows apart", "only tell rows apart", of_target=False)
    target = contract.problem.target
    if contract.problem.type not in ("binary", "multiclass", "regression") or target is None:
        return told
    labelled = [place for place, value in enumerate(columns[target]) if value is not None]
    columns = {name: [values[place] for place in labelled] for name, values in columns.items()}
    y, classes = _target(columns.pop(target), contract.problem.type)
    looked_at = [name for name in features if name not in named]
    exact, _ = identities.search(columns, types, y, classes, looked_at, SECONDS)
    copies = [each.columns[0] for each in exact if each.kind == "copy"]
    told += _alike(copies, f"is {target!r} in other words", f"are {target!r} in other words")
    told += [_made(each, features, target) for each in exact if each.kind != "copy"]
    return [*told, *_strong(contract, columns, types, y, classes, {name for each in told for name in each["columns"]})]


def _strong(
    contract: Contract,
    columns: dict[str, list[Any]],
    types: Mapping[str, str],
    y: np.ndarray,
    classes: int,
    told: set[str],
) -> list[Giveaway]:
    """Columns that come near a whole model alone. Those that are known before are a part of that model."""
    split = contract.data.split
    # as many rows as a run trains on: with more of them, more is found than its alarm sees
    drawn = np.random.default_rng(0).permutation(len(y))[: round((1.0 - split.validation - split.test) * len(y))]
    compared = {
        name: [columns[name][place] for place in drawn] for name in contract.feature_columns if name not in told
    }
    seasons = {}
    if time := contract.seasonal_column:
        seasons = {f"{time}:{unit}": values for unit, values in values_of(compared.pop(time)).items()}
    known, target = {*contract.features.known_before, *seasons}, repr(contract.problem.target)
    types = {**types, **dict.fromkeys(seasons, "number")}
    strong = dominance.search({**compared, **seasons}, types, y[drawn], classes)
    # what says the same as a part of the time is known as that is
    found = [each for each in strong if not known.issuperset(each.columns) and seasons.keys().isdisjoint(each.columns)]
    near = [each.columns[0] for each in found if each.is_near_perfect]
    like_all = f"alone predicts {target} nearly as well as all columns together"
    return [
        *_alike(near, f"alone predicts nearly all of {target}", f"each predict nearly all of {target} alone"),
        *(
            giveaway
            for each in found
            if not each.is_near_perfect
            for giveaway in _alike(each.columns, like_all, like_all.replace("predicts", "predict"))
        ),
    ]


def _alike(columns: list[str], one: str, several: str, *, of_target: bool = True) -> list[Giveaway]:
    """Columns of which the same is to be said, in one sentence."""
    if not columns:
        return []
    names = listed([repr(each) for each in columns], SHOWN)
    return [Giveaway(columns=columns, why=f"{names} {one if len(columns) == 1 else several}", of_target=of_target)]


def _sample(accepted: Path, names: list[str]) -> tuple[dict[str, list[Any]], int]:
    """Typed values of rows that are evenly spaced, by column; times in seconds. And n, where it is each n-th row."""
    file = pq.ParquetFile(accepted)
    every = max(1, -(-file.metadata.num_rows // ROWS))
    columns: dict[str, list[Any]] = {name: [] for name in names}
    before = 0
    for batch in file.iter_batches(columns=names):
        kept = batch.take(pa.array(range(-before % every, batch.num_rows, every), pa.int64()))
        before += batch.num_rows
        for name in names:
            columns[name] += _plain(kept.column(name))
    return columns, every


def _plain(values: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(values.type):
        micros = pc.cast(pc.cast(values, pa.timestamp("us")), pa.int64())
        # unsafe: from 2255 on a double rounds microseconds
        values = pc.divide(pc.cast(micros, pa.float64(), safe=False), 1e6)
    elif pa.types.is_integer(values.type):
        values = pc.cast(values, pa.float64(), safe=False)
    return list(values.to_pylist())


def _target(values: list[Any], kind: str) -> tuple[np.ndarray, int]:
    """Numbers, or indices of classes and how many there are."""
    if kind == "regression":
        return numbers(values), 0
    classes, y = np.unique(np.array([str(value) for value in values], dtype=object), return_inverse=True)
    return y, len(classes)


def _made(found: identities.Identity, features: Sequence[str], target: str) -> Giveaway:
    if found.kind == "formula":
        why = f"{found.formula} gives {target!r}"
    elif len(found.columns) <= SHOWN:
        why = f"{target!r} is {found.formula}"
    else:
        why = f"{target!r} is a sum of {listed([repr(each) for each in found.columns], SHOWN)}"
    return Giveaway(columns=[name for name in found.columns if name in features], why=why, of_target=True)
