"""Columns whose absence says the outcome: whether there is a value explains the target, without the value itself.

Whether a value is the usual one, such as 0, is left out: for honest measurements it explained up to 71 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from leakage.patterns import MIN_FILLED
from sluice.model.dominance.sampled import Sampled
from sluice.model.dominance.skill import alone, skill
from sluice.model.schema import Value

TELLS = 0.4
"""Skill of knowing only whether there is a value."""


class Absence(NamedTuple):
    columns: tuple[str, ...]
    skill: float


def search(columns: Mapping[str, Sequence[Value]], sample: Sampled) -> list[Absence]:
    """Columns that are absent in the same rows are one finding."""
    same: dict[bytes, list[str]] = {}
    for name, values in columns.items():
        empty = np.array([value is None for value in values])
        if min(int(empty.sum()), int((~empty).sum())) >= MIN_FILLED:
            same.setdefault(empty.astype(np.uint8).tobytes(), []).append(name)
    everywhere = np.ones(sample.rows, dtype=bool)
    found = []
    for mask, names in same.items():
        code = np.frombuffer(mask, dtype=np.uint8).astype(np.int64)
        told = skill(sample, alone(sample, code), everywhere)
        if told >= TELLS:
            found.append(Absence(tuple(names), told))
    return found
