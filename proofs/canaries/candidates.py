"""The canaries of the proof: fifty that are bad in six ways, fifty that are good in three, no two alike."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import Any

REPLAYED = 150
"""Requests that a release replays in this proof. A fault that shows `after` more than these is for the live steps."""
LIVE = (REPLAYED + 15, REPLAYED + 30, REPLAYED + 45)


@dataclass(frozen=True)
class Canary:
    """`knobs` are those of canary_fault.py; what a good one has learned depends on the champion (models.py)."""

    name: str
    good: bool
    kind: str
    knobs: dict[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        own = {name: value for name, value in self.knobs.items() if name not in ("kind", "seed")}
        return ", ".join(f"{name} {value}" for name, value in own.items())


_FAILING = (
    *({"rate": rate} for rate in (1.0, 0.5, 0.2)),
    {"rate": 1.0, "after": LIVE[0]},
    {"rate": 0.2, "after": LIVE[0]},
    {"rate": 0.35, "after": LIVE[1]},
    {"rate": 0.75, "after": LIVE[2]},
    {"rate": 0.2, "after": LIVE[1]},
    {"rate": 0.5, "after": LIVE[0]},
)
_SLOW = (
    {"rate": 1.0, "seconds": 2.5},
    {"rate": 0.3, "seconds": 3.5},
    {"rate": 1.0, "seconds": 2.5, "after": LIVE[0]},
    {"rate": 0.5, "seconds": 4.0},
    {"rate": 0.3, "seconds": 3.0, "after": LIVE[1]},
    {"rate": 0.6, "seconds": 3.0, "after": LIVE[0]},
    {"rate": 0.25, "seconds": 4.0},
    {"rate": 0.2, "seconds": 3.0, "after": LIVE[1]},
    {"rate": 1.0, "seconds": 3.0, "after": LIVE[2]},
)
_MALFORMED = (
    {"how": "no JSON", "rate": 1.0},
    {"how": "NaN", "rate": 0.2},
    {"how": "too few", "rate": 1.0, "after": LIVE[0]},
    {"how": "above 1", "rate": 0.5},
    {"how": "no prediction", "rate": 0.5, "after": LIVE[1]},
    {"how": "cut off", "rate": 0.3},
    {"how": "no predictions", "rate": 0.3, "after": LIVE[0]},
    {"how": "too many", "rate": 0.4},
    {"how": "empty", "rate": 0.5, "after": LIVE[0]},
    {"how": "below 0", "rate": 0.2},
    {"how": "a text", "rate": 0.3, "after": LIVE[0]},
)
_SHIFTED = (
    {"how": "high"},
    {"how": "inverted", "after": LIVE[0]},
    {"how": "low"},
    {"how": "higher", "after": LIVE[0]},
    {"how": "inverted"},
    {"how": "extreme"},
    {"how": "constant", "after": LIVE[0]},
    {"how": "lower"},
    {"how": "higher", "rate": 0.6},
)
_CRASH = (
    {"how": "exit at import"},
    {"how": "exception in model_fn"},
    {"how": "missing module"},
    {"how": "exit in model_fn"},
    {"how": "killed at import"},
    {"how": "exit at import", "code": 0},
    {"how": "exit at import", "code": 137},
    {"how": "no model_fn"},
)
_MEMORY = (
    {"mib": 64},
    {"mib": 16},
    {"mib": 64, "after": LIVE[0]},
    {"mib": 8},
    {"mib": 128, "after": LIVE[1]},
    {"mib": 32, "rate": 0.5},
    {"mib": 128, "rate": 0.3, "after": LIVE[0]},
    {"mib": 256, "rate": 0.3},
)
BAD: dict[str, tuple[dict[str, Any], ...]] = {
    "failing": _FAILING,
    "slow": _SLOW,
    "malformed": _MALFORMED,
    "shifted": _SHIFTED,
    "crash on load": _CRASH,
    "memory": _MEMORY,
}
GOOD = ("the same model", "the same family, other rows", "another family")


def canaries(good: int, bad: int, seed: int, kinds: list[str] | None = None) -> list[Canary]:
    """In an order that depends on `seed` alone; the kinds take turns."""
    chance = random.Random(seed)
    names = list(itertools.islice(itertools.cycle(kinds or list(BAD)), bad))
    made = [_bad(number, kind, names[:number].count(kind), chance) for number, kind in enumerate(names)]
    made += [Canary(f"good-{n:02d}", True, GOOD[n % 3]) for n in range(good)]
    chance.shuffle(made)
    return made


def _bad(number: int, kind: str, nth: int, chance: random.Random) -> Canary:
    knobs = BAD[kind][nth % len(BAD[kind])]
    return Canary(f"bad-{number:02d}", False, kind, {"kind": kind, **knobs, "seed": chance.randrange(1 << 30)})
