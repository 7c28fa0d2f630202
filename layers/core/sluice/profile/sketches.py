"""Mergeable sketches as plain JSON, in pure Python: the profile of a union is the merge of the profiles.

*Quantiles*: DDSketch (Masson, Rim, Lee, VLDB 2019, arXiv 1908.10693). A value x > 0 counts in bucket
ceil(log_γ x), γ = (1 + α) / (1 - α); each quantile is off by at most α = 1 % of its value. Merging adds counts, so it
is exact, associative and commutative.

*Distinct values*: HyperLogLog (Flajolet et al. 2007) with 2^11 registers, standard error 1.04 / √2048 = 2.3 %;
merging takes the greatest of each register, exactly.

*Counts of values*: exact up to MAX_COUNTED distinct values, then given up for good (None), which is associative too.

*Mean and variance*: Chan, Golub, LeVeque 1979; merging is exact up to rounding.
"""

from __future__ import annotations

import base64
import hashlib
import math
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from sluice.model.values import finite

ALPHA = 0.01
GAMMA = (1 + ALPHA) / (1 - ALPHA)
MAX_COUNTED = 256
_BITS = 11
_REGISTERS = 1 << _BITS

Sketch = dict[str, Any]


def merge_counts(a: Mapping[str, int] | None, b: Mapping[str, int] | None) -> dict[str, int] | None:
    if a is None or b is None or len(a.keys() | b.keys()) > MAX_COUNTED:
        return None
    return {key: a.get(key, 0) + b.get(key, 0) for key in sorted(a.keys() | b.keys())}


def merge_quantiles(a: Sketch, b: Sketch) -> Sketch:
    def add(side: str) -> dict[str, int]:
        both = a[side].keys() | b[side].keys()
        return {key: a[side].get(key, 0) + b[side].get(key, 0) for key in sorted(both, key=int)}

    return {"positive": add("positive"), "negative": add("negative"), "zero": a["zero"] + b["zero"]}


def buckets(sketch: Sketch) -> list[tuple[float, int]]:
    """(representative value, count) of each bucket, ascending by value."""

    def value(index: str) -> float:
        # in logarithms, since γ^i of the outermost buckets would overflow
        return math.exp(min(int(index) * math.log(GAMMA) + math.log(2 / (GAMMA + 1)), 709.78))

    low = [(-value(i), n) for i, n in sorted(sketch["negative"].items(), key=lambda item: -int(item[0]))]
    middle = [(0.0, sketch["zero"])] if sketch["zero"] else []
    return low + middle + [(value(i), n) for i, n in sorted(sketch["positive"].items(), key=lambda item: int(item[0]))]


def quantile(sketch: Sketch, q: float) -> float | None:
    """The q-quantile (0 ≤ q ≤ 1) within 1 % of its value; None of nothing."""
    found = buckets(sketch)
    rank = q * (sum(n for _, n in found) - 1)
    seen = 0
    for value, n in found:
        seen += n
        if seen > rank:
            return value
    return None


def hyperloglog(texts: Iterable[str]) -> str:
    """Registers over the texts, packed as base64."""
    registers = bytearray(_REGISTERS)
    for text in texts:
        number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
        place = number >> (64 - _BITS)
        rest = number & ((1 << (64 - _BITS)) - 1)
        rank = (64 - _BITS) - rest.bit_length() + 1
        if rank > registers[place]:
            registers[place] = rank
    return _pack(registers)


def merge_distinct(a: str, b: str) -> str:
    return _pack(bytes(map(max, _unpack(a), _unpack(b))))


def distinct(packed: str) -> int:
    """Estimated number of distinct values."""
    registers = _unpack(packed)
    raw = 0.7213 / (1 + 1.079 / _REGISTERS) * _REGISTERS**2 / sum(2.0**-r for r in registers)
    empty = registers.count(0)
    if raw <= 2.5 * _REGISTERS and empty:
        return round(_REGISTERS * math.log(_REGISTERS / empty))
    return round(raw)


def merge_moments(a: Sketch, b: Sketch) -> Sketch:
    """`n`, `min`, `max`, `mean`, `m2` (sum of squared deviations); m2 is None where it overflows."""
    if not a["n"] or not b["n"]:
        return dict(b if not a["n"] else a)
    n = a["n"] + b["n"]
    delta = b["mean"] - a["mean"]
    # the difference of the largest numbers overflows where their weighted sum does not
    mean = (
        a["mean"] + delta * (b["n"] / n)
        if math.isfinite(delta)
        else a["mean"] * (a["n"] / n) + b["mean"] * (b["n"] / n)
    )
    m2 = None
    if a["m2"] is not None and b["m2"] is not None:
        m2 = finite(a["m2"] + b["m2"] + delta * delta * (a["n"] * b["n"] / n))
    return {"n": n, "min": min(a["min"], b["min"]), "max": max(a["max"], b["max"]), "mean": mean, "m2": m2}


def _pack(registers: bytes | bytearray) -> str:
    return base64.b64encode(zlib.compress(bytes(registers), 9)).decode()


def _unpack(packed: str) -> bytes:
    return zlib.decompress(base64.b64decode(packed))
