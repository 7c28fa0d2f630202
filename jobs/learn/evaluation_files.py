"""What an evaluation reads and writes whatever the problem's type: packed models, latency, requests, JSON files."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sluice.model import opening
from sluice.model.errors import ArtifactError
from sluice.model.metrics import LOWER_IS_BETTER
from sluice.model.model import Answers, Model
from sluice.model.schema import Row, Schema

Json = dict[str, Any]
LATENCY_CALLS = 300
HELD_OUT_ROWS = REFERENCE_ROWS = 5_000
"""Test rows that are kept as requests, for releases without live traffic: what `release.replay` may be at most."""


def load_model(folder: Path, role: str, scratch: Path) -> Model:
    """The model of an input folder that holds one model.tar.gz. Raises ArtifactError naming the role."""
    archives = sorted(folder.glob("**/*.tar.gz")) if folder.is_dir() else []
    if len(archives) != 1:
        raise ArtifactError(f"input {role}: {len(archives)} archives in {folder} where one model.tar.gz is expected")
    target = scratch / role
    try:
        opening.opened(archives[0], target)
        return Model.load(target, exact=True)
    except ArtifactError as error:
        raise ArtifactError(f"input {role}: {error}") from None


def common_members(contract: Mapping[str, Any], candidate: Model, rows: int, not_compared: Mapping[str, str]) -> Json:
    """The members that every evaluation.json has, whatever the problem: null or empty what is not measured yet.

    `sluice.records.evaluation` has the types of all members.
    """
    metric = contract["problem"]["metric"]
    return {
        "metric": metric,
        "lower_is_better": metric in LOWER_IS_BETTER,
        "problem": candidate.labels.problem,
        "rows": rows,
        **dict.fromkeys(("candidate", "baseline", "champion", "anchor")),
        **dict.fromkeys(("paired", "paired_anchor", "paired_baseline")),
        "slices": {},
        "not_compared": dict(not_compared),
        "undefined": {},
        "encoding": candidate.left_out,
    }


def has_champion(folder: Path) -> bool:
    """No champion yet: the input is absent or empty. Anything else must be a good artefact."""
    return folder.is_dir() and any(folder.iterdir())


def latency(model: Model, rows: Sequence[Row]) -> dict[str, float]:
    """Milliseconds to encode and score one row in this process: p50 and p99 of LATENCY_CALLS calls."""
    times = []
    for i in range(LATENCY_CALLS + 20):
        row = rows[i % len(rows)]
        began = time.perf_counter()
        model.predict([row])
        times.append(time.perf_counter() - began)
    p50, p99 = np.quantile(times[20:], [0.5, 0.99]) * 1000.0
    return {"p50": round(float(p50), 4), "p99": round(float(p99), 4)}


def as_json(value: Any, name: str, schema: Schema) -> Any:
    """A typed value as a request says it: times are text in the column's format, whole numbers have no point."""
    if schema.types[name] == "timestamp":
        moment, dates = datetime.fromtimestamp(value, UTC), schema.reading(name).dates
        return moment.strftime(dates[0]) if dates else moment.isoformat()
    return int(value) if schema.types[name] == "integer" else value


def write_held_out(path: Path, rows: Sequence[Row], schema: Schema, target: str) -> None:
    """Some of the rows as JSON requests, one a line, without the target; drawn by chance, and always the same."""
    names = [name for name in schema.types if name != target]
    with path.open("w", encoding="utf-8") as file:
        for place in np.random.default_rng(0).permutation(len(rows))[:HELD_OUT_ROWS]:
            row = rows[place]
            record = {name: as_json(row[name], name, schema) for name in names if row.get(name) is not None}
            file.write(json.dumps(record, allow_nan=False) + "\n")


def write_reference(
    path: Path, rows: Sequence[Row], schema: Schema, contract: Mapping[str, Any], answers: Answers
) -> None:
    """Some of the rows as monitoring compares later requests with them, one a line, drawn by chance, always the same.

    `{"row": {features}, "at": seconds since 1970 of the contract's time column, or null, "label": the target's value,
    or null, "said": the model's answer}`; values as requests have them.
    """
    said = answers.records()
    time, target = contract["data"].get("time"), contract["problem"].get("target")
    with path.open("w", encoding="utf-8") as file:
        for place in np.random.default_rng(0).permutation(len(rows))[:REFERENCE_ROWS]:
            row = rows[place]
            told = {
                "row": {
                    name: as_json(row[name], name, schema) for name in schema.features if row.get(name) is not None
                },
                "at": row.get(time) if time and schema.types[time] == "timestamp" else None,
                "label": as_json(row[target], target, schema) if target and row.get(target) is not None else None,
                "said": said[place],
            }
            file.write(json.dumps(told, allow_nan=False) + "\n")


def write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")
