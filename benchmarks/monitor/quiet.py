"""Whether a measurement is quiet where nothing drifts: shuffled online_shoppers, and bike_sharing's ordinary year."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sluice.contract import Contract
from sluice.model.reference import reference_profile
from sluice.model.schema import Schema
from sluice.profile import chance, drift
from sluice.profile.hour import HourProfile
from sluice.profile.seasons import DAY, Reference
from sluice.profile.window import WindowProfile, first_line
from sluice.records.baseline import Baseline

LIMIT = 0.2
SIZES, SEEDS = (50, 200, 1_000, 5_000), 20
REFERENCE = 5_000
Row = dict[str, Any]


def read(path: Path) -> list[Row]:
    with path.open(newline="") as file:
        return [{name: _value(text) for name, text in row.items()} for row in csv.DictReader(file)]


def _value(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def contract(rows: Sequence[Row], target: str, left_out: Sequence[str] = ()) -> Contract:
    kinds = {
        name: "number" if all(isinstance(row[name], float) for row in rows) else "category"
        for name in rows[0]
        if name not in left_out
    }
    columns = {name: {"type": kind} for name, kind in kinds.items()}
    return Contract.model_validate(
        {
            "project": "quiet",
            "problem": {"type": "regression" if kinds[target] == "number" else "multiclass", "target": target},
            "data": {"columns": columns},
        }
    )


def baseline(shape: Contract, rows: Sequence[Row]) -> Baseline:
    schema = Schema.from_contract(shape.model_dump(mode="json"))
    typed = [schema.typed_json(row) for row in rows]
    return Baseline.of(reference_profile(schema, typed, np.zeros(len(typed))), "the bench")


def profiled(shape: Contract, model: Baseline, rows: Sequence[Row]) -> WindowProfile:
    profile = HourProfile(shape, model)
    about: list[Any] = [{"at": None, "client": None}] * len(rows)
    profile.add(rows, [{}] * len(rows), [str(at) for at in range(len(rows))], about, len(rows))
    window = WindowProfile()
    window.add(first_line(profile.to_lines({})))
    return window


def rung(found: dict[str, drift.Drift]) -> list[str]:
    return sorted(name for name, each in found.items() if each.counted(LIMIT) > LIMIT)


def shuffled(data: Path) -> Iterator[tuple[int, int, list[str]]]:
    """(seed, rows of the window, columns whose alarm rings) of each measurement."""
    rows = read(data / "online_shoppers" / "online_shoppers_intention.csv")
    target = "Revenue"
    shape = contract(rows, target)
    rare = chance.of_each_measurement(3_600, DAY)
    for seed in range(SEEDS):
        order = np.random.default_rng(seed).permutation(len(rows))
        mixed = [rows[at] for at in order]
        model = baseline(shape, mixed[: len(rows) // 2])
        for size in SIZES:
            window = profiled(shape, model, mixed[len(rows) // 2 :][:size])
            yield seed, size, rung(drift.compare_profile(model, window.columns, rare))


def by_the_year(data: Path, days: int) -> Iterator[tuple[str, list[str], list[str]]]:
    """(first day, columns that ring, those that would without the season) of bike_sharing's second year, against the
    first."""
    rows = read(data / "bike_sharing" / "hour.csv")
    times = np.array([_time(row) for row in rows])
    shape = contract(rows, "cnt", ("instant", "dteday", "yr", "casual", "registered"))
    split = datetime(2012, 1, 1, tzinfo=UTC).timestamp()
    first = [row for row, at in zip(rows, times, strict=True) if at < split]
    model = baseline(shape, first)
    chosen = np.random.default_rng(0).permutation(len(first))[:REFERENCE]
    reference = Reference(model, [first[at] for at in chosen], times[chosen])
    rare = chance.of_each_measurement(3_600, days * DAY)
    for start in np.arange(split, times.max() - days * DAY, days * DAY):
        inside = np.flatnonzero((times >= start) & (times < start + days * DAY))
        if len(inside) < 20:
            continue
        window = profiled(shape, model, [rows[at] for at in inside])
        season = reference.season(times[inside], len(inside))
        known = drift.compare_profile(model, window.columns, rare, season.columns if season else None)
        yield (
            f"{datetime.fromtimestamp(start, UTC):%Y-%m-%d}",
            rung(known),
            rung(drift.compare_profile(model, window.columns)),
        )


def _time(row: Row) -> float:
    return datetime.fromisoformat(f"{row['dteday']}T{int(row['hr']):02}:00:00+00:00").timestamp()
