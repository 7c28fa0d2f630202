"""What an identifier that is a text says about the target: by its first letters, its length, or the number in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from sluice.model.dominance.sampled import Sampled, codes
from sluice.model.dominance.skill import alone, skill
from sluice.model.schema import Value

TELLS = 0.2
_DIGITS = re.compile(r"\d{1,15}")


def told(values: Sequence[Value], sample: Sampled) -> tuple[str, float] | None:
    """The part that explains most, if that is TELLS or more. `values` of the rows of the sample."""
    texts = [None if value is None else str(value) for value in values]
    parts: dict[str, tuple[list[Value], str]] = {
        f"first {n} characters": ([None if text is None else text[:n] for text in texts], "category") for n in (1, 2, 3)
    }
    parts["length"] = ([None if text is None else float(len(text)) for text in texts], "number")
    parts["number"] = ([_number(text) for text in texts], "number")
    everywhere = np.ones(sample.rows, dtype=bool)
    explained = {
        what: skill(sample, alone(sample, codes(found, kind)), everywhere) for what, (found, kind) in parts.items()
    }
    best = max(explained, key=lambda what: explained[what])
    return (best, explained[best]) if explained[best] >= TELLS else None


def _number(text: str | None) -> float | None:
    found = _DIGITS.search(text) if text is not None else None
    return float(found.group()) if found else None
