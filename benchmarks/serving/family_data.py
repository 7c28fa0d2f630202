"""The project that the families of `make bench-families` learn: columns of every type, with gaps."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from project_data import ProjectData
from sluice.model.labels import Labels
from sluice.model.schema import Schema

TRAINED, HELD_OUT, ASKED = 4_000, 1_000, 1_000
SEED = 11
METRICS = {
    "binary": "roc_auc",
    "multiclass": "log_loss",
    "regression": "rmse",
    "clustering": "silhouette",
    "anomaly": "stability",
}
CLASSES = ("low", "lower", "middle", "higher", "high")
NUMBERS, WHOLE = [f"n{i}" for i in range(7)], ["i0", "i1"]
CATEGORIES = {f"c{i}": [f"v{j}" for j in range(count)] for i, count in enumerate((3, 4, 6, 12, 60))}
WORDS = 3_000
TEXT_WORDS = (6, 24)
"""A note has this many words: 100 characters in the middle."""
MISSING, UNSEEN = 0.15, 0.1
"""Shares of the cells, and of the categories, of the rows that the served models are asked for."""

Record = dict[str, Any]


def records(
    count: int, seed: int, *, texts: bool, missing: float, unseen: float = 0.0
) -> tuple[list[Record], list[float]]:
    """Rows as a caller sends them in JSON, and the number behind each row's target."""
    chance = random.Random(seed)
    vocabulary = _vocabulary()
    rows, signals = [], []
    for _ in range(count):
        row: Record = {name: round(chance.gauss(0, 10 ** (i % 3)), 4) for i, name in enumerate(NUMBERS)}
        row["n6"] = round(chance.lognormvariate(3, 1.5), 2)
        row |= {name: chance.randint(0, 30 * (i + 1)) for i, name in enumerate(WHOLE)}
        row |= {name: chance.choice(values) for name, values in CATEGORIES.items()}
        row["b0"] = chance.random() < 0.4
        month, day, hour = chance.randint(1, 12), chance.randint(1, 28), chance.randint(0, 23)
        row["t0"] = f"2026-{month:02d}-{day:02d}T{hour:02d}:30:00Z"
        signal = row["n0"] + 0.05 * row["n1"] * (row["c0"] == "v1") + 1.5 * (row["c3"] == "v2")
        signal += 0.02 * row["n2"] + 0.05 * row["i0"] + (hour > 17) + np.sin(row["n3"]) - 0.3 * (row["n6"] > 40)
        if texts:
            # a Zipf law's words: a few come often, most are rare
            places = [min(WORDS - 1, int(WORDS ** chance.random())) for _ in range(chance.randint(*TEXT_WORDS))]
            row["note"] = " ".join(vocabulary[place] for place in places).capitalize() + "."
            signal += sum((place % 7 == 0) - (place % 5 == 0) for place in places) * 0.4
        for name in row:
            if name in CATEGORIES and chance.random() < unseen:
                row[name] = f"never seen {chance.randint(0, 9)}"
            elif chance.random() < missing:
                row[name] = None
        rows.append(row)
        signals.append(float(signal + chance.gauss(0, 0.7)))
    return rows, signals


def _vocabulary() -> list[str]:
    chance = random.Random(SEED)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    return ["".join(chance.choices(syllables, k=chance.randint(1, 5))) for _ in range(WORDS)]


def contract(problem: str, *, texts: bool) -> dict[str, Any]:
    columns = {
        **dict.fromkeys(NUMBERS, "number"),
        **dict.fromkeys(WHOLE, "integer"),
        **dict.fromkeys(CATEGORIES, "category"),
        "b0": "boolean",
        "t0": "timestamp",
        **({"note": "text"} if texts else {}),
    }
    target = {"binary": "boolean", "multiclass": "category", "regression": "number"}.get(problem)
    if target is not None:
        columns["y"] = target
    return {
        "problem": {
            "type": problem,
            "target": None if target is None else "y",
            "positive": True if problem == "binary" else None,
            "metric": METRICS[problem],
        },
        "data": {
            "key": [],
            "time": None,
            "columns": {name: {"type": kind, "nullable": True} for name, kind in columns.items()},
        },
        "features": {"drop": [], "bins": {}, "log": [], "interactions": False},
        "training": {"candidates": [], "seed": SEED, "learning_curve": False},
        "gates": [],
    }


def target_of(problem: str, signal: float) -> Any:
    if problem == "binary":
        return signal > 1.5
    if problem == "multiclass":
        return CLASSES[int(np.searchsorted([-0.5, 0.8, 2.0, 3.5], signal))]
    return signal


@cache
def project(problem: str, *, texts: bool = False) -> ProjectData:
    """The data of a problem with a target."""
    known = contract(problem, texts=texts)
    schema = Schema.from_contract(known)
    rows, signals = records(TRAINED + HELD_OUT, SEED, texts=texts, missing=0.03)
    typed = [{**schema.typed_json(row), "y": target_of(problem, s)} for row, s in zip(rows, signals, strict=True)]
    train, held_out = typed[:TRAINED], typed[TRAINED:]
    labels = Labels.fit(known, train, "channel train")
    return ProjectData(
        known, schema, labels, train, labels.encode(train, "train"), held_out, labels.encode(held_out, "validation")
    )


def asked(*, texts: bool = False) -> list[Record]:
    """What the served models are asked for: ASKED rows that none was trained on, with many gaps and unseen values."""
    rows, _ = records(ASKED, SEED + 1, texts=texts, missing=MISSING, unseen=UNSEEN)
    return rows


def typed(known: Mapping[str, Any], rows: list[Record]) -> list[dict[str, Any]]:
    schema = Schema.from_contract(known)
    return [schema.typed_json(row) for row in rows]
